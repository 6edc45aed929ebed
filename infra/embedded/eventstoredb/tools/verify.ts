import { firstPosition } from '../log/event-log.ts';
import { LogFile } from '../log/log-file.ts';
import { tombstoneRevision } from '../log/logged-event.ts';
import { StreamIndex } from '../log/stream-index.ts';
import { isSoundFrom, wholeCommits } from './whole-commits.ts';

export interface Verification {
  readonly events: number;
  readonly streams: number;
  /** Of the header and the events. */
  readonly bytes: number;
  readonly lastPosition: number | undefined;
  /** What is wrong, one sentence each; the first hundred. */
  readonly faults: readonly string[];
}

const mostFaults = 100;

/**
 * Reads a whole log and checks it: the checksum of each event, that records follow each other without a gap, that the numbers of each stream
 * have no gap, and that the index finds each event where it is. An index that is missing is no fault: the next start makes it. One that knows more than the log is: it only takes in what the disk has.
 * @throws Error when there is no log
 */
export function verify(folder: string): Verification {
  const log = LogFile.openForReading(folder);
  const knownTo = StreamIndex.knownTo(folder, log);
  const index = StreamIndex.openIfSound(folder, log);
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < mostFaults) faults.push(text);
  };
  const heads = new Map<string, number>();
  const indexed = index?.contents() ?? { indexedTo: firstPosition, events: 0 };
  let [events, found, end] = [0, 0, firstPosition];
  let lastPosition: number | undefined;
  try {
    for (const commit of wholeCommits(log)) {
      for (const { event, end: next } of commit) {
        const expected = (heads.get(event.stream) ?? -1) + 1;
        heads.set(event.stream, event.revision);
        if (event.revision !== expected && event.revision !== tombstoneRevision)
          fault(`The event at ${event.position} is number ${event.revision} of ${event.stream}, where ${expected} should follow.`);
        if (event.position < indexed.indexedTo) {
          const entry = index?.forwards(event.stream, event.revision, 1)[0];
          if (entry?.revision === event.revision && entry.position === event.position && entry.length === event.recorded.length) found += 1;
          else fault(`The index does not find number ${event.revision} of ${event.stream}, which is at ${event.position}.`);
        }
        events += 1;
        lastPosition = event.position;
        end = next;
      }
    }
    if (!isSoundFrom(log, end))
      fault(`The record at ${end} fails its checksum or is cut off: ${log.size - end} bytes from there on cannot be read.`);
    if (knownTo > end) fault(`The index knows events up to ${knownTo}, and the log can be read up to ${end}: those in between are lost.`);
    if (found !== indexed.events) fault(`The index holds ${indexed.events} events, and ${found} of them are in the log.`);
    return { events, streams: heads.size, bytes: end, lastPosition, faults };
  } finally {
    index?.close();
    log.close();
  }
}
