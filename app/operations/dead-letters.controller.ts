import { Controller, Get, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Body, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { OperationsRecord } from '#infra/operations/record.ts';
import { Database } from '#infra/postgres/database.ts';
import { ReactionActs } from '#infra/process-managers/operations.ts';
import { ACTING, asked, operatorOf, why } from './asking.ts';
import { askAbout, DeadLetterOffice } from './dead-letter-office.ts';

const deadLetter = z.object({
  id: z.string(),
  kind: z.enum(['read-model', 'process-manager']),
  consumer: z.string(),
  scope: z.enum(['stream', 'row', 'instance']).describe('What is held back: all of a stream, one row, an instance.'),
  key: z.string(),
  state: z.enum(['parked', 'given up']),
  eventId: z.string(),
  eventType: z.string(),
  stream: z.string(),
  revision: z.number().int(),
  position: z.string(),
  error: z.string().nullable(),
  attempts: z.number().int(),
  version: z.number().int().nullable().describe('Of the read model.'),
  behind: z.number().int().describe('Events, or reactions, that wait behind it.'),
  parkedAt: z.string(),
});
const behind = z.object({ eventId: z.string(), eventType: z.string(), stream: z.string(), revision: z.number().int() });
const which = z.object({
  consumer: z.string().max(120).optional().describe('As `GET /internal/operations` names it.'),
  limit: z.coerce.number().int().min(1).max(500).default(200),
});
const one = z.object({ id: z.uuid() });
const act = z.object({ act: z.enum(['retry', 'skip']), why });

const BEHIND_SHOWN = 200;

/** What read models and process managers hold back because it failed, for administrators. */
@Controller('internal/operations/dead-letters')
export class DeadLettersController {
  readonly #office: DeadLetterOffice;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OperationsRecord) private readonly record: OperationsRecord,
    @Inject(ReactionActs) private readonly reactions: ReactionActs,
  ) {
    this.#office = new DeadLetterOffice(database);
  }

  @Get()
  @Endpoint({
    summary: 'What read models and process managers hold back because it failed.',
    actors: ['admin'],
    query: which,
    response: z.object({ deadLetters: z.array(deadLetter), more: z.boolean() }),
  })
  async list(@Query() { consumer, limit }: z.output<typeof which>) {
    const found = await this.#office.list({ consumer, limit: limit + 1 });
    return { deadLetters: found.slice(0, limit), more: found.length > limit };
  }

  @Get(':id')
  @Endpoint({
    summary: 'One of them, with the first events that wait behind it.',
    actors: ['admin'],
    params: one,
    response: deadLetter.extend({ waitingBehind: z.array(behind) }),
  })
  async show(@Params() { id }: z.output<typeof one>) {
    const letter = await this.#office.find(id);
    return { ...letter, waitingBehind: await this.#office.behind(letter, BEHIND_SHOWN) };
  }

  @Post(':id')
  @Endpoint({
    summary: 'Asks for it to be tried again, with what waits behind it, or for what failed to be given up.',
    actors: ACTING,
    params: one,
    body: act,
    response: asked,
    status: 202,
  })
  act(
    @Params() { id }: z.output<typeof one>,
    @Body() asking: z.output<typeof act>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof asked>> {
    const { database, record, reactions } = this;
    return askAbout({ database, record, reactions }, { id, act: asking.act }, operatorOf(caller, asking.why));
  }
}
