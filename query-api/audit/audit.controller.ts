import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Histories } from './history.ts';

const address = z.object({
  aggregateType: z.string().regex(/^[A-Za-z]{1,60}$/),
  aggregateId: z.string().regex(/^[\w-]{1,120}$/),
});
const part = z.object({
  cursor: z
    .string()
    .regex(/^\d{1,9}$/)
    .default('0')
    .describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  reason: z.string().trim().min(5).max(500).optional().describe('Why personal data must be seen: a case number rather than a name.'),
});
const envelope = z.object({
  eventId: z.string(),
  eventType: z.string(),
  aggregateId: z.string(),
  aggregateType: z.string(),
  eventVersion: z.string(),
  timestamp: z.string(),
  correlationId: z.string(),
  causationId: z.string(),
  revision: z.number().int(),
  position: z.string(),
  metadata: z.looseObject({ source: z.string(), role: z.string(), userId: z.string().optional(), reason: z.string().optional() }),
  data: z.record(z.string(), z.unknown()),
});

@Controller('audit')
export class AuditController {
  constructor(@Inject(Histories) private readonly histories: Histories) {}

  @Get(':aggregateType/:aggregateId/events')
  @Endpoint({
    summary: 'Read the history of an aggregate: what happened, when, by whom and why. Each reading is recorded.',
    actors: ['admin'],
    params: address,
    query: part,
    response: z.object({ events: z.array(envelope), next: z.string().nullable(), personalShown: z.boolean() }),
    secretAnswer: true,
  })
  events(@Params() of: z.output<typeof address>, @Query() { cursor, limit, reason }: z.output<typeof part>, @Caller() caller: Caller) {
    return this.histories.read({ ...of, fromRevision: Number(cursor), limit, reason }, caller);
  }
}
