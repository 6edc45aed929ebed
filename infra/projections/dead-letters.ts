import type { Queryable } from '#infra/postgres/database.ts';
import type { Consumer } from '#infra/postgres/checkpoints.ts';
import type { DeadLetter, HeldBack, Parked } from './fold.ts';

/** What a read model leaves out at the moment. */
export async function loadHeldBack(database: Queryable, { consumer, version }: Consumer): Promise<HeldBack> {
  const parked = await database.query<Parked>(
    'select distinct scope, key from engine.dead_letters where consumer = $1 and version = $2 and not skipped',
    [consumer, version],
  );
  const skipped = await database.query<Parked & { position: string }>(
    'select scope, key, position::text as position from engine.dead_letters where consumer = $1 and version = $2 and skipped',
    [consumer, version],
  );
  return { parked, skipped: skipped.map((each) => ({ ...each, position: BigInt(each.position) })) };
}

/** Stores what has been parked, with the checkpoint that has passed it. */
export async function storeLetters(transaction: Queryable, { consumer, version }: Consumer, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  const column = <T>(value: (letter: DeadLetter) => T): T[] => letters.map(value);
  await transaction.execute(
    `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error)
     select $1, $2, * from unnest($3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::text[])
     on conflict do nothing`,
    [
      consumer,
      version,
      column(({ scope }) => scope),
      column(({ key }) => key),
      column(({ event }) => String(event.position)),
      column(({ event }) => event.id),
      column(({ event }) => event.type),
      column(({ event }) => event.stream),
      column(({ event }) => event.revision),
      column(({ error }) => error ?? null),
    ],
  );
}

/** An event that is held back, as people are shown it. */
export interface StoredLetter extends Parked {
  readonly consumer: string;
  readonly version: number;
  readonly position: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  readonly revision: number;
  /** None for an event that only stands behind another. */
  readonly error: string | null;
  readonly attempts: number;
  readonly skipped: boolean;
  readonly parkedAt: string;
}

/** What is held back, oldest first: of all read models, of one, or under one key. */
export async function listLetters(
  database: Queryable,
  where: { consumer?: string; parked?: Parked } = {},
  limit = 200,
): Promise<StoredLetter[]> {
  return database.query<StoredLetter>(
    `select consumer, version, scope, key, position::text as position, event_id as "eventId", event_type as "eventType", stream, revision, error,
       attempts, skipped, parked_at as "parkedAt"
     from engine.dead_letters
     where consumer = coalesce($1, consumer) and scope = coalesce($2, scope) and key = coalesce($3, key)
     order by consumer, dead_letters.position limit $4`,
    [where.consumer ?? null, where.parked?.scope ?? null, where.parked?.key ?? null, limit],
  );
}
