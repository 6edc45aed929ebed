import { existsSync } from 'node:fs';
import type { LogFile } from './log-file.ts';
import { logFile, syncFolder } from './log-file.ts';

/**
 * What a crash of the machine may leave behind a gap: commits that nobody was told of, since the sync that would have covered them never
 * ended. So they are few, and were written within moments.
 */
const mostUnsynced = { bytes: 16 << 20, milliseconds: 60_000 };

/**
 * Finds the end of the last whole commit at or behind a position that one ends at, and cuts off what lies behind it: the rest of a commit that a
 * crash interrupted. It is kept in a file beside the log. `knownTo` is how far the log was on disk for certain; 64 when nothing tells.
 * @throws Error when what lies behind is more than a crash leaves; nothing is changed then
 */
export function repair(folder: string, file: LogFile, from: number, knownTo: number): number {
  const { size } = file;
  let end = from;
  for (const record of file.records(from, size)) if (record.endsCommit) end = record.end;
  if (file.isBlankFrom(end)) {
    if (knownTo > end)
      say(`The index knows events up to ${knownTo}, and the event log ends at ${end}: it is an older copy, or has lost the rest.`);
  } else {
    refuseDamage(folder, file, end, knownTo);
    const kept = keepFrom(folder, file, end);
    say(`The event log ends with ${size - end} bytes of a commit that a crash cut off; they are dropped, and kept in ${kept}.`);
  }
  if (end < size) file.truncate(end);
  return end;
}

function refuseDamage(folder: string, file: LogFile, end: number, knownTo: number): void {
  const after = commitsBehind(file, end);
  const durable = knownTo > end;
  if (!durable && after.bytes <= mostUnsynced.bytes && after.milliseconds <= mostUnsynced.milliseconds) return;
  const evidence = durable ? `it was whole up to ${knownTo} once` : `${after.bytes} bytes of whole commits follow`;
  throw new Error(
    `The event log ${logFile(folder)} is damaged at ${end}, and not by a crash: ${evidence}. Nothing was changed. ` +
      `"npm run eventstore -- verify --dir ${folder}" reads it; restore a back-up into an empty folder. To give up everything behind the ` +
      `damage instead, copy the file, then cut it with "truncate -s ${end}".`,
  );
}

/** What can be read behind a damaged place: the bytes of whole commits, and the time between the first event and the last. */
function commitsBehind(file: LogFile, damagedAt: number): { readonly bytes: number; readonly milliseconds: number } {
  let bytes = 0;
  let [oldest, newest] = [Infinity, -Infinity];
  for (let record = file.nextRecordBehind(damagedAt); record; record = file.nextRecordBehind(record.end - 1)) {
    // Up to the end of a commit it may be the rest of the damaged one.
    let commitStart: number | undefined;
    let last = record;
    for (const next of file.records(record.event.position, file.size)) {
      last = next;
      const { created } = next.event.content();
      [oldest, newest] = [Math.min(oldest, created), Math.max(newest, created)];
      if (!next.endsCommit) continue;
      if (commitStart !== undefined) bytes += next.end - commitStart;
      commitStart = next.end;
    }
    record = last;
  }
  return { bytes, milliseconds: Math.max(0, newest - oldest) };
}

function keepFrom(folder: string, file: LogFile, position: number): string {
  let kept = `${logFile(folder)}.cut-${position}`;
  while (existsSync(kept)) kept += '~';
  file.copyFrom(position, kept);
  syncFolder(folder);
  return kept;
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
