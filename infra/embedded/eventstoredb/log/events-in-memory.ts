import { maxPageBytes } from './event-log.ts';
import type { LoggedEvent } from './logged-event.ts';

/** A run of events without gaps in memory, found by position and by stream and revision. Pages are as `EventLog` describes them. */
export class EventsInMemory {
  private all: LoggedEvent[] = [];
  private readonly streams = new Map<string, LoggedEvent[]>();

  get first(): LoggedEvent | undefined {
    return this.all[0];
  }

  add(event: LoggedEvent): void {
    this.all.push(event);
    const events = this.streams.get(event.stream);
    if (events) events.push(event);
    else this.streams.set(event.stream, [event]);
  }

  /** Forgets the events at and behind a position. */
  dropFrom(position: number): void {
    for (const event of this.all.splice(indexOf(this.all, 'position', position))) {
      const events = this.streams.get(event.stream);
      if (events?.length === 1) this.streams.delete(event.stream);
      else events?.pop();
    }
  }

  /** Forgets the events before a position. */
  dropBefore(position: number): void {
    const count = indexOf(this.all, 'position', position);
    if (count === 0) return;
    for (const stream of new Set(this.all.slice(0, count).map((event) => event.stream))) {
      const events = this.streams.get(stream) ?? [];
      const left = events.slice(indexOf(events, 'position', position));
      if (left.length === 0) this.streams.delete(stream);
      else this.streams.set(stream, left);
    }
    this.all = this.all.slice(count);
  }

  /** The number of the last event of a stream that is here. */
  headOf(stream: string): number | undefined {
    return this.streams.get(stream)?.at(-1)?.revision;
  }

  readAllForwards(from: number, limit: number): LoggedEvent[] {
    return page(this.all, indexOf(this.all, 'position', from), limit, 1);
  }

  readAllBackwards(before: number, limit: number): LoggedEvent[] {
    return page(this.all, indexOf(this.all, 'position', before) - 1, limit, -1);
  }

  readStreamForwards(stream: string, from: number, limit: number): LoggedEvent[] {
    const events = this.streams.get(stream) ?? [];
    return page(events, indexOf(events, 'revision', from), limit, 1);
  }

  readStreamBackwards(stream: string, from: number, limit: number): LoggedEvent[] {
    const events = this.streams.get(stream) ?? [];
    return page(events, indexOf(events, 'revision', from + 1) - 1, limit, -1);
  }
}

/** The index of the first event whose key is not below a value. */
function indexOf(events: readonly LoggedEvent[], key: 'position' | 'revision', value: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.[key] ?? 0) < value) low = middle + 1;
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
