import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { databaseFile, openForReading } from '../log/database-file.ts';

/**
 * Copies a log into another folder, as it is at this moment, also while a server writes to it. The copy is a folder that a server can be
 * started on.
 * @throws Error when there is no log, or there is one already where the copy should go
 */
export function backup(folder: string, target: string): void {
  const file = databaseFile(target);
  if (existsSync(file)) throw new Error(`${target} holds an event log already.`);
  const database = openForReading(folder);
  const unfinished = `${file}.unfinished`;
  try {
    mkdirSync(target, { recursive: true });
    rmSync(unfinished, { force: true });
    database.prepare('VACUUM INTO ?').run(unfinished);
  } finally {
    database.close();
  }
  syncFile(unfinished);
  renameSync(unfinished, file);
  syncFile(target);
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
