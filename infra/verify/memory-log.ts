import type { RecordedEvent } from '#domain/kernel/event.ts';
import { Level } from '#infra/leases/level.ts';
import type { FeedRequest, OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';

/** How a feed from memory misbehaves, within what a consumer must bear. */
export interface MemoryFeedOptions {
  /** Most events of a page. */
  readonly pageSize?: number;
  /** Hands every page over twice, as after an acknowledgement that was lost. */
  readonly everyPageTwice?: boolean;
  /** Hands every page over a second time together with what comes after it, as when a page is cut elsewhere. */
  readonly pagesOverlap?: boolean;
}

/** A log of recorded events in memory, with feeds that keep the contract of the real ones: for specs of consumers and for the verify kit. */
export class MemoryLog {
  readonly #events: RecordedEvent[] = [];
  readonly #listeners = new Set<() => void>();

  /** Adds events; positions must go up. */
  append(...events: readonly RecordedEvent[]): void {
    for (const event of events) {
      if (event.position <= this.head) throw new RangeError(`Position ${event.position} is not after ${this.head}.`);
      this.#events.push(event);
    }
    for (const listener of this.#listeners) listener();
  }

  /** Position of the last event; 0 when there is none. */
  get head(): bigint {
    return this.#events.at(-1)?.position ?? 0n;
  }

  get events(): readonly RecordedEvent[] {
    return this.#events;
  }

  /** One event. */
  async readEvent(stream: string, revision: number): Promise<RecordedEvent> {
    const found = this.#events.find((event) => event.stream === stream && event.revision === revision);
    if (found === undefined) throw new Error(`There is no event ${revision} in ${stream}.`);
    return found;
  }

  /** Feeds of this log. */
  feeds(options: MemoryFeedOptions = {}): OpenFeed {
    return (request) => new MemoryFeed(this, this.#listeners, request, options);
  }
}

class MemoryFeed implements OpenedFeed {
  #stopped = false;
  #caughtUp = false;
  readonly #level: Level;
  #wake: () => void = () => undefined;
  readonly #done: Promise<void>;

  constructor(
    private readonly log: MemoryLog,
    private readonly listeners: Set<() => void>,
    private readonly request: FeedRequest,
    private readonly options: MemoryFeedOptions,
  ) {
    this.#level = request.level ?? new Level();
    this.#done = this.#run();
  }

  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  get lagSeconds(): number {
    return this.#caughtUp ? 0 : this.#level.secondsAgo;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#done;
  }

  async #run(): Promise<void> {
    const listener = (): void => this.#wake();
    this.listeners.add(listener);
    const types = new Set(this.request.types);
    const pageSize = this.options.pageSize ?? this.request.pageSize ?? 500;
    let position = this.request.from ?? -1n;
    let next = this.log.events.findIndex((event) => event.position > position);
    if (next < 0) next = this.log.events.length;
    while (!this.#stopped) {
      const page = this.log.events.slice(next, next + pageSize);
      const last = page.at(-1);
      if (last === undefined) {
        this.#caughtUp = true;
        this.#level.reached();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const events = page.filter(({ type }) => types.has(type));
      try {
        for (let times = this.options.everyPageTwice === true ? 2 : 1; times > 0; times--) {
          await this.request.onPage({ events, position: last.position });
        }
        position = last.position;
        const longer = this.log.events.slice(next, next + page.length * 2);
        const end = longer.at(-1);
        next += page.length;
        if (this.options.pagesOverlap !== true || end === undefined || end.position === position) continue;
        await this.request.onPage({ events: longer.filter(({ type }) => types.has(type)), position: end.position });
        next += longer.length - page.length;
        position = end.position;
      } catch {
        this.#caughtUp = false;
        // The contract: after a rejection the same events come again, after a pause.
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 20);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
    this.listeners.delete(listener);
  }
}
