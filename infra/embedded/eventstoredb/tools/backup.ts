import { copyFileSync, existsSync, mkdirSync, openSync, fsyncSync, closeSync, ftruncateSync, renameSync, rmSync } from 'node:fs';
import { LogFile, logFile, syncFolder } from '../log/log-file.ts';
import { refuseUnsound, wholeEnd } from './whole-commits.ts';

/**
 * Copies a log into another folder, as it is at this moment, also while a server writes to it. The copy is a folder that a server can be
 * started on; it makes its index anew.
 * @throws Error when there is no log, it is damaged, or there is one already where the copy should go
 */
export function backup(folder: string, target: string): void {
  const file = logFile(target);
  if (existsSync(file)) throw new Error(`${target} holds an event log already.`);
  const log = LogFile.openForReading(folder);
  const unfinished = `${file}.unfinished`;
  try {
    mkdirSync(target, { recursive: true });
    rmSync(unfinished, { force: true });
    const end = wholeEnd(log);
    refuseUnsound(log, end);
    copyFileSync(logFile(folder), unfinished);
    const copy = openSync(unfinished, 'r+');
    ftruncateSync(copy, end);
    fsyncSync(copy);
    closeSync(copy);
  } finally {
    log.close();
  }
  renameSync(unfinished, file);
  syncFolder(target);
}
