import { streamNameFilter } from '@eventstore/db-client';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import type { StoredEvent } from '#infra/event-store/reading.ts';

/** The subscription ended without anybody having asked for it; the client shows a drop and an end alike. */
export class SubscriptionEnded extends Error {
  constructor() {
    super('The subscription ended by itself');
    this.name = 'SubscriptionEnded';
  }
}

/** What a subscription is given up with when its owner stops it. */
class Closed extends Error {}

/**
 * One subscription to the log, from its start to its first failure; it is never used again. What it received waits in order until it is
 * taken; when too much waits, the stream is paused, and the server with it.
 */
export class CatchUp {
  readonly #inbox: StoredEvent[] = [];
  readonly #highWater: number;
  readonly #call: ReturnType<EventStoreClient['subscribe']>;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #news = false;
  #paused = false;
  #passed: bigint | undefined;
  #live = false;
  /** Counts whatever arrived, so that an owner can tell silence. */
  heard = 0;

  constructor(parts: { client: EventStoreClient; streamPrefixes: string[]; from: bigint | undefined; highWater: number }) {
    const { client, streamPrefixes, from, highWater } = parts;
    this.#highWater = highWater;
    this.#call = client.subscribe({
      fromPosition: from === undefined ? 'start' : { commit: from, prepare: from },
      filter: streamNameFilter({
        prefixes: streamPrefixes,
        // A throw in here would stall the subscription for ever without a word; this cannot throw.
        checkpointReached: (_subscription, position) => this.passed(position.commit),
      }),
    });
    this.#call.on('data', ({ event, commitPosition }) => {
      if (this.#failure !== undefined) return;
      if (event !== undefined) this.#receive(event);
      else if (commitPosition !== undefined) this.passed(commitPosition);
    });
    this.#call.on('caughtUp', () => {
      this.#live = true;
      this.#notify();
    });
    this.#call.on('error', (error: Error) => this.fail(error));
    this.#call.on('end', () => this.fail(new SubscriptionEnded()));
    this.#call.on('close', () => this.fail(new SubscriptionEnded()));
  }

  /** Created times of what waits: the oldest one's, undefined when nothing does. */
  get oldest(): Date | undefined {
    return this.#inbox[0]?.created;
  }

  /** Whether everything that has arrived has been taken, what the stream itself still buffers included. Never after a failure: that drops what waited. */
  get idle(): boolean {
    return this.#failure === undefined && this.#inbox.length === 0 && this.#call.readableLength === 0;
  }

  /** Whether the server said that there is nothing older left. */
  get live(): boolean {
    return this.#live && this.idle;
  }

  /** The position up to which there is nothing for us, once all that came before has been taken. */
  get passedWhenIdle(): bigint | undefined {
    return this.idle ? this.#passed : undefined;
  }

  /** Notes that everything up to a position has been sent or is not for us. */
  passed(position: bigint): void {
    this.heard++;
    if (this.#passed === undefined || position > this.#passed) this.#passed = position;
    this.#notify();
  }

  /** Resolves when something has happened since the last call; rejects when the subscription has failed. */
  async next(): Promise<void> {
    if (this.#failure === undefined && this.#inbox.length === 0) {
      if (!this.#news)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      this.#news = false;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Takes at most `count` events, oldest first. */
  take(count: number): StoredEvent[] {
    const taken = this.#inbox.splice(0, count);
    if (this.#paused && this.#inbox.length < this.#highWater / 2 && this.#failure === undefined) {
      this.#paused = false;
      this.#call.resume();
    }
    return taken;
  }

  /**
   * Gives the subscription up. After an error it would go on delivering, and its call would stay open at the server: it is
   * silenced and ended whatever happened.
   */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#inbox.length = 0;
    this.#call.removeAllListeners('data');
    // A call that never came about rejects here with the error that 'error' has told already.
    this.#call.unsubscribe().catch(() => undefined);
    this.#call.destroy();
    this.#notify();
  }

  close(): void {
    this.fail(new Closed());
  }

  #receive(event: StoredEvent): void {
    this.heard++;
    this.#inbox.push(event);
    if (this.#inbox.length >= this.#highWater && !this.#paused) {
      this.#paused = true;
      this.#call.pause();
    }
    this.#notify();
  }

  #notify(): void {
    this.#news = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}
