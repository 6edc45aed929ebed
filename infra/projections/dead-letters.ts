import { followUpId } from '#domain/kernel/ids.ts';
import type { Queryable } from '#infra/postgres/database.ts';
import type { Consumer } from '#infra/postgres/checkpoints.ts';
import type { GivenUp } from '#infra/operations/operations.ts';
import type { DeadLetter, HeldBack, Parked } from './fold.ts';
import { servedVersions } from './tables.ts';

/**
 * What a read model leaves out at the moment: what its version holds back, and what operators gave up, whatever the version was then and in whichever
 * table it is being built now.
 */
export async function loadHeldBack(database: Queryable, { consumer, version }: Consumer): Promise<HeldBack> {
  const parked = await database.query<Parked>(
    'select distinct scope, key from engine.dead_letters where consumer = $1 and version = $2 and not skipped',
    [consumer, version],
  );
  const skipped = await database.query<Parked & { position: string }>(
    'select distinct scope, key, position::text as position from engine.dead_letters where consumer = any($1) and skipped',
    [[consumer, servedBy(consumer)]],
  );
  return { parked, skipped: skipped.map((each) => ({ ...each, position: BigInt(each.position) })) };
}

/** The read model that a table beside it, or a copy, is of. */
function servedBy(consumer: string): string {
  return /^[^#@]*/.exec(consumer)![0];
}

/** Brings back what operators gave up, as it is on record: the tables may have been lost since. */
export async function restoreGivenUp(database: Queryable, givenUp: readonly GivenUp[]): Promise<void> {
  if (givenUp.length === 0) return;
  const column = <T>(value: (each: GivenUp) => T): T[] => givenUp.map(value);
  await database.execute(
    `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error, skipped)
     select *, 'given up', true from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::bigint[])
     on conflict (consumer, version, scope, key, position) do update set skipped = true`,
    [
      column(({ consumer }) => consumer),
      column(({ version }) => version),
      column(({ scope }) => scope),
      column(({ key }) => key),
      column(({ position }) => position),
      column(({ eventId }) => eventId),
      column(({ eventType }) => eventType),
      column(({ stream }) => stream),
      column(({ revision }) => revision),
    ],
  );
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

/** Whether an operator gave this event up. */
export async function isGivenUp(database: Queryable, { consumer }: Consumer, at: Parked & { readonly position: bigint }): Promise<boolean> {
  const found = await database.query(
    'select 1 from engine.dead_letters where consumer = $1 and scope = $2 and key = $3 and position = $4 and skipped',
    [consumer, at.scope, at.key, String(at.position)],
  );
  return found.length > 0;
}

/** Holds back again what was given up under a key; the positions. */
export async function takeBack(database: Queryable, { consumer, version }: Consumer, { scope, key }: Parked): Promise<bigint[]> {
  const rows = await database.query<{ position: string }>(
    `update engine.dead_letters set skipped = false, version = $2 where consumer = $1 and scope = $3 and key = $4 and skipped
     returning position::text as position`,
    [consumer, version, scope, key],
  );
  return rows.map(({ position }) => BigInt(position));
}

/** Gives up an event that is held back. */
export async function giveUp(
  database: Queryable,
  { consumer, version }: Consumer,
  { scope, key, position }: Parked & { readonly position: bigint },
): Promise<void> {
  await database.execute(
    'update engine.dead_letters set skipped = true where consumer = $1 and version = $2 and scope = $3 and key = $4 and position = $5',
    [consumer, version, scope, key, String(position)],
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
  if (skipped !== undefined) await giveUp(transaction, { consumer, version }, { ...place, position: skipped });
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

/** A key that a read model holds back, or under which something was given up, with the event that failed first. */
export interface ParkedKey extends Parked {
  /** Follows from consumer, scope and key. */
  readonly id: string;
  readonly consumer: string;
  readonly version: number;
  /** Whether it is held back now. */
  readonly parked: boolean;
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly error: string | null;
  readonly attempts: number;
  /** Events that are held back behind the one that failed. */
  readonly behind: number;
  readonly parkedAt: string;
}

/**
 * The keys that each read model holds back, in the version that queries see, then those under which something was given up; of all models, of one, or one
 * key.
 */
export async function listParkedKeys(
  database: Queryable,
  { consumer, parked }: { readonly consumer?: string | undefined; readonly parked?: Parked } = {},
  limit?: number,
): Promise<ParkedKey[]> {
  const served = await servedVersions(database);
  const keys = await database.query<Omit<ParkedKey, 'id'>>(
    `select * from (
       select distinct on (letter.consumer, scope, key) letter.consumer, letter.version, scope, key, not skipped as parked, event_id as "eventId",
         event_type as "eventType", stream, revision, letter.position::text as position, error, attempts, parked_at as "parkedAt",
         greatest(0, count(*) filter (where not skipped) over (partition by letter.consumer, scope, key) - 1) as behind
       from engine.dead_letters letter
       join unnest($3::text[], $4::int[]) as served (consumer, version) on served.consumer = letter.consumer
       where letter.consumer = coalesce($1, letter.consumer) and letter.consumer !~ '[#@]' and (skipped or letter.version = served.version)
         and scope = coalesce($5, scope) and key = coalesce($6, key)
       order by letter.consumer, scope, key, skipped, error is null, letter.position
     ) keys order by not parked, "parkedAt", consumer, key limit $2`,
    [consumer ?? null, limit ?? null, [...served.keys()], [...served.values()], parked?.scope ?? null, parked?.key ?? null],
  );
  return keys.map((each) => ({ ...each, id: parkedKeyId(each) }));
}

/** One of them by its id. Of all others no more than the key is looked at. */
export async function findParkedKey(database: Queryable, id: string): Promise<ParkedKey | undefined> {
  const keys = await database.query<Parked & { consumer: string }>(
    "select distinct consumer, scope, key from engine.dead_letters where consumer !~ '[#@]'",
  );
  const place = keys.find((each) => parkedKeyId(each) === id);
  return place === undefined ? undefined : (await listParkedKeys(database, { consumer: place.consumer, parked: place }))[0];
}

function parkedKeyId({ consumer, scope, key }: Parked & { readonly consumer: string }): string {
  return followUpId('dead-letter', consumer, scope, key);
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
