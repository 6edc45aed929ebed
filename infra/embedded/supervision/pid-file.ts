import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine, isRunning } from './processes.ts';

const POLL_MS = 25;
const PATIENCE_MS = 20_000;

/** Says that this process works on a folder for the application `servedPid`; `program` is a part of this process's command line. */
export function writePidFile(file: string, servedPid: number, program: string): void {
  writeFileSync(file, `${process.pid}\n${servedPid}\n${program}\n`);
}

/** Who holds the folder: nobody, a process whose application has died and which is therefore leaving, or one that serves a living application. */
function holder(file: string): 'none' | 'leaving' | { servedPid: number } {
  if (!existsSync(file)) return 'none';
  const [pid, servedPid, program] = readFileSync(file, 'utf8').split('\n');
  // A process id may have been given to something else since: the command line tells.
  if (!program || !isRunning(Number(pid)) || !commandLine(Number(pid)).includes(program)) return 'none';
  return isRunning(Number(servedPid)) ? { servedPid: Number(servedPid) } : 'leaving';
}

/** Waits until a leaving holder has gone. Throws when the folder serves a living application. */
export async function awaitRelease(file: string): Promise<void> {
  for (const started = Date.now(); ; await delay(POLL_MS)) {
    const found = holder(file);
    if (found === 'none') break;
    if (found !== 'leaving') throw new Error(`${file}: the folder is in use by process ${found.servedPid}`);
    if (Date.now() - started > PATIENCE_MS) throw new Error(`${file}: the process of an earlier run does not end`);
  }
  rmSync(file, { force: true });
}
