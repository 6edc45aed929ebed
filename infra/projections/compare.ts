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

/** Keys under which the tables differ at the moment, at most 1,000: for want of news in one, or for good. */
export async function suspects(database: Queryable, before: Table, after: Table): Promise<string[]> {
  return (await differing(database, before, after, undefined)).map(({ key }) => key);
}

/** The rows that differ, of those under some keys and of those changed after a position. Both tables must stand at one position and hold still. */
export async function differences(
  database: Queryable,
  before: Table,
  after: Table,
  among: { keys: readonly string[]; changedAfter: bigint },
): Promise<Difference[]> {
  return differing(database, before, after, among);
}

async function differing(
  database: Queryable,
  before: Table,
  after: Table,
  among: { keys: readonly string[]; changedAfter: bigint } | undefined,
): Promise<Difference[]> {
  const columns = (alias: string): string => before.columns.map(({ name }) => `${alias}.${quoted(name)}`).join(', ');
  const some = among === undefined ? '' : 'and (coalesce(a.key, b.key) = any($1::text[]) or a._position > $2 or b._position > $2)';
  return database.query<Difference>(
    `select coalesce(a.key, b.key) as key,
       case when a.key is not null then to_jsonb(a) - '_position' - 'key' end as before,
       case when b.key is not null then to_jsonb(b) - '_position' - 'key' end as after,
       a._position::text as "beforePosition", b._position::text as "afterPosition"
     from ${before.sql} a full join ${after.sql} b on b.key = a.key
     where (a.key is null or b.key is null or row(${columns('a')}) is distinct from row(${columns('b')})) ${some}
     order by 1 limit ${MOST}`,
    among === undefined ? [] : [among.keys, String(among.changedAfter)],
  );
}
