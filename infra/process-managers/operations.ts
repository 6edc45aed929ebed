import type { CommandMessage } from '#domain/kernel/command.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { compensateReaction, editReaction, retryReaction, skipReaction } from '#infra/operations/acts.ts';
import type { AskedAct, Operator, OperationsRecord } from '#infra/operations/record.ts';
import type { Database } from '#infra/postgres/database.ts';

/** A reaction that could not be carried out, or is being tried again. */
export interface TroubledRow {
  readonly id: string;
  readonly manager: string;
  readonly instance: string;
  readonly state: 'pending' | 'parked';
  readonly commandType: string | null;
  readonly eventType: string;
  readonly eventId: string;
  readonly eventStream: string;
  readonly eventRevision: number;
  /** Commit position of the event, as a decimal string. */
  readonly position: string;
  readonly due: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: string;
  /** Rows of the same instance that wait behind it. */
  readonly behind: number;
}

/** The act does not fit the row: it has ended, is under way without trouble, or does not exist. */
export class ActNotPossible extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Only a reaction that failed and has not ended can be acted on.';
}

/** A reaction that names no compensation, or several, can only be compensated by a command that is given. */
export class CompensationNotNamed extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The reaction names no single compensation, so the command has to be given.';
}

/** An event that its manager could not handle has no command yet that could be edited. */
export class NothingToEdit extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The process manager could not handle the event, so there is no command to edit.';
}

/** How much waits in the outbox of one process manager. */
export interface OutboxDepth {
  readonly manager: string;
  /** Reactions to be carried out now. */
  readonly waiting: number;
  /** Reactions whose time has not come. */
  readonly timers: number;
  readonly parked: number;
  readonly retrying: number;
  /** Age in seconds of the oldest reaction that waits to be carried out. */
  readonly oldestSeconds: number;
}

/** Reactions that failed, and what waits; from any process. */
export class OutboxOperations {
  constructor(private readonly database: Database) {}

  /** Rows that are parked, or failed and wait for their next attempt; the oldest first. Of one manager, or one row, where that is named. */
  async troubled(limit = 100, where: { manager?: string; id?: string; state?: 'parked' } = {}): Promise<TroubledRow[]> {
    return this.database.query<TroubledRow>(
      `select id, manager, instance, state, command_type as "commandType", event_type as "eventType", event_id as "eventId",
         event_stream as "eventStream", event_revision as "eventRevision", position::text as position, due, attempts, last_error as "lastError",
         created_at as "createdAt",
         case when due is not null then 0 else (
           select count(*) from engine.outbox behind
           where behind.manager = troubled.manager and behind.instance = troubled.instance and behind.due is null
             and behind.state in ('pending', 'parked') and (behind.position, behind.index) > (troubled.position, troubled.index)) end as behind
       from engine.outbox troubled
       where (state = 'parked' or (state = 'pending' and attempts > 0))
         and manager = coalesce($2, manager) and id = coalesce($3, id) and state = coalesce($4, state)
       order by created_at, troubled.position, index limit $1`,
      [limit, where.manager ?? null, where.id ?? null, where.state ?? null],
    );
  }

  /** What a row would send. It may hold personal data. */
  async show(id: string): Promise<{ command: CommandMessage | null; otherwise: Readonly<Record<string, CommandMessage>> } | undefined> {
    const [row] = await this.database.query<{ command: CommandMessage | null; otherwise: Record<string, CommandMessage> }>(
      'select command, otherwise from engine.outbox where id = $1',
      [id],
    );
    return row;
  }

  /** What waits, by process manager. */
  async depths(): Promise<OutboxDepth[]> {
    return this.database.query<OutboxDepth>(
      `select manager,
         count(*) filter (where state = 'pending' and due is null) as waiting,
         count(*) filter (where state = 'pending' and due is not null) as timers,
         count(*) filter (where state = 'parked') as parked,
         count(*) filter (where state = 'pending' and attempts > 0) as retrying,
         coalesce(extract(epoch from clock_timestamp() - min(created_at) filter (where state = 'pending' and due is null)), 0)::float8 as "oldestSeconds"
       from engine.outbox where state in ('pending', 'parked') group by manager order by manager`,
    );
  }
}

export interface ReactionActsParts {
  readonly database: Database;
  readonly record: OperationsRecord;
  /** Whom an event is about: what an operator writes for a reaction to it is forgotten with that person. Undefined when it is about nobody. */
  readonly subjectOf: (stream: string, revision: number) => Promise<string | undefined>;
}

/**
 * What people do to reactions that failed. Works from any process: an act is put on record, and the process that leads the process managers carries
 * it out within a second. Throws {@link ActNotPossible} for a reaction that has ended or goes on without trouble.
 */
export class ReactionActs {
  readonly #outbox: OutboxOperations;

  constructor(private readonly parts: ReactionActsParts) {
    this.#outbox = new OutboxOperations(parts.database);
  }

  /** Tries a failed row again, from its first attempt on. */
  async retry(id: string, operator: Operator): Promise<AskedAct> {
    return this.#record.ask(retryReaction, named(await this.#troubled(id)), operator);
  }

  /** Tries a failed row again with other data for the same command. */
  async editAndRetry(id: string, data: object, operator: Operator): Promise<AskedAct> {
    const row = await this.#troubled(id);
    if (row.commandType === null) throw new NothingToEdit({ id });
    return this.#record.ask(editReaction, { ...named(row), ...(await this.#written(row, data)) }, operator);
  }

  /** Gives a failed row up; what waits behind it goes on. */
  async skip(id: string, operator: Operator): Promise<AskedAct> {
    return this.#record.ask(skipReaction, named(await this.#troubled(id)), operator);
  }

  /** Sends another command in place of a failed row's: `instead`, or the only compensation that the reaction names. */
  async compensate(id: string, operator: Operator, instead?: CommandMessage): Promise<AskedAct> {
    const row = await this.#troubled(id);
    const choices = Object.values((await this.#outbox.show(id))?.otherwise ?? {});
    const message = instead ?? (choices.length === 1 ? choices[0] : undefined);
    if (message === undefined) throw new CompensationNotNamed({ id });
    const asking = { ...named(row), commandType: message.type, ...(await this.#written(row, message.data)) };
    return this.#record.ask(compensateReaction, asking, operator);
  }

  get #record(): OperationsRecord {
    return this.parts.record;
  }

  async #troubled(id: string): Promise<TroubledRow> {
    const [row] = await this.#outbox.troubled(1, { id });
    if (row === undefined) throw new ActNotPossible({ id });
    return row;
  }

  async #written({ id, eventStream, eventRevision }: TroubledRow, data: object): Promise<{ subjectId: string; data: string }> {
    // About nobody: encrypted all the same, under a key of its own.
    return { subjectId: (await this.parts.subjectOf(eventStream, eventRevision)) ?? id, data: JSON.stringify(data) };
  }
}

function named({ id, manager, instance, eventId, eventType, position }: TroubledRow) {
  return { reactionId: id, manager, instance, eventId, eventType, position };
}
