import { firstPosition } from '../log/event-log.ts';
import type { LogFile, LogRecord } from '../log/log-file.ts';

/** The whole commits of a log from a position on, as it is at this moment. Ends early where the log is damaged. */
export function* wholeCommits(log: LogFile, from = firstPosition): Generator<readonly LogRecord[]> {
  let commit: LogRecord[] = [];
  for (const record of log.records(from, log.size)) {
    commit.push(record);
    if (!record.endsCommit) continue;
    yield commit;
    commit = [];
  }
}

/** The position behind the last whole commit. */
export function wholeEnd(log: LogFile, from = firstPosition): number {
  let end = from;
  for (const commit of wholeCommits(log, from)) end = commit.at(-1)?.end ?? end;
  return end;
}

/** A server that writes while we read shows half a commit for some microseconds. */
const attempts = 1000;

/** Whether what lies behind the last whole commit that was read is nothing, or a commit that was being written. */
export function isSoundFrom(log: LogFile, end: number): boolean {
  for (let attempt = 0; attempt < attempts; attempt += 1) if (log.isBlankFrom(end) || wholeEnd(log, end) > end) return true;
  return false;
}

/** @throws Error when the log cannot be read any further than to the end of a commit */
export function refuseUnsound(log: LogFile, end: number): void {
  if (!isSoundFrom(log, end))
    throw new Error(
      `The event log is damaged at ${end}: ${log.size - end} bytes from there on cannot be read. "verify" tells more; when a crash cut off a commit, a start of the server mends it.`,
    );
}
