import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { Codec } from '#infra/event-store/codec.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Body, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { GROUPS } from '#infra/operations/acts.ts';
import { OperationsRecord } from '#infra/operations/record.ts';
import { Database } from '#infra/postgres/database.ts';
import { OutboxOperations, ReactionActs } from '#infra/process-managers/operations.ts';
import { askFor, projectionAct } from '#infra/projections/acts.ts';
import { ACTING, asked, operatorOf, why } from './asking.ts';
import { reactionActs } from './dead-letter-office.ts';
import { DeadLettersController } from './dead-letters.controller.ts';
import { operations } from './report.ts';

const report = z.object({
  groups: z.array(z.object({ group: z.string(), led: z.boolean(), lagSeconds: z.number().optional(), eventsPerSecond: z.number() })),
  consumers: z.array(
    z.object({
      consumer: z.string(),
      group: z.string(),
      version: z.number().int(),
      state: z.string(),
      position: z.string(),
      updatedAt: z.string(),
      lagSeconds: z.number().optional(),
      backlog: z.number().int().optional().describe('Events that wait, counted up to 10000.'),
      parked: z.number().int().describe('Events, or reactions, that are held back.'),
      parkedKeys: z.number().int().describe('The keys, or instances, that they are of.'),
      attempts: z.number().int().describe('The most attempts that anything held back, or tried again, has had.'),
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
const message = z.object({ type: z.string().min(1), data: z.record(z.string(), z.unknown()) });
const outboxAct = z.discriminatedUnion('act', [
  z.object({ act: z.literal('retry'), why }),
  z.object({ act: z.literal('edit'), why, data: z.record(z.string(), z.unknown()) }),
  z.object({ act: z.literal('skip'), why }),
  z.object({ act: z.literal('compensate'), why, command: message.optional() }),
]);
const askedAct = z.object({ what: projectionAct, why });
const ofGroup = z.object({ group: z.enum(GROUPS), limit: z.coerce.number().int().min(1).max(200).default(50) });
const onRecord = z.object({
  acts: z.array(
    z.object({
      id: z.string(),
      act: z.string(),
      who: z.string(),
      why: z.string(),
      askedAt: z.string(),
      state: z.enum(['requested', 'done', 'failed']),
      outcome: z.string().nullable(),
      about: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** The engines for operators: how they are doing, and what may be done about it. */
@Controller('internal/operations')
export class OperationsController {
  readonly #outbox: OutboxOperations;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OperationsRecord) private readonly record: OperationsRecord,
    @Inject(ReactionActs) private readonly reactions: ReactionActs,
  ) {
    this.#outbox = new OutboxOperations(database);
  }

  @Get()
  @Endpoint({ summary: 'How the engines are doing.', actors: ['internal', 'admin'], response: report })
  async read(): Promise<z.output<typeof report>> {
    return report.parse(await operations(this.database));
  }

  @Get('acts')
  @Endpoint({
    summary: 'What operators asked of the engines, with what came of it, newest first.',
    actors: ['internal', 'admin'],
    query: ofGroup,
    response: onRecord,
  })
  async acts(@Query() { group, limit }: z.output<typeof ofGroup>): Promise<z.output<typeof onRecord>> {
    return { acts: await this.record.latest(group, limit) };
  }

  @Get('outbox')
  @Endpoint({ summary: 'Reactions that failed: parked, or being tried again.', actors: ['internal', 'admin'], response: troubled })
  async troubled(): Promise<z.output<typeof troubled>> {
    return { rows: await this.#outbox.troubled() };
  }

  @Post('outbox/:id')
  @Endpoint({
    summary: 'Retries, edits, skips or compensates a reaction that failed.',
    actors: ACTING,
    params: row,
    body: outboxAct,
    response: asked,
    status: 202,
  })
  act(
    @Params() { id }: z.output<typeof row>,
    @Body() asking: z.output<typeof outboxAct>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof asked>> {
    const operator = operatorOf(caller, asking.why);
    switch (asking.act) {
      case 'retry':
        return this.reactions.retry(id, operator);
      case 'skip':
        return this.reactions.skip(id, operator);
      case 'edit':
        return this.reactions.editAndRetry(id, asking.data, operator);
      case 'compensate':
        return this.reactions.compensate(id, operator, asking.command);
    }
  }

  @Post('projections')
  @Endpoint({
    summary: 'Asks for a read model to be paused or resumed, or for what it holds back to be retried or skipped.',
    actors: ACTING,
    body: askedAct,
    response: asked,
    status: 202,
  })
  ask(@Body() { what, why: reason }: z.output<typeof askedAct>, @Caller() caller: Caller): Promise<z.output<typeof asked>> {
    return askFor({ database: this.database, record: this.record }, what, operatorOf(caller, reason));
  }
}

@Module({
  controllers: [OperationsController, DeadLettersController],
  providers: [
    {
      provide: ReactionActs,
      inject: [Database, OperationsRecord, EventStoreClient, Codec],
      useFactory: (database: Database, record: OperationsRecord, eventStore: EventStoreClient, codec: Codec) =>
        reactionActs({ database, record, eventStore, codec }),
    },
  ],
})
export class OperationsModule {}
