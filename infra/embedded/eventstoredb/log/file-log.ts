import type { EventLog } from './event-log.ts';
import { firstPosition, maxPageBytes, positionAfter } from './event-log.ts';
import { EventsInMemory } from './events-in-memory.ts';
import { IndexThread } from './index-thread.ts';
import { LogFile } from './log-file.ts';
import type { LoggedEvent } from './logged-event.ts';
import { repair } from './repair.ts';
import type { IndexEntry } from './stream-index.ts';
import { StreamIndex } from './stream-index.ts';

/** The last events stay in memory, so that many live subscribers do not each read the file for the same ones. */
const bytesKept = 2 << 20;

/**
 * The durable log (ADR 0003): a file that grows, an index of its streams that a thread keeps behind it, and in memory what the index has
 * not taken in yet. Opening cuts off what a crash left of an unfinished commit.
 * @throws Error when the folder holds a log of another layout, a file that is not ours, or a log that is damaged otherwise than by a crash
 */
export function fileLog(folder: string): EventLog {
  const { file, index, end: repairedEnd } = openRepaired(folder);
  let end = repairedEnd;

  const tail = new EventsInMemory();
  const indexing = new IndexThread(folder, end, (position) => tail.dropBefore(Math.min(position, end - bytesKept)));
  let written: LoggedEvent[] = [];

  /** From here on the events are in memory, before it the index has them. */
  const tailStart = (): number => tail.first?.position ?? end;

  /** The first place at or behind a position where an event begins. */
  function eventAtOrBehind(position: number): number {
    const limit = tailStart();
    if (position >= limit) return limit;
    if (position <= firstPosition) return firstPosition;
    if (file.endOfRecordAt(position, limit) !== undefined) return position;
    // Who asks for what is behind an event often names the byte behind its first.
    const next = file.endOfRecordAt(position - 1, limit);
    if (next !== undefined) return next;
    for (const { event } of file.records(index.markBefore(position), limit)) if (event.position >= position) return event.position;
    return limit;
  }

  function readEntries(entries: readonly IndexEntry[], found: LoggedEvent[]): LoggedEvent[] {
    let size = found.reduce((sum, { recorded }) => sum + recorded.length, 0);
    for (const { position, length } of entries) {
      if (size >= maxPageBytes) break;
      found.push(file.event(position, length));
      size += length;
    }
    return found;
  }

  return {
    end: () => end,
    headOf: (stream) => tail.headOf(stream) ?? index.headOf(stream),
    transaction(work) {
      const before = end;
      try {
        const result = work();
        if (written.length > 0) file.append(written);
        return result;
      } catch (error) {
        tail.dropFrom(before);
        end = before;
        throw error;
      } finally {
        written = [];
      }
    },
    write(event) {
      tail.add(event);
      written.push(event);
      end = positionAfter(event);
    },
    readAllForwards(from, limit) {
      const place = eventAtOrBehind(from);
      return place < tailStart() ? file.pageForwards(place, tailStart(), limit) : tail.readAllForwards(from, limit);
    },
    readAllBackwards(before, limit) {
      const recent = tail.readAllBackwards(before, limit);
      return recent.length > 0 ? recent : file.pageBackwards(eventAtOrBehind(before), limit);
    },
    readStreamForwards(stream, from, limit) {
      const recent = tail.readStreamForwards(stream, from, limit);
      if (recent[0]?.revision === from) return recent;
      const entries = index.forwards(stream, from, limit);
      const page = readEntries(entries, []);
      if (page.length < entries.length || page.length === limit) return page;
      const last = page.at(-1)?.revision ?? -1;
      const size = page.reduce((sum, { recorded }) => sum + recorded.length, 0);
      return size >= maxPageBytes ? page : [...page, ...recent.filter(({ revision }) => revision > last).slice(0, limit - page.length)];
    },
    readStreamBackwards(stream, from, limit) {
      const recent = tail.readStreamBackwards(stream, from, limit);
      const oldest = recent.at(-1)?.revision ?? from + 1;
      if (recent.length === limit || oldest === 0) return recent;
      return readEntries(index.backwards(stream, oldest - 1, limit - recent.length), recent);
    },
    async sync() {
      const upTo = end;
      await file.sync();
      await indexing.synced(upTo);
    },
    async close() {
      await indexing.stop();
      index.close();
      file.truncate(end);
      file.close();
    },
  };
}

function openRepaired(folder: string): { readonly file: LogFile; readonly index: StreamIndex; readonly end: number } {
  const file = LogFile.open(folder);
  let index = StreamIndex.openIfSound(folder, file);
  try {
    const end = repair(folder, file, index?.indexedTo ?? firstPosition, StreamIndex.knownTo(folder, file));
    index ??= StreamIndex.make(folder, file);
    index.follow(file, end);
    return { file, index, end };
  } catch (error) {
    index?.close();
    file.close();
    throw error;
  }
}
