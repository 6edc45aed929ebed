import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import copy from 'pg-copy-streams';
import type { Database, Queryable, Transaction } from '#infra/postgres/database.ts';
import { type Column, type Table, quoted, sqlType } from './tables.ts';

/** A row as a read model's functions see it: fields by name. */
export type Row = Readonly<Record<string, unknown>>;

/** What is to become of one row. `row` undefined: it goes. */
export interface RowWrite {
  readonly key: string;
  readonly row: Row | undefined;
  /** Commit position of the event that changed it last; of a row that was mended, one after it. */
  readonly position: bigint;
  /** Whether the table is known not to hold the key yet. */
  readonly isNew: boolean;
}

/** From this many rows on, COPY is worth its extra round trips. */
const COPY_FROM = 200;
/** Rows of one COPY are sent in pieces of about this many characters. */
const PIECE = 64 * 1024;

/** Reads and writes the rows of one table, always many at a time. */
export class Rows {
  readonly #select: string;
  readonly #upsert: string;
  readonly #copy: string;
  readonly #selectName: string;
  readonly #upsertName: string;

  constructor(readonly table: Table) {
    const { columns, sql } = table;
    const names = ['key', ...columns.map(({ name }) => quoted(name)), '_position'];
    this.#select = `select key as "_key", ${columns.map(({ name, field }) => `${quoted(name)} as ${quoted(field)}, `).join('')}1 as "_"
      from ${sql} where key = any($1::text[])`;
    const parameters = ['text[]', ...columns.map(arrayType), 'bigint[]'].map((type, nth) => `$${nth + 1}::${type}`);
    const values = [
      'key',
      ...columns.map((column) => (column.type === 'text[]' ? `${quoted(column.name)}::text[]` : quoted(column.name))),
      '_position',
    ];
    this.#upsert = `insert into ${sql} (${names.join(', ')})
      select ${values.join(', ')} from unnest(${parameters.join(', ')}) as given (${names.join(', ')}) order by key
      on conflict (key) do update set ${names
        .slice(1)
        .map((name) => `${name} = excluded.${name}`)
        .join(', ')}`;
    this.#copy = `copy ${sql} (${names.join(', ')}) from stdin`;
    this.#selectName = nameOf(this.#select);
    this.#upsertName = nameOf(this.#upsert);
  }

  /** The rows that are there, of the keys asked for. */
  async read(database: Queryable, keys: readonly string[]): Promise<Map<string, Row>> {
    const found = new Map<string, Row>();
    if (keys.length === 0) return found;
    for (const line of await database.query<{ _key: string }>(this.#select, [keys], this.#selectName)) {
      const { _key, ...row } = line;
      Reflect.deleteProperty(row, '_');
      found.set(_key, row);
    }
    return found;
  }

  /** The greatest commit position of an event that changed one of these rows; -1 when none is there. */
  async latestPosition(database: Queryable, keys: readonly string[]): Promise<bigint> {
    const [found] = await database.query<{ latest: string | null }>(
      `select max(_position)::text as latest from ${this.table.sql} where key = any($1::text[])`,
      [keys],
    );
    return BigInt(found?.latest ?? -1);
  }

  /** Makes the table hold what the writes say; each key occurs once. */
  async write(transaction: Transaction, writes: readonly RowWrite[]): Promise<void> {
    const gone = writes.filter(({ row, isNew }) => row === undefined && !isNew).map(({ key }) => key);
    const kept = writes.filter(({ row }) => row !== undefined);
    const fresh = kept.filter(({ isNew }) => isNew);
    const copied = fresh.length >= COPY_FROM ? fresh : [];
    const upserted = copied.length > 0 ? kept.filter(({ isNew }) => !isNew) : kept;
    if (gone.length > 0) await transaction.execute(`delete from ${this.table.sql} where key = any($1::text[])`, [gone]);
    if (copied.length > 0) await this.#copyIn(transaction, copied);
    if (upserted.length > 0) await transaction.execute(this.#upsert, this.#parameters(upserted), this.#upsertName);
  }

  /** Tries each write by itself and takes it back: the keys of those that the table refuses, with its errors. Throws every other failure. */
  async refused(database: Database, writes: readonly RowWrite[]): Promise<Map<string, unknown>> {
    const refused = new Map<string, unknown>();
    for (const write of writes) {
      const attempt = database.transaction(async (transaction) => {
        await this.write(transaction, [write]);
        throw new TakenBack();
      });
      await attempt.catch((error: unknown) => {
        if (error instanceof TakenBack) return;
        if (!isUnstorable(error)) throw error;
        refused.set(write.key, error);
      });
    }
    return refused;
  }

  #parameters(writes: readonly RowWrite[]): unknown[] {
    return [
      arrayLiteral(writes.map(({ key }) => key)),
      ...this.table.columns.map((column) => arrayLiteral(writes.map(({ row }) => parameter(column, row![column.field])))),
      arrayLiteral(writes.map(({ position }) => position)),
    ];
  }

  async #copyIn(transaction: Transaction, writes: readonly RowWrite[]): Promise<void> {
    await pipeline(Readable.from(this.#pieces(writes), { objectMode: false }), transaction.client.query(copy.from(this.#copy)));
  }

  *#pieces(writes: readonly RowWrite[]): Generator<string> {
    const { columns } = this.table;
    let piece = '';
    for (const { key, row, position } of writes) {
      piece += escaped(key);
      for (const column of columns) {
        const value = parameter(column, row![column.field]);
        piece += value === null ? '\t\\N' : `\t${typeof value === 'string' ? escaped(value) : String(value)}`;
      }
      piece += `\t${position}\n`;
      if (piece.length > PIECE) {
        yield piece;
        piece = '';
      }
    }
    if (piece !== '') yield piece;
  }
}

/** Ends a transaction that was only an attempt. */
class TakenBack extends Error {}

/** Whether the values themselves are refused (out of range, null, not what the column holds), so that trying again is of no use. */
export function isUnstorable(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return error instanceof pg.DatabaseError && /^(21|22|23|54)/.test(error.code ?? '');
}

/** Names a prepared statement by its text: Postgres takes 63 characters. */
function nameOf(sql: string): string {
  return createHash('sha1').update(sql).digest('hex');
}

/** The type of a parameter that holds a column's values of many rows. `unnest` would flatten an array of arrays, so those travel as text. */
function arrayType(column: Column): string {
  return column.type === 'text[]' ? 'text[]' : `${sqlType(column.type)}[]`;
}

function parameter(column: Column, value: unknown): string | number | boolean | bigint | null {
  if (value === undefined || value === null) return null;
  if (column.type === 'json') return JSON.stringify(value);
  if (column.type === 'text[]') return arrayLiteral(value as readonly string[]);
  return value as string | number | boolean | bigint;
}

/** An array as Postgres reads it. The driver would make it too, but looks at each value several times. */
function arrayLiteral(values: readonly (string | number | boolean | bigint | null)[]): string {
  let literal = '{';
  for (const value of values) {
    if (literal.length > 1) literal += ',';
    literal += typeof value === 'string' ? `"${QUOTED.test(value) ? value.replace(/["\\]/g, '\\$&') : value}"` : String(value);
  }
  return `${literal}}`;
}

const QUOTED = /["\\]/;

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]!) : text;
}
