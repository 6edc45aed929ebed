import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import { LEASE_TIMES, Lease, type LeaseTimes } from './lease.ts';

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
  readonly begin: (lease: Lease) => Promise<LeasedWork>;
  /** Told of every failure; the work is then begun again. */
  readonly onError: (error: unknown) => void;
  readonly times?: LeaseTimes;
}

/** Keeps trying to hold a lease and does the work while it does: begun when the lease is got, stopped when it is lost, begun again when it failed. */
export class Leadership {
  readonly #stopping = new AbortController();
  readonly #times: LeaseTimes;
  #loop: Promise<void> | undefined;
  #lease: Lease | undefined;

  constructor(private readonly options: LeadershipOptions) {
    this.#times = options.times ?? LEASE_TIMES;
  }

  /** The lease, while this process holds it. */
  get lease(): Lease | undefined {
    return this.#lease;
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

  async #lead(lease: Lease): Promise<void> {
    this.#lease = lease;
    let work: LeasedWork | undefined;
    try {
      work = await this.options.begin(lease);
      await Promise.race([work.failed, aborted(lease.lost), aborted(this.#stopping.signal)]);
    } finally {
      this.#lease = undefined;
      await work?.stop();
      await lease.release();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
