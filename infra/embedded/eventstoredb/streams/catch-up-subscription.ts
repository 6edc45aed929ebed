import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { positionAfter } from '../log/event-log.ts';
import type { LoggedEvent } from '../log/logged-event.ts';
import { tombstoneRevision } from '../log/logged-event.ts';
import type { EventReader } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { Outlet } from '../wire/outlet.ts';
import type { UuidFormat } from '../wire/read-responses.ts';
import { caughtUp, checkpoint, confirmation, readEventResponse } from '../wire/read-responses.ts';
import { streamDeleted } from '../wire/rpc-error.ts';
import type { EventFilter } from './event-filter.ts';
import type { EventFeed } from './event-feed.ts';
import { AllFeed } from './event-feed.ts';

export interface SubscriptionOptions {
  readonly feed: EventFeed;
  readonly filter: EventFilter | undefined;
  readonly resolveLinks: boolean;
  readonly uuids: UuidFormat;
}

/** A live subscriber that was blocked and is further behind than this is sent back to catching up. */
const liveBacklog = 32;
const matchesPerPage = 32;

/**
 * A catch-up subscription that pulls: it reads on when the client has room, and waits for commits at the end of the log. A slow client
 * makes it fall behind and catch up again; it is never dropped, and nothing queues up for it.
 */
export class CatchUpSubscription {
  private readonly store: EventStore;
  private readonly reader: EventReader;
  private readonly outlet: Outlet;
  private readonly options: SubscriptionOptions;
  private live = false;
  private blockedWhileLive = false;
  private wake: (() => void) | undefined;
  /** Considered events since the last checkpoint. */
  private considered = 0;
  private lastConsidered: number | undefined;
  private page = { seen: 0, matches: 0, checkpoint: 0 };

  constructor(store: EventStore, reader: EventReader, outlet: Outlet, options: SubscriptionOptions) {
    this.store = store;
    this.reader = reader;
    this.outlet = outlet;
    this.options = options;
  }

  /** Runs until the call is over. */
  async run(): Promise<void> {
    const { feed } = this.options;
    const stopListening = this.store.onCommit((events) => {
      if (this.wake && events.some((event) => feed.concerns(event))) this.wakeUp();
    });
    this.outlet.onClose(() => {
      stopListening();
      this.wakeUp();
    });
    this.outlet.send(confirmation(randomUUID()));
    while (!this.outlet.closed) {
      const events = feed.next(this.live);
      if (!events) {
        this.goLive();
        await this.nextCommit();
        continue;
      }
      if (this.live && this.blockedWhileLive && events.length > liveBacklog) this.fallBehind();
      for (const event of events) {
        this.deliver(event);
        if (this.outlet.full) {
          this.blockedWhileLive ||= this.live;
          await this.outlet.ready();
        }
        if (this.outlet.closed) return;
      }
      await nextTurn();
    }
  }

  private wakeUp(): void {
    const wake = this.wake;
    this.wake = undefined;
    wake?.();
  }

  private goLive(): void {
    this.blockedWhileLive = false;
    if (this.live) return;
    this.live = true;
    this.considered += this.page.seen;
    this.page = { seen: 0, matches: 0, checkpoint: 0 };
    const { filter, feed } = this.options;
    if (filter && feed.lastPosition) this.outlet.send(checkpoint(feed.lastPosition));
    this.outlet.send(caughtUp());
  }

  private fallBehind(): void {
    this.live = false;
    if (this.options.filter && this.lastConsidered !== undefined) this.outlet.send(checkpoint(this.lastConsidered));
  }

  private deliver(event: LoggedEvent): void {
    const { filter, resolveLinks, uuids } = this.options;
    const matches = !filter || filter.matches(event);
    if (matches) {
      const resolved = resolveLinks ? this.reader.resolve(event) : { event, link: undefined };
      this.outlet.send(readEventResponse(resolved, uuids));
    }
    if (filter) this.count(event, matches, filter);
    if (event.revision === tombstoneRevision && !(this.options.feed instanceof AllFeed)) this.outlet.fail(streamDeleted(event.stream));
  }

  private count(event: LoggedEvent, matches: boolean, filter: EventFilter): void {
    this.lastConsidered = event.position;
    if (this.live) {
      this.considered += 1;
      if (this.considered < filter.checkpointInterval) return;
      this.considered = 0;
      this.outlet.send(checkpoint(event.position));
      return;
    }
    const { page } = this;
    page.seen += 1;
    if (matches) page.matches += 1;
    if (matches || page.seen === 1) page.checkpoint = event.position;
    if (page.seen < filter.window && page.matches < matchesPerPage) return;
    this.considered += page.seen;
    this.page = { seen: 0, matches: 0, checkpoint: 0 };
    if (this.considered < filter.checkpointInterval || positionAfter(event) === this.reader.end()) return;
    this.considered %= filter.checkpointInterval;
    this.outlet.send(checkpoint(page.checkpoint));
  }

  /** Nothing can be committed between finding the end of the log and calling this: both happen in one turn of the loop. */
  private async nextCommit(): Promise<void> {
    if (this.outlet.closed) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}
