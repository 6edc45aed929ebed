import type { Queryable } from '#infra/postgres/database.ts';
import { quoted, type Table } from './tables.ts';

/** A row that two tables of one read model hold differently. */
export interface Difference {
  readonly key: string;
  /** Row as the first table has it; null when it has none. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  /** Commit positions of the events that changed the row last, as decimal strings. */
  readonly beforePosition: string | null;
  readonly afterPosition: string | null;
}

/** What a table holds, in short: two with the same numbers hold the same rows. */
export interface Summary {
  readonly rows: number;
  readonly checksum: string;
}

const MOST = 1_000;

/** Counts the rows of a table and sums them up, in whatever order they lie. */
export async function summarise(database: Queryable, table: Table): Promise<Summary> {
  const columns = ['key', ...table.columns.map(({ name }) => quoted(name))].join(', ');
  const [summary] = await database.query<Summary>(
    `select count(*) as rows, coalesce(bit_xor(hashtextextended(row(${columns})::text, 0)), 0)::text as checksum from ${table.sql}`,
  );
  return summary!;
}

/**
 * Keys under which the tables differ in rows that neither has changed since a position: for want of news in one that was removed, or for good. Only
 * the first thousand: `all` says whether there are no more.
 */
export async function suspects(
  database: Queryable,
  before: Table,
  after: Table,
  unchangedSince: bigint,
): Promise<{ keys: readonly string[]; all: boolean }> {
  const found = await database.query<{ key: string }>(
    `select coalesce(a.key, b.key) as key from ${before.sql} a full join ${after.sql} b on b.key = a.key
     where ${different(before)} and coalesce(a._position <= $1, true) and coalesce(b._position <= $1, true) order by 1 limit ${MOST}`,
    [String(unchangedSince)],
  );
  return { keys: found.map(({ key }) => key), all: found.length < MOST };
}

/**
 * The rows that differ, of those under some keys and of those changed after a position; at most a thousand. Both tables must stand at one
 * position and hold still.
 */
export async function differences(
  database: Queryable,
  before: Table,
  after: Table,
  among: { keys: readonly string[]; changedAfter: bigint },
): Promise<Difference[]> {
  const some = (table: Table): string => `(select * from ${table.sql} where key in (select key from among))`;
  return database.query<Difference>(
    `with among as materialized (
       select unnest($1::text[]) as key
       union select key from ${before.sql} where _position > $2
       union select key from ${after.sql} where _position > $2)
     select coalesce(a.key, b.key) as key,
       case when a.key is not null then to_jsonb(a) - '_position' - 'key' end as before,
       case when b.key is not null then to_jsonb(b) - '_position' - 'key' end as after,
       a._position::text as "beforePosition", b._position::text as "afterPosition"
     from ${some(before)} a full join ${some(after)} b on b.key = a.key
     where ${different(before)} order by 1 limit ${MOST}`,
    [among.keys, String(among.changedAfter)],
  );
}

function different({ columns }: Table): string {
  const of = (alias: string): string => columns.map(({ name }) => `${alias}.${quoted(name)}`).join(', ');
  return `(a.key is null or b.key is null or row(${of('a')}) is distinct from row(${of('b')}))`;
}
