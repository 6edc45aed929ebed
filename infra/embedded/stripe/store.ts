import { randomBytes } from 'node:crypto';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { openDatabase, prepared } from '../http/database.ts';
import type { Json, JsonObject } from '../http/json.ts';
import { invalid, missing } from './errors.ts';

/** An API object as Stripe shows it. */
export interface Resource extends JsonObject {
  id: string;
  object: string;
  created: number;
}

/** What a list may be narrowed by: fields of the object (dots step into it) and the time of creation in seconds. */
export interface ListQuery {
  limit?: number | undefined;
  starting_after?: string | undefined;
  ending_before?: string | undefined;
  created?: { gt?: number | undefined; gte?: number | undefined; lt?: number | undefined; lte?: number | undefined } | undefined;
  where?: Record<string, string | number | undefined>;
}

const schema = `
  CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, account TEXT NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, account, seq);
  CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (kind, json_extract(body, '$.customer')) WHERE json_extract(body, '$.customer') IS NOT NULL;
  CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (kind, json_extract(body, '$.payment_intent')) WHERE json_extract(body, '$.payment_intent') IS NOT NULL;
  CREATE INDEX IF NOT EXISTS objects_by_group ON objects (kind, json_extract(body, '$.transfer_group')) WHERE json_extract(body, '$.transfer_group') IS NOT NULL;
  CREATE INDEX IF NOT EXISTS objects_by_source ON objects (kind, json_extract(body, '$.source_transaction')) WHERE json_extract(body, '$.source_transaction') IS NOT NULL;
  CREATE TABLE IF NOT EXISTS balances (account TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (account, currency));
  CREATE TABLE IF NOT EXISTS kept_answers (
    key TEXT NOT NULL, account TEXT NOT NULL, fingerprint TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (key, account));
  CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, account TEXT NOT NULL,
    idempotency_key TEXT, params TEXT NOT NULL, status INTEGER NOT NULL, replayed INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, delivered INTEGER);
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due, seq) WHERE delivered IS NULL;
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);`;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A new id in Stripe's style: the prefix and 24 letters or digits. */
export function newId(prefix: string): string {
  return `${prefix}_${Array.from(randomBytes(24), (byte) => ALPHABET[byte % ALPHABET.length]).join('')}`;
}

/** The current time in seconds, as Stripe writes it. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** The account of objects that are the platform's own. */
export const PLATFORM = '';

/** The durable objects of the stand-in. All writes of one request go into one transaction, which its server opens. */
export class StripeStore {
  readonly database: DatabaseSync;

  constructor(file: string) {
    this.database = openDatabase(file, schema);
  }

  /** Stores a new object or replaces one. */
  put(resource: Resource, account = PLATFORM): void {
    prepared(
      this.database,
      `INSERT INTO objects (id, kind, account, created, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
    ).run(resource.id, resource.object, account, resource.created, JSON.stringify(resource));
  }

  remove(id: string): void {
    prepared(this.database, 'DELETE FROM objects WHERE id = ?').run(id);
  }

  /** The object of that kind and id, or undefined. */
  find<T extends Resource>(kind: T['object'], id: string, account = PLATFORM): T | undefined {
    const row = prepared(this.database, 'SELECT body FROM objects WHERE id = ? AND kind = ? AND account = ?').get(id, kind, account);
    return row && (JSON.parse(row['body'] as string) as T);
  }

  /** The object of that kind and id; refuses with `resource_missing` when there is none. */
  get<T extends Resource>(kind: T['object'], id: string, param?: string, account = PLATFORM): T {
    const found = this.find<T>(kind, id, account);
    if (!found) throw missing(kind, id, param);
    return found;
  }

  /** Any object by its id, for `expand`. */
  lookUp(id: string): Resource | undefined {
    const row = prepared(this.database, 'SELECT body FROM objects WHERE id = ?').get(id);
    return row && (JSON.parse(row['body'] as string) as Resource);
  }

  /** A page of objects, newest first, with whether there are more. */
  page<T extends Resource>(kind: T['object'], query: ListQuery, account = PLATFORM): { data: T[]; hasMore: boolean } {
    const limit = query.limit ?? 10;
    const conditions = ['kind = ?', 'account = ?'];
    const values: SQLInputValue[] = [kind, account];
    for (const [field, value] of Object.entries(query.where ?? {})) {
      if (value === undefined) continue;
      conditions.push(`json_extract(body, '$.${field}') = ?`);
      values.push(value);
    }
    const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;
    for (const [name, operator] of Object.entries(operators) as [keyof typeof operators, string][]) {
      const bound = query.created?.[name];
      if (bound === undefined) continue;
      conditions.push(`created ${operator} ?`);
      values.push(bound);
    }
    const before = query.ending_before !== undefined;
    const cursor = query.ending_before ?? query.starting_after;
    if (cursor !== undefined) {
      const row = prepared(this.database, 'SELECT seq FROM objects WHERE id = ? AND kind = ?').get(cursor, kind);
      if (!row) throw invalid(`No such ${kind}: '${cursor}'`, before ? 'ending_before' : 'starting_after', 'resource_missing');
      conditions.push(before ? 'seq > ?' : 'seq < ?');
      values.push(row['seq'] as number);
    }
    const sql = `SELECT body FROM objects WHERE ${conditions.join(' AND ')} ORDER BY seq ${before ? 'ASC' : 'DESC'} LIMIT ?`;
    const rows = prepared(this.database, sql).all(...values, limit + 1);
    const data = rows.slice(0, limit).map((row) => JSON.parse(row['body'] as string) as T);
    return { data: before ? data.reverse() : data, hasMore: rows.length > limit };
  }

  /** All objects that match, oldest first. */
  every<T extends Resource>(kind: T['object'], where: Record<string, string> = {}, account = PLATFORM): T[] {
    return this.page<T>(kind, { limit: 1_000_000, where }, account).data.reverse();
  }

  setting(name: string): Json {
    const row = prepared(this.database, 'SELECT value FROM settings WHERE name = ?').get(name);
    return row && (JSON.parse(row['value'] as string) as Json);
  }

  setSetting(name: string, value: Json): void {
    prepared(this.database, 'INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)').run(name, JSON.stringify(value));
  }
}
