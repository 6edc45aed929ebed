import type { EventData, EventStoreDBClient, JSONEventData } from '@eventstore/db-client';
import { backOff, connect, part, pause } from './connection.ts';
import { EventStoreRefused, EventStoreUnavailable, failureOf, Interrupted, isAnswer, NoAnswer } from './errors.ts';
import { AppendTooLarge, StreamGone, WrongRevision } from './errors.ts';
import { WireEvent } from './wire-event.ts';

/** The revision that a stream must have for an append: its last event's number, or none. `any` is for what may be lost or doubled. */
export type ExpectedRevision = number | 'no_stream' | 'any';

/** Where the last event of an append is now. `position` is undefined when the store recognised a retry and no longer knows it. */
export interface Appended {
  readonly revision: number;
  readonly position: bigint | undefined;
}

export interface AppenderOptions {
  readonly connectionString: string;
  /** Milliseconds to wait for the answer to one attempt. */
  readonly timeoutMs: number;
  /** Milliseconds after which attempts end. */
  readonly retryForMs: number;
}

/** Largest append in bytes: the store's limit is 1 MiB by a formula that differs between versions, and an oversize message fails everybody's appends. */
const LARGEST_APPEND = 900 * 1024;

/**
 * The client keeps the pending appends of all its instances in one table: an error on one instance's stream rejects everybody's, and an
 * answer that arrives afterwards ends the process. So a broken connection is given up by all appenders of the process together, and
 * nothing is sent before all the old streams are gone.
 */
const appenders = new Set<Appender>();
let renewal: Promise<void> | undefined;

async function renewAll(): Promise<void> {
  await Promise.all([...appenders].map((appender) => appender.giveUp()));
  for (const appender of appenders) appender.reconnect();
  renewal = undefined;
}

/**
 * Appends through the client's batch stream (2.5 times a call per append). That stream has no time-out, may die unnoticed and reports
 * failures of others; so every attempt has a timer of its own, and after a failure the very same events are sent again at the same revision
 * over a new connection. The store recognises them by their ids if the first attempt was written after all.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #waiting = new Set<(reason: Error) => void>();
  #client: EventStoreDBClient;
  #closed = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#client = connect(options.connectionString);
    appenders.add(this);
  }

  /**
   * Appends atomically. Throws {@link WrongRevision}, {@link StreamGone}, {@link AppendTooLarge}, {@link NotSerialisable},
   * {@link EventStoreRefused}, or {@link EventStoreUnavailable} when all attempts failed and the write may have happened.
   */
  async append(stream: string, events: readonly JSONEventData[], expected: ExpectedRevision): Promise<Appended> {
    const expectedRevision = revisionOnWire(expected);
    const batch = events.map((event) => new WireEvent(event));
    const size = batch.reduce((sum, event) => sum + event.size, 0);
    if (size > LARGEST_APPEND) throw new AppendTooLarge(stream, size);
    const giveUpAt = Date.now() + this.#options.retryForMs;
    for (let attempt = 1; ; attempt++) {
      if (renewal !== undefined) await renewal;
      if (this.#closed) throw new EventStoreUnavailable(`append to ${stream}`, new Error('The client has been closed'));
      const client = this.#client;
      try {
        const result = await this.#answered(client.appendToStream(stream, batch as unknown as EventData[], { expectedRevision }));
        return { revision: Number(result.nextExpectedRevision), position: result.position?.commit };
      } catch (error) {
        finalError(stream, expected, size, error);
        if (!isAnswer(error) && client === this.#client && !this.#closed) renewal ??= renewAll();
        const wait = backOff(attempt, 1_000);
        if (Date.now() + wait > giveUpAt) throw new EventStoreUnavailable(`append to ${stream}`, error);
        await pause(wait);
      }
    }
  }

  /** Drops the connection. Whoever waits for an answer is told at once. */
  async giveUp(): Promise<void> {
    const old = this.#client;
    for (const reject of this.#waiting) reject(new Interrupted());
    await part(old);
  }

  /** Starts anew after {@link giveUp}. */
  reconnect(): void {
    if (!this.#closed) this.#client = connect(this.#options.connectionString);
  }

  /** Ends the connection for good; appends still waiting fail. */
  async close(): Promise<void> {
    this.#closed = true;
    appenders.delete(this);
    await this.giveUp();
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (reason: Error): void => settle(() => reject(reason));
      const timer = setTimeout(() => fail(new NoAnswer(this.#options.timeoutMs)), this.#options.timeoutMs);
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(fail);
        outcome();
      };
      this.#waiting.add(fail);
      answer.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}

/** Throws the typed error when sending again would not change the outcome. */
function finalError(stream: string, expected: ExpectedRevision, size: number, error: unknown): void {
  switch (failureOf(error)) {
    case 'wrong_revision':
      throw new WrongRevision(stream, expected, actualRevision(error));
    case 'stream_gone':
      throw new StreamGone(stream);
    case 'too_large':
      throw new AppendTooLarge(stream, size);
    case 'refused':
      throw new EventStoreRefused(`append to ${stream}`, error);
    case 'no_stream':
    case 'transient':
  }
}

/** The client writes -1n as it is, and grpc then fails obscurely; a fraction would fail in the client. */
function revisionOnWire(expected: ExpectedRevision): bigint | 'no_stream' | 'any' {
  if (typeof expected === 'string') return expected;
  if (!Number.isSafeInteger(expected) || expected < 0) throw new RangeError(`${expected} is no revision; an empty stream is 'no_stream'`);
  return BigInt(expected);
}

function actualRevision(error: unknown): number | undefined {
  const actual = typeof error === 'object' && error !== null && 'actualVersion' in error ? error.actualVersion : undefined;
  return typeof actual === 'bigint' ? Number(actual) : undefined;
}
