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
  // An event that changes a row twice is held back for it once, with the reason if there is one.
  const once = new Map<string, DeadLetter>();
  for (const letter of letters) {
    const place = `${letter.scope} ${letter.event.position} ${letter.key}`;
    if (once.get(place)?.error === undefined) once.set(place, letter);
  }
  const column = <T>(value: (letter: DeadLetter) => T): T[] => [...once.values()].map(value);
  await transaction.execute(
    `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error)
     select $1, $2, * from unnest($3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::text[])
     on conflict (consumer, version, scope, key, position) do update set error = coalesce(excluded.error, engine.dead_letters.error)`,
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

/** Where an event is that is held back. */
export interface LetterPlace {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: bigint;
}

/** What is held back under a key after a position, in the order of the log; without what was given up. */
export async function heldBackPlaces(
  database: Queryable,
  { consumer, version }: Consumer,
  { scope, key }: Parked,
  { after, limit, failedOnly = false }: { readonly after: bigint; readonly limit: number; readonly failedOnly?: boolean },
): Promise<LetterPlace[]> {
  const rows = await database.query<Omit<LetterPlace, 'position'> & { position: string }>(
    `select event_id as id, event_type as type, stream, revision, position::text as position from engine.dead_letters
     where consumer = $1 and version = $2 and scope = $3 and key = $4 and position > $5 and not skipped and (error is not null or not $7)
     order by dead_letters.position limit $6`,
    [consumer, version, scope, key, String(after), limit, failedOnly],
  );
  return rows.map((row) => ({ ...row, position: BigInt(row.position) }));
}

/** The first event that is held back under a key, and the first that failed. */
export async function firstLetters(
  database: Queryable,
  consumer: Consumer,
  place: Parked,
): Promise<{ first: LetterPlace | undefined; failed: LetterPlace | undefined }> {
  const [first] = await heldBackPlaces(database, consumer, place, { after: -1n, limit: 1 });
  const [failed] = await heldBackPlaces(database, consumer, place, { after: -1n, limit: 1, failedOnly: true });
  return { first, failed };
}

/** Notes that an event has failed once more. */
export async function noteFailure(
  database: Queryable,
  { consumer, version }: Consumer,
  { scope, key, position }: Parked & { readonly position: bigint },
  error: string,
): Promise<void> {
  await database.execute(
    `update engine.dead_letters set attempts = attempts + 1, error = $6
     where consumer = $1 and version = $2 and scope = $3 and key = $4 and position = $5`,
    [consumer, version, scope, key, String(position), error],
  );
}

/**
 * After a key has been mended: of what was held back under it and for these rows, only the failures are left. Under the key, the event at `skipped`
 * is given up. Answers how many events are no longer held back.
 */
export async function replaceLetters(
  transaction: Queryable,
  { consumer, version }: Consumer,
  change: {
    readonly place: Parked;
    readonly keys: readonly string[];
    readonly failures: readonly DeadLetter[];
    readonly skipped: bigint | undefined;
  },
): Promise<number> {
  const { place, keys, failures, skipped } = change;
  await transaction.execute(
    'update engine.dead_letters set skipped = true where consumer = $1 and version = $2 and scope = $3 and key = $4 and position = $5',
    [consumer, version, place.scope, place.key, skipped === undefined ? null : String(skipped)],
  );
  const freed = await transaction.execute(
    `delete from engine.dead_letters as held where consumer = $1 and version = $2 and not skipped
       and ((scope = $3 and key = $4) or (scope = 'row' and key = any($5::text[])))
       and not exists (select from unnest($6::text[], $7::text[], $8::bigint[]) as failed (scope, key, position)
         where failed.scope = held.scope and failed.key = held.key and failed.position = held.position)`,
    [
      consumer,
      version,
      place.scope,
      place.key,
      keys,
      failures.map(({ scope }) => scope),
      failures.map(({ key }) => key),
      failures.map(({ event }) => String(event.position)),
    ],
  );
  await storeLetters(transaction, { consumer, version }, failures);
  return freed;
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
