import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';

/** Another server works in the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

export interface FolderLock {
  release(): void;
}

/**
 * Takes a folder for this process, waiting up to `patience` milliseconds for one that is just going. The lock is SQLite's own on a file:
 * the operating system lets go of it when its process dies, however it dies, so a stale lock cannot be.
 * @throws FolderInUse
 */
export async function lockFolder(folder: string, patience: number): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true });
  const deadline = Date.now() + patience;
  for (;;) {
    const lock = tryLock(join(folder, 'server.lock'));
    if (lock) return lock;
    if (Date.now() >= deadline)
      throw new FolderInUse(`Another event store is running on ${folder}. Stop it first, or give this one another folder.`);
    await wait(50);
  }
}

function tryLock(file: string): FolderLock | undefined {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
    throw error;
  }
}
