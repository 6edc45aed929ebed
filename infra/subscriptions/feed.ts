import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import { EventOfNewerCode, type Codec } from '#infra/event-store/codec.ts';
import { backOff } from '#infra/event-store/connection.ts';
import type { StoredEvent } from '#infra/event-store/reading.ts';
import { Level } from '#infra/leases/level.ts';
import { CatchUp } from './catch-up.ts';

/** Events in the order of the log, and how far they reach: everything up to `position` is in this or an earlier page, or is not asked for. */
export interface FeedPage {
  /** May be none: then only the position has moved. One that cannot be read is there too, and says so when its data is asked for. */
  readonly events: readonly RecordedEvent[];
  readonly position: bigint;
}

export interface FeedOptions {
  readonly client: EventStoreClient;
  readonly codec: Codec;
  /** Event types that are handed over; default: all of ours. The position moves on with every event that is read, asked for or not. */
  readonly types?: Iterable<string>;
  /**
   * Reads only the streams of aggregates that have events of these types: for one read model a fraction of the log. The position then moves on with
   * these and, between them, only with the store's checkpoints: good for catching up, not for telling how far one has come.
   */
  readonly onlyTheirStreams?: boolean;
  /** The last position processed already; undefined to start at the beginning. */
  readonly from: bigint | undefined;
  /** Of the work that the feed is for; default: its own. */
  readonly level?: Level;
  /** Processes a page; the next one comes when it has resolved. After a rejection the same events come again. */
  onPage(page: FeedPage): Promise<void>;
  /** An event is of newer code. The feed has stopped before it, for good: nothing may be skipped unseen. */
  onFailure(error: EventOfNewerCode): void;
  /** Hears of each drop and each rejected page; the feed goes on by itself. */
  onTrouble?(error: unknown): void;
  /** Most events of a page; default 500. */
  readonly pageSize?: number;
  /** Milliseconds between looks at the head of the log; default 2,000. A subscription that misses an event for two looks is replaced. */
  readonly watchEveryMs?: number;
}

/** The client has gone silent: the log holds events for us that never arrived. */
export class SilentSubscription extends Error {
  constructor(readonly missing: bigint) {
    super(`The event at ${missing} did not arrive, and nothing else did`);
    this.name = 'SilentSubscription';
  }
}

/** The log ends before the position processed already: it is not the log that was read before. */
export class AnotherLog extends Error {
  constructor(
    readonly processed: bigint,
    readonly head: bigint,
  ) {
    super(`The log ends at ${head}, but ${processed} has been processed: this is another log`);
    this.name = 'AnotherLog';
  }
}

/** Events of the log's end that one look goes through, at most. */
const LOOK_AT_MOST = 2_000;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The one subscription to the log for a group of consumers: decoded once, handed over in pages of whatever has arrived meanwhile. It resumes by
 * itself after the last page processed, with growing pauses, and notices when the client falls silent.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #prefixes: string[];
  #position: bigint | undefined;
  #call: CatchUp | undefined;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  #endPause: (() => void) | undefined;
  #caughtUp = false;
  #processingSince: Date | undefined;
  readonly #level: Level;
  #failures = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#types = options.types === undefined ? undefined : new Set(options.types);
    const { codec } = options;
    const aggregateTypes =
      this.#types === undefined || options.onlyTheirStreams !== true ? codec.aggregateTypes : codec.aggregateTypesOf(this.#types);
    this.#prefixes = aggregateTypes.map((type) => `${type}-`);
    this.#position = options.from;
    this.#level = options.level ?? new Level();
  }

  /** The last position processed; undefined before the first. */
  get position(): bigint | undefined {
    return this.#position;
  }

  /** Whether the end of the log has been reached since the last connect. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  /** Age in seconds of the oldest event that waits; while disconnected or catching up, at least the time since all was processed last. */
  get lagSeconds(): number {
    const waiting = this.#processingSince ?? this.#call?.oldest;
    if (waiting !== undefined) return Math.max(0, (Date.now() - waiting.getTime()) / 1_000);
    return this.#caughtUp ? 0 : this.#level.secondsAgo;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Stops after the page under way; resolves when it is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause?.();
    this.#call?.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const call = new CatchUp({
        client: this.#options.client,
        streamPrefixes: this.#prefixes,
        from: this.#position,
        highWater: 2 * this.#pageSize,
      });
      this.#call = call;
      const watch = this.#watch(call);
      try {
        await this.#follow(call);
      } catch (error) {
        if (error instanceof EventOfNewerCode) {
          this.#stopped = true;
          this.#options.onFailure(error);
        } else if (!this.#stopped) this.#options.onTrouble?.(error);
      } finally {
        clearInterval(watch);
        call.close();
        this.#call = undefined;
        this.#caughtUp = false;
        this.#processingSince = undefined;
      }
      if (!this.#stopped) await this.#pause(backOff(++this.#failures, LONGEST_PAUSE_MS));
    }
  }

  async #follow(call: CatchUp): Promise<void> {
    for (;;) {
      await call.next();
      // What the socket has just brought comes out event by event: let all of it arrive, so that it becomes one page.
      await new Promise(setImmediate);
      const events = call.take(this.#pageSize);
      const last = events.at(-1)?.position?.commit ?? call.passedWhenIdle;
      if (last !== undefined && (this.#position === undefined || last > this.#position)) await this.#process(events, last);
      if (call.live) this.#reached();
    }
  }

  async #process(events: readonly StoredEvent[], position: bigint): Promise<void> {
    this.#processingSince = events[0]?.created;
    // A `$` marks the store's own, such as the tombstone of a stream.
    const wanted = events.filter(({ type }) => (this.#types === undefined ? !type.startsWith('$') : this.#types.has(type)));
    try {
      await this.#handOver(await this.#options.codec.decodeForConsumers(wanted), position);
    } catch (error) {
      if (error instanceof EventOfNewerCode) await this.#handOverBefore(error, wanted);
      throw error;
    }
    this.#processingSince = undefined;
    this.#failures = 0;
  }

  async #handOver(events: readonly RecordedEvent[], position: bigint): Promise<void> {
    await this.#options.onPage({ events, position });
    this.#position = position;
  }

  /** What comes before such an event is not held up by it. */
  async #handOverBefore(newer: EventOfNewerCode, events: readonly StoredEvent[]): Promise<void> {
    const readable = events.slice(
      0,
      events.findIndex((event) => event.id === newer.event.id),
    );
    const last = readable.at(-1)?.position?.commit;
    if (last !== undefined) await this.#handOver(await this.#options.codec.decodeForConsumers(readable), last);
  }

  #watch(call: CatchUp): NodeJS.Timeout {
    let heard = -1;
    let looking = false;
    const look = async (): Promise<void> => {
      if (looking || this.#processingSince !== undefined || !call.idle) return;
      looking = true;
      try {
        const processed = this.#position ?? -1n;
        const { head, missing } = await this.#lookForMissing(processed);
        if (call !== this.#call || !call.idle) return;
        if (head !== undefined && head < processed) call.fail(new AnotherLog(processed, head));
        else if (missing === undefined) this.#nothingMissing(call, head);
        else if (heard === call.heard) call.fail(new SilentSubscription(missing));
        heard = call.heard;
      } catch (error) {
        this.#options.onTrouble?.(error);
      } finally {
        looking = false;
      }
    };
    return setInterval(() => void look(), this.#options.watchEveryMs ?? 2_000);
  }

  /** The end of the log, and the newest event of ours after `position`. Both undefined when that cannot be told. */
  async #lookForMissing(position: bigint): Promise<{ head: bigint | undefined; missing: bigint | undefined }> {
    let head: bigint | undefined;
    let missing: bigint | undefined;
    let seen = 0;
    let reached = false;
    await this.#options.client.lookBack(LOOK_AT_MOST, (event) => {
      const at = event.position?.commit ?? 0n;
      seen++;
      head ??= at;
      reached = at <= position;
      if (!reached && this.#prefixes.some((prefix) => event.streamId.startsWith(prefix))) missing = at;
      return !reached && missing === undefined;
    });
    const told = reached || missing !== undefined || seen < LOOK_AT_MOST;
    return told ? { head: head ?? 0n, missing } : { head: undefined, missing: undefined };
  }

  #nothingMissing(call: CatchUp, head: bigint | undefined): void {
    if (head === undefined) return;
    call.passed(head);
    this.#reached();
  }

  #reached(): void {
    this.#caughtUp = true;
    this.#level.reached();
  }

  get #pageSize(): number {
    return this.#options.pageSize ?? 500;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
