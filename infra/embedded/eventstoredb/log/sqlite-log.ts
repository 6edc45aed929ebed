import { closeSync, fdatasync, fstatSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { Checkpointer } from './checkpointer.ts';
import type { EventRow } from './database-file.ts';
import { databaseFile, layout, layoutVersion, toEvent } from './database-file.ts';
import type { EventLog } from './event-log.ts';
import { firstPosition, maxPageBytes, positionAfter } from './event-log.ts';
import { LeastRecentlyUsed } from './least-recently-used.ts';
import { LoggedEvent } from './logged-event.ts';

type PageRow = [positions: string, revisions: string, lengths: string, recorded: Uint8Array | null];

/** The events of a page that came in one piece, one behind the other. */
function splitPage([positions, revisions, lengths, recorded]: PageRow): LoggedEvent[] {
  if (recorded === null) return [];
  const bytes = Buffer.from(recorded.buffer, recorded.byteOffset, recorded.byteLength);
  const [places, numbers, sizes] = [positions, revisions, lengths].map((text) => JSON.parse(text) as number[]);
  let start = 0;
  return (places ?? []).map((position, index) => {
    const from = start;
    start += sizes?.[index] ?? 0;
    return new LoggedEvent(position, numbers?.[index] ?? 0, bytes.subarray(from, start));
  });
}

const syncFile = promisify(fdatasync);

/**
 * The durable log in one SQLite file (ADR 0003). A commit appends checksummed frames to the write-ahead log. SQLite would sync that file
 * within the commit and stop everything meanwhile (synchronous=FULL); instead it is told not to (NORMAL, which still syncs around
 * checkpoints), and `sync` does so beside the loop. A tail torn by a crash fails its checksums, and SQLite drops it on opening.
 * @throws Error when the folder holds a layout of another version or a file that is not ours
 */
export function sqliteLog(folder: string): EventLog {
  const database = new DatabaseSync(databaseFile(folder));
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
  `);
  const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${layout} COMMIT;`);
  else if (version !== layoutVersion)
    throw new Error(`${folder} holds an event log of layout ${String(version)}; this server reads layout ${layoutVersion}.`);

  // The file of the write-ahead log stays the same as long as the database is open.
  const writeAheadLog = openSync(`${databaseFile(folder)}-wal`, 'r+');

  const checkpointer = new Checkpointer(database, databaseFile(folder));
  // What a killed predecessor left.
  checkpointer.wrote(fstatSync(writeAheadLog).size);

  const insertStream = database.prepare('INSERT INTO streams (name) VALUES (?)');
  const findStream = database.prepare('SELECT id FROM streams WHERE name = ?');
  const insertEvent = database.prepare('INSERT INTO events (position, stream, revision, checksum, recorded) VALUES (?, ?, ?, ?, ?)');
  const findHead = database.prepare('SELECT revision FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1');
  const pages = {
    nextOfAll: pageQuery('position >= ? ORDER BY position'),
    allBackwards: pageQuery('position < ? ORDER BY position DESC'),
    streamForwards: pageQuery('stream = ? AND revision >= ? ORDER BY revision'),
    streamBackwards: pageQuery('stream = ? AND revision <= ? ORDER BY revision DESC'),
  };
  // A page in one row: a buffer for each event would cost more than all the rest of a read. Positions count bytes, so a range bounds it.
  const wholePage = database.prepare(`
    SELECT json_group_array(position), json_group_array(revision), json_group_array(length(recorded)), CAST(group_concat(recorded, '') AS BLOB)
    FROM (SELECT position, revision, recorded FROM events WHERE position >= ? AND position < ? ORDER BY position LIMIT ?)
  `);
  wholePage.setReturnArrays(true);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');

  const streamIds = new LeastRecentlyUsed<string, number>(20_000);
  const last = readPage(pages.allBackwards, [Number.MAX_SAFE_INTEGER], 1)[0];
  let end = last ? positionAfter(last) : firstPosition;

  function pageQuery(condition: string) {
    const statement = database.prepare(`SELECT position, revision, recorded FROM events WHERE ${condition} LIMIT ?`);
    statement.setReturnArrays(true);
    return statement;
  }

  function readPage(query: ReturnType<typeof pageQuery>, key: readonly number[], limit: number): LoggedEvent[] {
    const found: LoggedEvent[] = [];
    let size = 0;
    for (const row of query.iterate(...key, limit)) {
      const event = toEvent(row as unknown as EventRow);
      found.push(event);
      size += event.recorded.length;
      if (size >= maxPageBytes) break;
    }
    return found;
  }

  function streamId(stream: string): number | undefined {
    const cached = streamIds.get(stream);
    if (cached !== undefined) return cached;
    const id = findStream.get(stream)?.['id'];
    if (typeof id !== 'number') return undefined;
    streamIds.set(stream, id);
    return id;
  }

  function readStream(query: ReturnType<typeof pageQuery>, stream: string, from: number, limit: number): LoggedEvent[] {
    const id = streamId(stream);
    return id === undefined ? [] : readPage(query, [id, from], limit);
  }

  return {
    end: () => end,
    headOf(stream) {
      const id = streamId(stream);
      const revision = id === undefined ? undefined : findHead.get(id)?.['revision'];
      return typeof revision === 'number' ? revision : -1;
    },
    transaction(work) {
      const endBefore = end;
      begin.run();
      try {
        const result = work();
        commit.run();
        checkpointer.wrote(end - endBefore);
        return result;
      } catch (error) {
        end = endBefore;
        streamIds.clear();
        if (database.isTransaction) rollback.run();
        throw error;
      }
    },
    write(event) {
      let id = streamId(event.stream);
      if (id === undefined) {
        id = Number(insertStream.run(event.stream).lastInsertRowid);
        streamIds.set(event.stream, id);
      }
      insertEvent.run(event.position, id, event.revision, crc32(event.recorded), event.recorded);
      end = positionAfter(event);
    },
    readAllForwards(from, limit) {
      const page = splitPage(wholePage.get(from, from + maxPageBytes, limit) as unknown as PageRow);
      return page.length > 0 ? page : readPage(pages.nextOfAll, [from], limit);
    },
    readAllBackwards: (before, limit) => readPage(pages.allBackwards, [before], limit),
    readStreamForwards: (stream, from, limit) => readStream(pages.streamForwards, stream, from, limit),
    readStreamBackwards: (stream, from, limit) => readStream(pages.streamBackwards, stream, from, limit),
    sync: () => syncFile(writeAheadLog),
    async close() {
      await checkpointer.stop();
      closeSync(writeAheadLog);
      database.close();
    },
  };
}
