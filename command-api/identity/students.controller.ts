import { Controller, Delete, Inject, Post, Put } from '@nestjs/common';
import type { z } from 'zod';
import { requestParentConsent, revokeParentConsent } from '#domain/identity/parent-consent.messages.ts';
import { createStudentProfile, updateStudentProfile } from '#domain/identity/student-profile.ts';
import { command } from '#domain/kernel/command.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { Config } from '#infra/config/config.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';

const newProfile = createStudentProfile.data.omit({ studentId: true });
const changes = updateStudentProfile.data.omit({ studentId: true });
const askAgain = requestParentConsent.data.pick({ parentEmail: true });

@Controller('students')
export class StudentsController {
  readonly #tokens: MailTokens;

  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(CONFIG) config: Pick<Config, 'masterKey'>,
  ) {
    this.#tokens = new MailTokens(config.masterKey);
  }

  @Post('profile')
  @Endpoint({
    summary: 'Start the student profile; somebody under 18 gives only the date of birth and a parent’s e-mail address.',
    actors: ['student'],
    body: newProfile,
    response: commandAnswer,
  })
  create(@Body() profile: z.output<typeof newProfile>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(createStudentProfile, { studentId: caller.actor.userId!, ...profile }), caller.commandContext());
  }

  @Put('profile')
  @Endpoint({ summary: 'Complete or change the student profile.', actors: ['student'], body: changes, response: commandAnswer })
  update(@Body() profile: z.output<typeof changes>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(updateStudentProfile, { studentId: caller.actor.userId!, ...profile }), caller.commandContext());
  }

  @Post('consent/resend')
  @Endpoint({
    summary: 'Ask the parent again, at the same address or at another one.',
    actors: ['student'],
    body: askAgain,
    response: commandAnswer,
    status: 202,
    rate: 'strict',
  })
  resend(@Body() { parentEmail }: z.output<typeof askAgain>, @Caller() caller: Caller): Promise<CommandResult> {
    const studentId = caller.actor.userId!;
    const requestId = caller.newId('consent request');
    const { hash: tokenHash } = this.#tokens.mint('parent-consent', studentId, requestId);
    return this.commands.send(command(requestParentConsent, { studentId, requestId, parentEmail, tokenHash }), caller.commandContext());
  }

  @Delete(':id/consent')
  @Endpoint({
    summary: 'Take a parent’s consent back on the parent’s behalf; parents do it with the link of their mail.',
    actors: ['admin'],
    params: byId,
    response: commandAnswer,
  })
  revoke(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(revokeParentConsent, { studentId: id }), caller.commandContext());
  }
}
