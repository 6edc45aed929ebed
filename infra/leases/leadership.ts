import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import { LEASE_TIMES, Lease, type LeaseTimes } from './lease.ts';
import { Level } from './level.ts';

/** Work that goes on under a lease. */
export interface LeasedWork {
  /** Ends the work; resolves when nothing of it goes on any more. */
  stop(): Promise<void>;
  /** Rejects when the work cannot go on; it is then begun anew, under a new lease. */
  readonly failed: Promise<never>;
}

export interface LeadershipOptions {
  readonly database: Database;
  /** The lease's name. */
  readonly name: string;
  /** Begins the work; it notes in `level` whenever it has come to the end of what it follows. */
  readonly begin: (lease: Lease, level: Level) => Promise<LeasedWork>;
  /** Told of every failure; the work is then begun again. */
  readonly onError: (error: unknown) => void;
  readonly times?: LeaseTimes;
}

/** Work that went on for this long had begun well: its next failure is the first again. */
const STEADY_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;

/** Keeps trying to hold a lease and does the work while it does: begun when the lease is got, stopped when it is lost, begun again when it failed. */
export class Leadership {
  readonly #stopping = new AbortController();
  readonly #times: LeaseTimes;
  #loop: Promise<void> | undefined;
  #lease: Lease | undefined;
  #level: Level | undefined;

  constructor(private readonly options: LeadershipOptions) {
    this.#times = options.times ?? LEASE_TIMES;
  }

  /** The lease, while this process holds it. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** When the work was last level, while this process holds the lease. */
  get level(): Level | undefined {
    return this.#level;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Stops the work and gives the lease back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const lease = await Lease.take(this.options.database, this.options.name, this.#times);
        if (lease !== undefined) await this.#lead(lease);
      } catch (error) {
        this.options.onError(error);
      }
      await delay(this.#times.beat, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Does the work for as long as the lease lasts; work that fails is begun again, after growing pauses. */
  async #lead(lease: Lease): Promise<void> {
    this.#lease = lease;
    const level = new Level();
    this.#level = level;
    const over = Promise.race([aborted(lease.lost), aborted(this.#stopping.signal)]);
    let failures = 0;
    try {
      while (!lease.lost.aborted && !this.#stopping.signal.aborted) {
        const begunAt = performance.now();
        await this.#work(over, lease, level).catch((error: unknown) => this.options.onError(error));
        failures = performance.now() - begunAt > STEADY_MS ? 1 : failures + 1;
        await Promise.race([over, delay(Math.min(LONGEST_PAUSE_MS, 20 * 2 ** failures))]);
      }
    } finally {
      this.#lease = undefined;
      this.#level = undefined;
      await lease.release();
    }
  }

  async #work(over: Promise<void>, lease: Lease, level: Level): Promise<void> {
    const work = await this.options.begin(lease, level);
    try {
      await Promise.race([work.failed, over]);
    } finally {
      await work.stop();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
