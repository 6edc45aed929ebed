import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { firstPosition } from './event-log.ts';
import { LeastRecentlyUsed } from './least-recently-used.ts';
import type { LogFile } from './log-file.ts';

export const indexFile = (folder: string): string => join(folder, 'index.sqlite');

const layoutVersion = 1;
const layout = `
  CREATE TABLE log (id TEXT NOT NULL, indexed_to INTEGER NOT NULL);
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE events (
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (stream, revision)
  ) WITHOUT ROWID;
  CREATE TABLE marks (position INTEGER PRIMARY KEY);
  PRAGMA user_version = ${layoutVersion};
`;

/** The last record that begins in each stretch of so many bytes is marked: from a mark on, records are walked. */
const bytesPerMark = 1 << 16;
const eventsPerTransaction = 20_000;

/** Where an event lies in the log. */
export interface IndexEntry {
  readonly revision: number;
  readonly position: number;
  readonly length: number;
}

/**
 * Where the events of each stream lie in the log: derived from it, behind it, and made again from it when it is lost or does not fit. SQLite
 * keeps it whole through crashes; it need not be durable up to the last event, because the log is.
 */
export class StreamIndex {
  private readonly database: DatabaseSync;
  private readonly ids = new LeastRecentlyUsed<string, number>(50_000);
  private readonly statements;

  private constructor(database: DatabaseSync) {
    this.database = database;
    const prepare = (sql: string) => database.prepare(sql);
    this.statements = {
      indexedTo: prepare('SELECT indexed_to FROM log'),
      setIndexedTo: prepare('UPDATE log SET indexed_to = ?'),
      findStream: prepare('SELECT id FROM streams WHERE name = ?'),
      insertStream: prepare('INSERT INTO streams (name) VALUES (?)'),
      insertEvent: prepare('INSERT INTO events (stream, revision, position, length) VALUES (?, ?, ?, ?)'),
      insertMark: prepare('INSERT INTO marks (position) VALUES (?)'),
      lastMark: prepare('SELECT max(position) AS position FROM marks WHERE position <= ?'),
      head: prepare('SELECT revision FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1'),
      forwards: prepare('SELECT revision, position, length FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?'),
      backwards: prepare('SELECT revision, position, length FROM events WHERE stream = ? AND revision <= ? ORDER BY revision DESC LIMIT ?'),
    };
  }

  /** Begins the index of a log anew, whatever is there. */
  static make(folder: string, log: LogFile): StreamIndex {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${indexFile(folder)}${suffix}`, { force: true });
    const database = new DatabaseSync(indexFile(folder));
    configure(database);
    database.exec(`BEGIN IMMEDIATE; ${layout}`);
    database.prepare('INSERT INTO log (id, indexed_to) VALUES (?, ?)').run(log.id, firstPosition);
    database.exec('COMMIT');
    return new StreamIndex(database);
  }

  /** Opens the index of a log, also beside the one who keeps it; undefined when there is none, or it is damaged, of another log or ahead of it. */
  static openIfSound(folder: string, log: LogFile): StreamIndex | undefined {
    const found = openIndexOf(folder, log);
    if (found && log.isEndOfRecord(found.indexedTo)) return new StreamIndex(found.database);
    found?.database.close();
    return undefined;
  }

  /** How far an index of this log reaches, even when the log does not reach that far: the disk had every event before it. */
  static knownTo(folder: string, log: LogFile): number {
    const found = openIndexOf(folder, log);
    found?.database.close();
    return found?.indexedTo ?? firstPosition;
  }

  /** The position up to which everything is here. */
  get indexedTo(): number {
    return Number(this.statements.indexedTo.get()?.['indexed_to']);
  }

  /** Up to where it reaches, and how many events it holds, at one moment. */
  contents(): { readonly indexedTo: number; readonly events: number } {
    const row = this.database.prepare('SELECT indexed_to, (SELECT count(*) FROM events) AS events FROM log').get();
    return { indexedTo: Number(row?.['indexed_to']), events: Number(row?.['events']) };
  }

  /** Takes in the records of the log up to a position, which must lie behind a record. @throws Error when the log is damaged before it */
  follow(log: LogFile, to: number): void {
    let from = this.indexedTo;
    while (from < to) {
      this.database.exec('BEGIN IMMEDIATE');
      try {
        const end = this.take(log, from, to);
        if (end === from) throw new Error(`The event log is damaged at ${from}.`);
        this.statements.setIndexedTo.run(end);
        this.database.exec('COMMIT');
        from = end;
      } catch (error) {
        this.ids.clear();
        if (this.database.isTransaction) this.database.exec('ROLLBACK');
        throw error;
      }
    }
  }

  /** The highest revision of a stream, -1 when it has no events here. */
  headOf(stream: string): number {
    const id = this.streamId(stream);
    const revision = id === undefined ? undefined : this.statements.head.get(id)?.['revision'];
    return typeof revision === 'number' ? revision : -1;
  }

  forwards(stream: string, from: number, limit: number): IndexEntry[] {
    const id = this.streamId(stream);
    return id === undefined ? [] : (this.statements.forwards.all(id, from, limit) as unknown as IndexEntry[]);
  }

  backwards(stream: string, from: number, limit: number): IndexEntry[] {
    const id = this.streamId(stream);
    return id === undefined ? [] : (this.statements.backwards.all(id, from, limit) as unknown as IndexEntry[]);
  }

  /** The start of a record at or before a position, not far from it. */
  markBefore(position: number): number {
    const mark = this.statements.lastMark.get(position)?.['position'];
    return typeof mark === 'number' ? mark : firstPosition;
  }

  close(): void {
    this.database.close();
  }

  private take(log: LogFile, from: number, to: number): number {
    let end = from;
    let count = 0;
    for (const record of log.records(from, to)) {
      const { event } = record;
      this.statements.insertEvent.run(this.streamIdOrNew(event.stream), event.revision, event.position, event.recorded.length);
      const stretch = Math.floor(event.position / bytesPerMark);
      if (stretch !== Math.floor(record.end / bytesPerMark)) this.statements.insertMark.run(event.position);
      end = record.end;
      count += 1;
      if (count >= eventsPerTransaction) break;
    }
    return end;
  }

  private streamId(stream: string): number | undefined {
    const cached = this.ids.get(stream);
    if (cached !== undefined) return cached;
    const id = this.statements.findStream.get(stream)?.['id'];
    if (typeof id !== 'number') return undefined;
    this.ids.set(stream, id);
    return id;
  }

  private streamIdOrNew(stream: string): number {
    const known = this.streamId(stream);
    if (known !== undefined) return known;
    const id = Number(this.statements.insertStream.run(stream).lastInsertRowid);
    this.ids.set(stream, id);
    return id;
  }
}

function configure(database: DatabaseSync): void {
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;');
  // In pages, 64 MiB: a checkpoint syncs, and while it does so the log's own syncs wait.
  database.exec('PRAGMA wal_autocheckpoint = 16384;');
}

function openIndexOf(folder: string, log: LogFile): { readonly database: DatabaseSync; readonly indexedTo: number } | undefined {
  if (!existsSync(indexFile(folder))) return undefined;
  const database = new DatabaseSync(indexFile(folder));
  try {
    configure(database);
    const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
    const row = version === layoutVersion ? database.prepare('SELECT id, indexed_to FROM log').get() : undefined;
    if (row?.['id'] === log.id) return { database, indexedTo: Number(row['indexed_to']) };
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  database.close();
  return undefined;
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_SCHEMA and SQLITE_ERROR (a table that is not there); anything else is not the file's fault. */
function isDamage(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && [1, 11, 17, 26].includes(Number(error.errcode) & 0xff);
}
