import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { pairId, uuid } from '#domain/kernel/ids.ts';
import { MatchNotFound } from '#domain/matching/student-tutor-match.ts';
import { Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { chatChannels } from '#projections/matching/chat-channels.ts';
import { connectionRequests } from '#projections/matching/connection-requests.ts';
import { matches } from '#projections/matching/matches.ts';
import { match } from './answers.ts';
import { ConnectionsQueries } from './connections.queries.ts';

const pair = z.object({ studentId: uuid, tutorId: uuid });
const count = z.number().int();
const period = z.object({ from: z.iso.datetime().describe('Included.'), to: z.iso.datetime().describe('Not included.') });
const figures = period.extend({
  sent: count,
  viewed: count,
  accepted: count,
  rejected: count,
  expired: count,
  withdrawn: count,
  voided: count,
  open: count,
  medianMinutesToAnswer: z.number().nullable(),
});

@Controller('internal')
export class InternalMatchingQueriesController {
  constructor(@Inject(ConnectionsQueries) private readonly connections: ConnectionsQueries) {}

  @Get('matches/:studentId/:tutorId')
  @Endpoint({
    summary: 'Whether a student and a tutor are connected.',
    actors: ['internal', 'admin'],
    params: pair,
    response: match,
    reads: [matches.name, chatChannels.name],
  })
  async match(@Params() { studentId, tutorId }: z.output<typeof pair>): Promise<z.output<typeof match>> {
    const found = await this.connections.match(pairId(studentId, tutorId));
    if (found === undefined) throw new MatchNotFound();
    return found;
  }

  @Get('connections/analytics')
  @Endpoint({
    summary: 'What became of the connection requests of a time.',
    actors: ['internal', 'admin'],
    query: period,
    response: figures,
    reads: [connectionRequests.name],
  })
  async analytics(@Query() { from, to }: z.output<typeof period>): Promise<z.output<typeof figures>> {
    return { from, to, ...(await this.connections.figures(from, to)) };
  }
}
