import { Controller, Get, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Caller, Endpoint, Query, RawBody } from '#infra/http/endpoint.ts';
import { HTML, pageOf } from '#infra/http/page.ts';
import { verification } from './auth.controller.ts';
import { verificationForm } from './pages.ts';

const byToken = z.object({ token: z.string().max(200) });

/** Where the link of a verification mail leads. */
@Controller('auth/verify-email')
export class VerificationPagesController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Get()
  @Endpoint({
    summary: 'A page with a button that verifies; opening it spends nothing.',
    actors: 'anyone',
    query: byToken,
    response: z.string(),
    produces: HTML,
    secretAnswer: true,
  })
  page(@Query() { token }: z.output<typeof byToken>): string {
    return verificationForm(token);
  }

  @Post('form')
  @Endpoint({
    summary: 'Takes the button of the page.',
    actors: 'anyone',
    response: z.string(),
    status: 200,
    produces: HTML,
    rawBody: true,
    rate: 'strict',
    secretAnswer: true,
  })
  async verify(@RawBody() body: Buffer, @Caller() caller: Caller): Promise<string> {
    const token = new URLSearchParams(body.toString('utf8')).get('token') ?? '';
    await this.commands.send(verification(token), caller.commandContext());
    return pageOf('Thank you', ['Your e-mail address is confirmed. You can log in now.']);
  }
}
