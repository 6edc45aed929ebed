import { crc32 } from 'node:zlib';
import { openForReading, toEvent } from '../log/database-file.ts';
import { firstPosition, positionAfter } from '../log/event-log.ts';
import { tombstoneRevision } from '../log/logged-event.ts';

export interface Verification {
  readonly events: number;
  readonly streams: number;
  readonly bytes: number;
  readonly lastPosition: number | undefined;
  /** What is wrong, one sentence each; the first hundred. */
  readonly faults: readonly string[];
}

const mostFaults = 100;

/**
 * Reads a whole log and checks it: the file's own structure, each event's checksum, that positions follow each other without a gap, that
 * each event says of itself what its row says, and that the numbers of each stream have no gap.
 * @throws Error when there is no log
 */
export function verify(folder: string): Verification {
  const database = openForReading(folder);
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < mostFaults) faults.push(text);
  };
  try {
    database.exec('BEGIN');
    for (const row of database.prepare('PRAGMA quick_check').all()) {
      const finding = String(row['quick_check']);
      if (finding !== 'ok') fault(`SQLite: ${finding}`);
    }

    let events = 0;
    let bytes = 0;
    let expected = firstPosition;
    let lastPosition: number | undefined;
    const rows = database.prepare(
      'SELECT position, revision, recorded, checksum, name FROM events LEFT JOIN streams ON id = stream ORDER BY position',
    );
    rows.setReturnArrays(true);
    for (const row of rows.iterate()) {
      const [position, revision, recorded, checksum, name] = row as unknown as [number, number, Uint8Array, number, string | null];
      const event = toEvent([position, revision, recorded]);
      if (crc32(event.recorded) !== checksum) fault(`The event at ${position} fails its checksum.`);
      else if (event.stream !== name) fault(`The event at ${position} belongs to ${event.stream}, but its row says ${name}.`);
      if (position !== expected) fault(`After the event before ${expected} comes the one at ${position}.`);
      expected = positionAfter(event);
      events += 1;
      bytes += recorded.length;
      lastPosition = position;
    }

    const streams = Number(database.prepare('SELECT count(*) AS count FROM streams').get()?.['count']);
    const gaps = database.prepare(
      `SELECT name, min(revision) AS first, max(revision) AS last, count(*) AS count FROM events LEFT JOIN streams ON id = stream
       WHERE revision < ${tombstoneRevision} GROUP BY stream HAVING first <> 0 OR last <> count - 1`,
    );
    for (const { name, first, last, count } of gaps.iterate()) {
      fault(`The stream ${String(name)} has ${String(count)} events numbered from ${String(first)} to ${String(last)}.`);
    }
    return { events, streams, bytes, lastPosition, faults };
  } finally {
    database.close();
  }
}
