import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { Body, Caller, Endpoint, Params } from '#infra/http/endpoint.ts';
import { Database } from '#infra/postgres/database.ts';
import { OutboxOperations } from '#infra/process-managers/operations.ts';
import { askFor, projectionAct } from '#infra/projections/acts.ts';
import { operations } from './report.ts';

const report = z.object({
  consumers: z.array(
    z.object({
      consumer: z.string(),
      version: z.number().int(),
      state: z.string(),
      position: z.string(),
      updatedAt: z.string(),
      lagSeconds: z.number().optional(),
      parked: z.number().int(),
    }),
  ),
  outbox: z.array(
    z.object({
      manager: z.string(),
      waiting: z.number().int(),
      timers: z.number().int(),
      parked: z.number().int(),
      retrying: z.number().int(),
      oldestSeconds: z.number(),
    }),
  ),
  leases: z.array(z.object({ name: z.string(), secondsLeft: z.number(), fencingToken: z.number().int() })),
  eventsPerSecond: z.number(),
});
const troubled = z.object({
  rows: z.array(
    z.object({
      id: z.string(),
      manager: z.string(),
      instance: z.string(),
      state: z.enum(['pending', 'parked']),
      commandType: z.string().nullable(),
      eventType: z.string(),
      eventId: z.string(),
      due: z.string().nullable(),
      attempts: z.number().int(),
      lastError: z.string().nullable(),
      createdAt: z.string(),
      behind: z.number().int(),
    }),
  ),
});
const row = z.object({ id: z.uuid() });
const why = z.string().trim().min(1).max(500).describe('Stored with the act.');
const message = z.object({ type: z.string().min(1), data: z.record(z.string(), z.unknown()) });
const outboxAct = z.discriminatedUnion('act', [
  z.object({ act: z.literal('retry'), why }),
  z.object({ act: z.literal('edit'), why, data: z.record(z.string(), z.unknown()) }),
  z.object({ act: z.literal('skip'), why }),
  z.object({ act: z.literal('compensate'), why, command: message.optional() }),
]);
const askedAct = z.object({ what: projectionAct, why });
const accepted = z.object({ id: z.string() });

/** The engines for operators: how they are doing, and what may be done about it. */
@Controller('internal/operations')
export class OperationsController {
  readonly #outbox: OutboxOperations;

  constructor(@Inject(Database) private readonly database: Database) {
    this.#outbox = new OutboxOperations(database);
  }

  @Get()
  @Endpoint({ summary: 'How the engines are doing.', actors: ['internal', 'admin'], response: report })
  async read(): Promise<z.output<typeof report>> {
    return report.parse(await operations(this.database));
  }

  @Get('outbox')
  @Endpoint({ summary: 'Reactions that failed: parked, or being tried again.', actors: ['internal', 'admin'], response: troubled })
  async troubled(): Promise<z.output<typeof troubled>> {
    return { rows: await this.#outbox.troubled() };
  }

  @Post('outbox/:id')
  @Endpoint({
    summary: 'Retries, edits, skips or compensates a reaction that failed.',
    actors: ['internal', 'admin'],
    params: row,
    body: outboxAct,
    response: accepted,
    status: 202,
  })
  async act(
    @Params() { id }: z.output<typeof row>,
    @Body() asked: z.output<typeof outboxAct>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof accepted>> {
    const operator = { who: nameOf(caller), why: asked.why };
    if (asked.act === 'retry') await this.#outbox.retry(id, operator);
    else if (asked.act === 'skip') await this.#outbox.skip(id, operator);
    else if (asked.act === 'edit') await this.#outbox.editAndRetry(id, asked.data, operator);
    else await this.#outbox.compensate(id, operator, asked.command);
    return { id };
  }

  @Post('projections')
  @Endpoint({
    summary: 'Asks for a read model to be paused or resumed, or for what it holds back to be retried or skipped.',
    actors: ['internal', 'admin'],
    body: askedAct,
    response: accepted,
    status: 202,
  })
  async ask(@Body() asked: z.output<typeof askedAct>, @Caller() caller: Caller): Promise<z.output<typeof accepted>> {
    return { id: await askFor(this.database, asked.what, { who: nameOf(caller), why: asked.why }) };
  }
}

function nameOf({ actor }: Caller): string {
  return actor.userId ?? actor.role;
}

@Module({ controllers: [OperationsController] })
export class OperationsModule {}
