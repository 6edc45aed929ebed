import { randomUUID } from 'node:crypto';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';

/** Who acts and why: stored with every act. */
export interface Operator {
  /** The operator's user id, or the name of the account that runs the command line. */
  readonly who: string;
  readonly why: string;
}

/** A reaction that could not be carried out, or is being tried again. */
export interface TroubledRow {
  readonly id: string;
  readonly manager: string;
  readonly instance: string;
  readonly state: 'pending' | 'parked';
  readonly commandType: string | null;
  readonly eventType: string;
  readonly eventId: string;
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

/** What people do to reactions that failed. Works from any process; the one that dispatches sees it within a second. */
export class OutboxOperations {
  constructor(private readonly database: Database) {}

  /** Rows that are parked, or failed and wait for their next attempt; the oldest first. */
  async troubled(limit = 100): Promise<TroubledRow[]> {
    return this.database.query<TroubledRow>(
      `select id, manager, instance, state, command_type as "commandType", event_type as "eventType", event_id as "eventId", due, attempts,
         last_error as "lastError", created_at as "createdAt",
         case when due is not null then 0 else (
           select count(*) from engine.outbox behind
           where behind.manager = troubled.manager and behind.instance = troubled.instance and behind.due is null
             and behind.state in ('pending', 'parked') and (behind.position, behind.index) > (troubled.position, troubled.index)) end as behind
       from engine.outbox troubled
       where state = 'parked' or (state = 'pending' and attempts > 0) order by created_at, position, index limit $1`,
      [limit],
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

  /** Tries a failed row again, from its first attempt on. */
  async retry(id: string, operator: Operator): Promise<void> {
    await this.#act(id, 'retry', operator, {}, `state = 'pending', attempts = 0, not_before = clock_timestamp()`);
  }

  /** Tries a failed row again with other data for the same command. */
  async editAndRetry(id: string, data: object, operator: Operator): Promise<void> {
    const fields = Object.keys(data);
    await this.#act(
      id,
      'edit-and-retry',
      operator,
      { fields },
      `state = 'pending', attempts = 0, not_before = clock_timestamp(), command = jsonb_set(command, '{data}', $2::jsonb)`,
      [JSON.stringify(data)],
    );
  }

  /** Gives a failed row up; what waits behind it goes on. */
  async skip(id: string, operator: Operator): Promise<void> {
    await this.#act(id, 'skip', operator, {}, `state = 'skipped', ended_at = clock_timestamp(), command = null, otherwise = '{}'`);
  }

  /** Sends another command in place of a failed row's: `instead`, or the only compensation that the reaction names. */
  async compensate(id: string, operator: Operator, instead?: CommandMessage): Promise<void> {
    const named = Object.values((await this.show(id))?.otherwise ?? {});
    const message = instead ?? (named.length === 1 ? named[0] : undefined);
    if (message === undefined) throw new CompensationNotNamed({ id });
    await this.#act(
      id,
      'compensate',
      operator,
      { command: message.type },
      `state = 'pending', attempts = 0, not_before = clock_timestamp(), compensating = true, command = $2::jsonb, command_type = $3`,
      [JSON.stringify(message), message.type],
    );
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

  async #act(id: string, act: string, operator: Operator, detail: object, change: string, params: readonly unknown[] = []): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const changed = await transaction.execute(
        `update engine.outbox set ${change} where id = $1 and (state = 'parked' or (state = 'pending' and attempts > 0))`,
        [id, ...params],
      );
      if (changed === 0) throw new ActNotPossible({ id });
      await recordAct(transaction, { act, target: `outbox ${id}`, detail, operator });
    });
  }
}

/** Stores what an operator did. */
export async function recordAct(
  database: Queryable,
  { act, target, detail, operator }: { act: string; target: string; detail: object; operator: Operator },
): Promise<void> {
  if (operator.who.trim() === '' || operator.why.trim() === '') throw new Error('An act needs who does it and why.');
  await database.execute(
    `insert into engine.operator_acts (id, act, target, detail, who, why, state, ended_at)
     values ($1, $2, $3, $4, $5, $6, 'done', clock_timestamp())`,
    [randomUUID(), act, target, JSON.stringify(detail), operator.who, operator.why],
  );
}
