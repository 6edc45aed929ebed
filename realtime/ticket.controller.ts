import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Tickets } from '#infra/auth/tickets.ts';
import type { Config } from '#infra/config/config.ts';
import { Caller, Endpoint } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';

/** Where clients reach the WebSocket: `https://api.example.com` has it at `wss://api.example.com/ws`. */
export function socketUrl(publicUrl: string): string {
  return `${publicUrl.replace(/^http/, 'ws')}/ws`;
}

const ticketAnswer = z.object({
  ticket: z.string().describe('Good once, within 30 seconds: GET <url>?ticket=<ticket>[&lastId=<last frame seen>].'),
  url: z.url({ protocol: /^wss?$/ }),
  expiresAt: z.iso.datetime(),
});

@Controller('realtime')
export class TicketController {
  constructor(
    @Inject(Tickets) private readonly tickets: Tickets,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicHttp'>,
  ) {}

  @Post('ticket')
  @Endpoint({
    summary: 'Get a one-use ticket to open the WebSocket with.',
    actors: ['student', 'tutor', 'parent', 'admin'],
    response: ticketAnswer,
    status: 201,
    secretAnswer: true,
  })
  async issue(@Caller() caller: Caller): Promise<z.output<typeof ticketAnswer>> {
    return { ...(await this.tickets.issue(caller.actor)), url: socketUrl(this.config.publicHttp.url) };
  }
}
