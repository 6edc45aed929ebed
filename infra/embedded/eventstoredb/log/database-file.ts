import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LoggedEvent } from './logged-event.ts';

export const databaseFile = (folder: string): string => join(folder, 'events.sqlite');

export const layoutVersion = 1;
export const layout = `
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    recorded BLOB NOT NULL
  );
  CREATE UNIQUE INDEX events_of_stream ON events (stream, revision);
  PRAGMA user_version = ${layoutVersion};
`;

export type EventRow = [position: number, revision: number, recorded: Uint8Array];

export const toEvent = ([position, revision, recorded]: EventRow): LoggedEvent =>
  new LoggedEvent(position, revision, Buffer.from(recorded.buffer, recorded.byteOffset, recorded.byteLength));

/**
 * Opens the database of a folder for reading, also while a server writes to it: what is read is the state at the first read.
 * @throws Error when there is none, or one of another layout
 */
export function openForReading(folder: string): DatabaseSync {
  const file = databaseFile(folder);
  if (!existsSync(file)) throw new Error(`There is no event log in ${folder}.`);
  const database = new DatabaseSync(file, { readOnly: true });
  const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
  if (version !== layoutVersion) {
    database.close();
    throw new Error(`${folder} holds an event log of layout ${String(version)}; this program reads layout ${layoutVersion}.`);
  }
  return database;
}
