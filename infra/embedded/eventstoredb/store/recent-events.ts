import type { LoggedEvent } from '../log/logged-event.ts';

const maxEvents = 2048;
const maxBytes = 4 << 20;

/** The end of the log in memory, so that many live subscribers do not each read the storage for the same event. */
export class RecentEvents {
  private events: LoggedEvent[] = [];
  private bytes = 0;

  add(committed: readonly LoggedEvent[]): void {
    for (const event of committed) {
      this.events.push(event);
      this.bytes += event.recorded.length;
    }
    if (this.events.length <= maxEvents && this.bytes <= maxBytes) return;
    let first = this.events.length;
    let bytes = 0;
    while (first > 0 && this.events.length - first < maxEvents / 2 && bytes < maxBytes / 2) {
      first -= 1;
      bytes += this.events[first]?.recorded.length ?? 0;
    }
    this.events = this.events.slice(first);
    this.bytes = bytes;
  }

  /** The events at or after a position, or undefined when the memory does not reach back so far. */
  from(position: number, limit: number): LoggedEvent[] | undefined {
    const oldest = this.events[0];
    if (!oldest || position < oldest.position) return undefined;
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.events[middle]?.position ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return this.events.slice(low, low + limit);
  }
}
