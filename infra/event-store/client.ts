import { jsonEvent, metastreamOf } from '@eventstore/db-client';
import type { AllStreamSubscription, EventStoreDBClient, JSONEventData, SubscribeToAllOptions } from '@eventstore/db-client';
import { Appender, type Appended, type ExpectedRevision } from './appender.ts';
import { backOff, connect, part, pause } from './connection.ts';
import { EventStoreRefused, EventStoreUnavailable, failureOf, Interrupted, NoAnswer, StreamGone } from './errors.ts';
import { takeEvents, type ReadCall, type StoredEvent } from './reading.ts';

export interface EventStoreOptions {
  /** `esdb://host:port?tls=false`, or a cluster's. */
  readonly connectionString: string;
  /** Milliseconds to wait for the answer to one append; default 5,000 (the store itself gives up a write after 2,000). */
  readonly appendTimeoutMs?: number;
  /** Milliseconds of silence after which a read is given up; default 5,000. */
  readonly readTimeoutMs?: number;
  /** Milliseconds during which failed appends and reads are tried again; default 15,000. */
  readonly retryForMs?: number;
}

/** Which events of a stream: `limit` events from revision `from`, upwards, or downwards when `backwards`. */
export interface StreamPart {
  readonly from?: number;
  readonly limit?: number;
  readonly backwards?: boolean;
}

/**
 * Our one door to the event store: one client for appends, another for reads and subscriptions, so that a broken batch stream does not take
 * the readers along. It holds what the vendor's client leaves open: time-outs, retries, calls that are always ended.
 */
export class EventStoreClient {
  readonly #connectionString: string;
  readonly #readTimeoutMs: number;
  readonly #retryForMs: number;
  readonly #appender: Appender;
  #reader: EventStoreDBClient;
  #closed = false;

  constructor(options: EventStoreOptions) {
    const { connectionString, appendTimeoutMs = 5_000, readTimeoutMs = 5_000, retryForMs = 15_000 } = options;
    this.#connectionString = connectionString;
    this.#readTimeoutMs = readTimeoutMs;
    this.#retryForMs = retryForMs;
    this.#appender = new Appender({ connectionString, timeoutMs: appendTimeoutMs, retryForMs });
    this.#reader = connect(connectionString);
  }

  /** Appends atomically at a revision; see {@link Appender.append} for what it throws. */
  append(stream: string, events: readonly JSONEventData[], expected: ExpectedRevision): Promise<Appended> {
    return this.#appender.append(stream, events, expected);
  }

  /** The events of a stream; none when there is no such stream. Throws {@link StreamGone} for a tombstoned one. */
  async read(stream: string, { from, limit, backwards = false }: StreamPart = {}): Promise<StoredEvent[]> {
    const options = {
      direction: backwards ? ('backwards' as const) : ('forwards' as const),
      fromRevision: from === undefined ? (backwards ? ('end' as const) : ('start' as const)) : BigInt(from),
      ...(limit === undefined ? {} : { maxCount: limit }),
    };
    return this.#retried(`read of ${stream}`, async (reader) => {
      const events: StoredEvent[] = [];
      try {
        await this.#take(reader, reader.readStream(stream, options), (event) => events.push(event) > 0);
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'no_stream') return [];
        if (failure === 'stream_gone') throw new StreamGone(stream);
        throw error;
      }
      return events;
    });
  }

  /**
   * Looks at the events of the whole log from its end downwards, the system's own too, until `visit` answers `false`. One attempt; when it
   * rejects, `visit` may have seen some of them.
   */
  async lookBack(limit: number, visit: (event: StoredEvent) => boolean): Promise<void> {
    const reader = this.#reader;
    try {
      await this.#take(reader, reader.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: limit }), visit);
    } catch (error) {
      if (error instanceof NoAnswer) this.#renewReader(reader);
      throw error;
    }
  }

  /** Commit position of the last event of the log; 0 when it is empty. */
  async head(): Promise<bigint> {
    let position = 0n;
    await this.lookBack(1, (event) => {
      position = event.position?.commit ?? 0n;
      return false;
    });
    return position;
  }

  /** A catch-up subscription as the vendor gives it, with all its traps: infra/subscriptions/feed.ts is the one place that uses it. */
  subscribe(options: SubscribeToAllOptions): AllStreamSubscription {
    return this.#reader.subscribeToAll(options);
  }

  /** Keeps only the last `events` of a stream. Written by the appender: the vendor's own call would open a batch stream on the reader. */
  async keepLast(stream: string, events: number): Promise<void> {
    await this.append(metastreamOf(stream), [jsonEvent({ type: '$metadata', data: { $maxCount: events } })], 'any');
  }

  /** Ends all calls and connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#appender.close(), part(this.#reader)]);
  }

  async #retried<T>(doing: string, attempt: (reader: EventStoreDBClient) => Promise<T>): Promise<T> {
    const giveUpAt = Date.now() + this.#retryForMs;
    for (let n = 1; ; n++) {
      const reader = this.#reader;
      try {
        return await attempt(reader);
      } catch (error) {
        if (error instanceof StreamGone) throw error;
        if (failureOf(error) !== 'transient') throw new EventStoreRefused(doing, error);
        if (error instanceof NoAnswer) this.#renewReader(reader);
        const wait = backOff(n, 1_000);
        if (this.#closed || Date.now() + wait > giveUpAt) throw new EventStoreUnavailable(doing, error);
        await pause(wait);
      }
    }
  }

  /** Giving up a reader ends its calls as if they were complete, so what a call gave counts only while its reader stands. */
  async #take(reader: EventStoreDBClient, call: ReadCall, visit: (event: StoredEvent) => boolean): Promise<void> {
    await takeEvents(call, this.#readTimeoutMs, visit);
    if (reader !== this.#reader || this.#closed) throw new Interrupted();
  }

  /** A reader that fell silent is replaced. Its other calls are interrupted, and their owners start them anew. */
  #renewReader(silent: EventStoreDBClient): void {
    if (silent !== this.#reader || this.#closed) return;
    this.#reader = connect(this.#connectionString);
    // Cannot fail: parting waits a bounded time and minds no errors.
    void part(silent);
  }
}

/** What the execution of commands needs of an event store. */
export type StreamStore = Pick<EventStoreClient, 'append' | 'read' | 'keepLast'>;
