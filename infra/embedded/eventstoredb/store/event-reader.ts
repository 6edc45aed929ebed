import { positionAfter } from '../log/event-log.ts';
import type { LoggedEvent } from '../log/logged-event.ts';
import { tombstoneRevision } from '../log/logged-event.ts';
import type { EventStore } from './event-store.ts';
import type { StreamMetadata } from './stream-metadata.ts';
import { isMetastream, metastreamOf, noMetadata, originalOf, parseStreamMetadata } from './stream-metadata.ts';

/** An event as a reader gets it. A link whose target cannot be read comes without its event. */
export interface ResolvedEvent {
  readonly event: LoggedEvent | undefined;
  readonly link: LoggedEvent | undefined;
}

export type StreamPresence = 'there' | 'not-found' | 'tombstoned';

export const linkType = '$>';
const linkTypeBytes = Buffer.from(linkType);

/** The record in the log that this is about: the link if there is one. */
export function originalRecord(resolved: ResolvedEvent): LoggedEvent {
  const record = resolved.link ?? resolved.event;
  if (!record) throw new Error('Neither an event nor a link.');
  return record;
}

const pageLimit = 256;
/** Events that a look for the last visible one reads at a time. */
const lastLook = 16;
const streamsOfAllGroups = Buffer.from('$persistentsubscription-$all::');

/** What the persistent subscriptions to `$all` write about themselves is not shown in `$all`: each group would feed on its own notes. */
export function isHiddenInAll(event: LoggedEvent): boolean {
  return event.streamStartsWith(streamsOfAllGroups) && /-(checkpoint|parked)$/.test(event.stream);
}

/** Reads the log as clients see it: through truncation, `$maxCount`, `$maxAge` and links. */
export class EventReader {
  private readonly store: EventStore;
  private readonly now: () => number;

  constructor(store: EventStore, now: () => number = Date.now) {
    this.store = store;
    this.now = now;
  }

  presence(stream: string): StreamPresence {
    const { head, tombstoned } = this.store.states.of(stream);
    const buried = isMetastream(stream) && head !== tombstoneRevision ? originalOf(stream) : stream;
    if (tombstoned && this.headOf(buried) === tombstoneRevision) return 'tombstoned';
    return this.metadataOf(stream).deleted || this.headOf(stream) < 0 ? 'not-found' : 'there';
  }

  /** The number of the last event of a stream that is on disk, -1 when there is none. */
  headOf(stream: string): number {
    if (this.allOnDisk()) return this.store.states.of(stream).head;
    return this.lastOnDisk(stream)?.revision ?? -1;
  }

  /** The position behind the last event that is on disk. */
  end(): number {
    return this.store.durableEnd;
  }

  /** The position of the last event that `$all` shows, undefined while there is none. */
  lastPosition(): number | undefined {
    for (const [newest] of this.allBackwards(this.end(), lastLook)) if (newest) return newest.position;
    return undefined;
  }

  /**
   * The visible ones among the next events of a stream, perhaps none; `next` is where to read on. Undefined when there are no more.
   */
  visiblePage(stream: string, from: number, limit = pageLimit): { readonly events: LoggedEvent[]; readonly next: number } | undefined {
    const visible = this.window(stream);
    const page = this.durable(this.store.log.readStreamForwards(stream, Math.max(from, visible.min), limit));
    const last = page.at(-1);
    return last && { events: page.filter(visible.shows), next: last.revision + 1 };
  }

  /** All visible events of a stream from a revision on, page by page; each page is read when it is asked for. */
  *streamForwards(stream: string, from: number, limit = Number.MAX_SAFE_INTEGER): Generator<LoggedEvent[]> {
    let next = from;
    let left = limit;
    while (left > 0) {
      const page = this.visiblePage(stream, next, Math.min(left, pageLimit));
      if (!page) return;
      left -= page.events.length;
      next = page.next;
      yield page.events;
    }
  }

  *streamBackwards(stream: string, from: number, limit = Number.MAX_SAFE_INTEGER): Generator<LoggedEvent[]> {
    const visible = this.window(stream);
    let next = from;
    let left = limit;
    while (left > 0 && next >= visible.min) {
      const page = this.store.log.readStreamBackwards(stream, next, Math.min(left, pageLimit));
      const last = page.at(-1);
      if (!last) return;
      const shown = this.durable(page).filter((event) => event.revision >= visible.min && visible.shows(event));
      left -= shown.length;
      next = last.revision - 1;
      yield shown;
    }
  }

  *allForwards(from: number, limit = Number.MAX_SAFE_INTEGER): Generator<LoggedEvent[]> {
    let next = from;
    let left = limit;
    while (left > 0) {
      const page = this.pageOfAll(next, Math.min(left, pageLimit));
      const last = page.at(-1);
      if (!last) return;
      const shown = page.filter((event) => !isHiddenInAll(event));
      left -= shown.length;
      next = positionAfter(last);
      yield shown;
    }
  }

  *allBackwards(before: number, limit = Number.MAX_SAFE_INTEGER): Generator<LoggedEvent[]> {
    let next = Math.min(before, this.end());
    let left = limit;
    while (left > 0) {
      const page = this.store.log.readAllBackwards(next, Math.min(left, pageLimit));
      const last = page.at(-1);
      if (!last) return;
      const shown = page.filter((event) => !isHiddenInAll(event));
      left -= shown.length;
      next = last.position;
      yield shown;
    }
  }

  /** The events at or after a position, at most a page, hidden ones too. */
  pageOfAll(from: number, limit = pageLimit): LoggedEvent[] {
    return this.durable(this.store.log.readAllForwards(from, limit));
  }

  /** The events of a stream from a revision on, at most a page, hidden ones too: what live subscribers get. */
  pageOfStream(stream: string, from: number, limit = pageLimit): LoggedEvent[] {
    return this.durable(this.store.log.readStreamForwards(stream, from, limit));
  }

  /** Follows a link, if it is one. */
  resolve(record: LoggedEvent): ResolvedEvent {
    if (!record.isOfType(linkTypeBytes)) return { event: record, link: undefined };
    const text = record.content().data.toString('utf8');
    const at = text.indexOf('@');
    const number = text.slice(0, Math.max(at, 0));
    if (!/^-?\d{1,19}$/.test(number)) return { event: record, link: undefined };
    return { event: this.visibleEvent(text.slice(at + 1), Number(number)), link: record };
  }

  private allOnDisk(): boolean {
    return this.store.log.end() === this.end();
  }

  private lastOnDisk(stream: string): LoggedEvent | undefined {
    // Few events of one stream are on their way to the disk at a time.
    for (let from = this.store.states.of(stream).head; from >= 0;) {
      const page = this.store.log.readStreamBackwards(stream, from, 8);
      const [newest] = this.durable(page);
      if (newest) return newest;
      from = (page.at(-1)?.revision ?? 0) - 1;
    }
    return undefined;
  }

  /** The metadata of a stream that are on disk. */
  private metadataOf(stream: string): StreamMetadata {
    const { metadata } = this.store.states.of(stream);
    if (this.allOnDisk() || isMetastream(stream)) return metadata;
    const metastream = metastreamOf(stream);
    const last = this.lastOnDisk(metastream);
    if (last?.revision === this.store.states.of(metastream).head) return metadata;
    return last ? parseStreamMetadata(last.content().data) : noMetadata;
  }

  /** Without the events that are written, but not on disk yet. */
  private durable(page: LoggedEvent[]): LoggedEvent[] {
    const end = this.end();
    return page.some(({ position }) => position >= end) ? page.filter(({ position }) => position < end) : page;
  }

  private visibleEvent(stream: string, revision: number): LoggedEvent | undefined {
    if (stream === '' || this.presence(stream) !== 'there') return undefined;
    const visible = this.window(stream);
    if (revision < visible.min || revision > this.headOf(stream)) return undefined;
    const [event] = this.durable(this.store.log.readStreamForwards(stream, revision, 1));
    return event?.revision === revision && visible.shows(event) ? event : undefined;
  }

  private window(stream: string): { readonly min: number; readonly shows: (event: LoggedEvent) => boolean } {
    const metadata = this.metadataOf(stream);
    const counted = metadata.maxCount === undefined ? 0 : this.headOf(stream) - metadata.maxCount + 1;
    const min = Math.max(0, counted, metadata.truncateBefore ?? 0);
    if (metadata.maxAge === undefined) return { min: Math.min(min, tombstoneRevision), shows: () => true };
    const oldest = this.now() - metadata.maxAge * 1000;
    return { min: Math.min(min, tombstoneRevision), shows: (event) => event.content().created >= oldest };
  }
}
