import type { EventLog } from './event-log.ts';
import { firstPosition, maxPageBytes, positionAfter } from './event-log.ts';
import type { LoggedEvent } from './logged-event.ts';

/** A log that forgets everything: what the benches compare the durable one with. */
export function memoryLog(): EventLog {
  const all: LoggedEvent[] = [];
  const streams = new Map<string, LoggedEvent[]>();

  function indexIn(events: readonly LoggedEvent[], key: 'position' | 'revision', from: number): number {
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((events[middle]?.[key] ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function page(events: readonly LoggedEvent[], start: number, limit: number, step: 1 | -1): LoggedEvent[] {
    const found: LoggedEvent[] = [];
    let size = 0;
    for (let index = start; found.length < limit && size < maxPageBytes; index += step) {
      const event = events[index];
      if (!event) break;
      found.push(event);
      size += event.recorded.length;
    }
    return found;
  }

  const eventsOf = (stream: string): readonly LoggedEvent[] => streams.get(stream) ?? [];

  return {
    end() {
      const last = all.at(-1);
      return last ? positionAfter(last) : firstPosition;
    },
    headOf: (stream) => eventsOf(stream).at(-1)?.revision ?? -1,
    transaction: (work) => work(),
    write(event) {
      all.push(event);
      const events = streams.get(event.stream);
      if (events) events.push(event);
      else streams.set(event.stream, [event]);
    },
    readAllForwards: (from, limit) => page(all, indexIn(all, 'position', from), limit, 1),
    readAllBackwards: (before, limit) => page(all, indexIn(all, 'position', before) - 1, limit, -1),
    readStreamForwards: (stream, from, limit) => page(eventsOf(stream), indexIn(eventsOf(stream), 'revision', from), limit, 1),
    readStreamBackwards: (stream, from, limit) => page(eventsOf(stream), indexIn(eventsOf(stream), 'revision', from + 1) - 1, limit, -1),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
