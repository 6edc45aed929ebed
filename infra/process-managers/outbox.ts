import type { CommandMessage } from '#domain/kernel/command.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { ReactionChange } from '#infra/operations/operations.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { dataOf, readable } from './changes.ts';
import type { ChangedRow } from './new-rows.ts';

/** A queue of rows that are carried out one after the other. */
export interface Lane {
  readonly manager: string;
  readonly instance: string;
}

/** How a row ended well: sent; no longer needed; answered by its compensation. */
export type Outcome = 'done' | 'settled' | 'compensated';

/** A row that waits to be carried out. */
export interface WaitingRow extends Lane {
  readonly id: string;
  readonly index: number;
  readonly event_id: string;
  readonly event_stream: string;
  readonly event_revision: number;
  readonly event_at: Instant;
  readonly correlation_id: string;
  readonly command: CommandMessage | null;
  readonly due: Instant | null;
  readonly settled_by: readonly string[];
  readonly otherwise: Readonly<Record<string, CommandMessage>>;
  readonly compensating: boolean;
  readonly state: 'pending' | 'parked';
  readonly attempts: number;
  /** Milliseconds until it may be tried again; not positive when it may. */
  readonly wait_ms: number;
}

const WAITING = `id, manager, instance, index, event_id, event_stream, event_revision, event_at, correlation_id, command, due, settled_by, otherwise,
  compensating, state, attempts, (extract(epoch from not_before - clock_timestamp()) * 1000)::float8 as wait_ms`;

/** Adds reactions; those that are there already stay as they are. */
export async function addRows(transaction: Queryable, token: number, rows: readonly ChangedRow[]): Promise<void> {
  if (rows.length === 0) return;
  await transaction.execute(
    `insert into engine.outbox (id, manager, instance, position, index, event_id, event_type, event_stream, event_revision, event_at,
       correlation_id, command_type, command, due, settled_by, otherwise, state, last_error, compensating, acted_by, ended_at, fencing_token)
     select id, manager, instance, position, index, event_id, event_type, event_stream, event_revision, event_at,
       correlation_id, command_type, command, due, settled_by, otherwise, state, last_error, coalesce(compensating, false), acted_by,
       case when state = 'skipped' then clock_timestamp() end, $2
     from jsonb_to_recordset($1::jsonb) as new (id uuid, manager text, instance text, position bigint, index integer, event_id uuid,
       event_type text, event_stream text, event_revision bigint, event_at timestamptz, correlation_id text, command_type text,
       command jsonb, due timestamptz, settled_by text[], otherwise jsonb, state text, last_error text, compensating boolean, acted_by uuid)
     on conflict do nothing`,
    [JSON.stringify(rows), token],
    'outbox-add',
  );
}

/** What the dispatcher asks of the outbox. Every change is refused unless the row still carries the lease's token. */
export class Outbox {
  constructor(
    private readonly database: Database,
    private readonly token: number,
  ) {}

  /** Makes all that waits ours: from here on a predecessor cannot end a row any more. */
  async claim(): Promise<void> {
    await this.database.execute(`update engine.outbox set fencing_token = $1 where state in ('pending', 'parked') and fencing_token < $1`, [
      this.token,
    ]);
  }

  /** Lanes whose first row may be carried out now. */
  async readyLanes(limit: number): Promise<Lane[]> {
    return this.database.query<Lane>(
      `select manager, instance from (
         select distinct on (manager, instance) manager, instance, state, not_before
         from engine.outbox where due is null and state in ('pending', 'parked')
         order by manager, instance, position, index
       ) head
       where state = 'pending' and not_before <= clock_timestamp() limit $1`,
      [limit],
      'outbox-ready',
    );
  }

  /** The first rows of a lane in their order, parked ones included. */
  async head({ manager, instance }: Lane, limit: number): Promise<WaitingRow[]> {
    return this.database.query<WaitingRow>(
      `select ${WAITING} from engine.outbox
       where manager = $1 and instance = $2 and due is null and state in ('pending', 'parked')
       order by position, index limit $3`,
      [manager, instance, limit],
      'outbox-head',
    );
  }

  /** Timers that are due by the business clock and may be tried now, by id. */
  async dueTimers(now: Instant, limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `select id from engine.outbox
       where due <= $1 and state = 'pending' and not_before <= clock_timestamp() order by due limit $2`,
      [now, limit],
      'outbox-timers',
    );
    return rows.map(({ id }) => id);
  }

  /** A row that waits or is parked. */
  async row(id: string): Promise<WaitingRow | undefined> {
    const [row] = await this.database.query<WaitingRow>(
      `select ${WAITING} from engine.outbox where id = $1 and state in ('pending', 'parked')`,
      [id],
      'outbox-row',
    );
    return row;
  }

  /** When the next timer is due; undefined when none waits. */
  async nextDue(after: Instant): Promise<Instant | undefined> {
    const [next] = await this.database.query<{ due: Instant | null }>(
      `select min(due) as due from engine.outbox where due > $1 and state = 'pending'`,
      [after],
      'outbox-next-due',
    );
    return next?.due ?? undefined;
  }

  /** Ends a row. What its command said is not kept: it may be about people. Answers whether the row was still ours and waiting. */
  async end(id: string, outcome: Outcome): Promise<boolean> {
    const changed = await this.database.execute(
      `update engine.outbox set state = $3, ended_at = clock_timestamp(), attempts = attempts + 1, command = null, otherwise = '{}', last_error = null
       where id = $1 and fencing_token = $2 and state = 'pending'`,
      [id, this.token, outcome],
      'outbox-end',
    );
    return changed === 1;
  }

  /** Notes a failed attempt; `retryInMs` undefined parks the row, and its lane with it. */
  async failed(id: string, error: string, retryInMs: number | undefined): Promise<void> {
    await this.database.execute(
      `update engine.outbox set attempts = attempts + 1, last_error = $3, state = case when $4::float8 is null then 'parked' else 'pending' end,
         not_before = clock_timestamp() + make_interval(secs => coalesce($4::float8, 0) / 1000)
       where id = $1 and fencing_token = $2 and state = 'pending'`,
      [id, this.token, error, retryInMs ?? null],
      'outbox-failed',
    );
  }

  /** Where a row stands, whatever has become of it. */
  async standing(id: string): Promise<(Lane & Pick<WaitingRow, 'due'> & { readonly acted_by: string | null }) | undefined> {
    const [row] = await this.database.query<Lane & Pick<WaitingRow, 'due'> & { acted_by: string | null }>(
      'select manager, instance, due, acted_by from engine.outbox where id = $1',
      [id],
    );
    return row;
  }

  /** Does to a row that failed what an operator asked for: tries it again, as it is or changed. Answers whether it could be done. */
  async act(id: string, actId: string, asked: ReactionChange | undefined): Promise<boolean> {
    const change = readable(asked);
    const again = `state = 'pending', attempts = 0, not_before = clock_timestamp()`;
    const [set, params]: [string, unknown[]] =
      change === undefined
        ? [again, []]
        : change.kind === 'skip'
          ? [`state = 'skipped', ended_at = clock_timestamp(), command = null, otherwise = '{}'`, []]
          : change.kind === 'edit'
            ? [`${again}, command = jsonb_set(command, '{data}', $4::jsonb)`, [change.data]]
            : [
                `${again}, compensating = true, command = $4::jsonb, command_type = $5`,
                [JSON.stringify({ type: change.commandType, data: dataOf(change) }), change.commandType],
              ];
    const changed = await this.database.execute(
      `update engine.outbox set acted_by = $3, ${set}
       where id = $1 and fencing_token = $2 and (state = 'parked' or (state = 'pending' and attempts > 0))`,
      [id, this.token, actId, ...params],
    );
    return changed === 1;
  }

  /** Puts the reactions of an event, now that it could be handled, in the place of the row that stood for it. */
  async replace(id: string, rows: readonly ChangedRow[]): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const gone = await transaction.execute('delete from engine.outbox where id = $1 and fencing_token = $2', [id, this.token]);
      if (gone === 1) await addRows(transaction, this.token, rows);
    });
  }

  /** Forgets rows that ended more than `days` ago. Their checkpoint has passed them, so they cannot come again. */
  async prune(days: number): Promise<number> {
    return this.database.execute('delete from engine.outbox where ended_at < clock_timestamp() - make_interval(days => $1)', [days]);
  }
}
