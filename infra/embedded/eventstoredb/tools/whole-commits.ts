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
