import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';

/** The lease was lost: another process may be at work. Nothing that was begun under it may be finished. */
export class LeaseLost extends Error {
  constructor(readonly lease: string) {
    super(`The lease ${lease} has been lost.`);
    this.name = 'LeaseLost';
  }
}

export interface LeaseTimes {
  /** How long a lease lives without being renewed, in milliseconds. */
  readonly lifetime: number;
  /** Between two renewals, and between two attempts of those who wait, in milliseconds. */
  readonly beat: number;
}

/** Times for a lease that lives so many milliseconds: a successor takes over within a sixth more of them. */
export const leaseTimesOf = (lifetime: number): LeaseTimes => ({ lifetime, beat: Math.round(lifetime / 6) });

/** With these a successor takes over within 7 seconds of a `kill -9`. */
export const LEASE_TIMES: LeaseTimes = leaseTimesOf(6_000);

/** Now, by a clock that nobody sets, but that stands still while the machine is suspended, and by one that goes on meanwhile. */
interface Moment {
  readonly steady: number;
  readonly wall: number;
}

function present(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/**
 * A named right that one process holds at a time. Expiry is judged by the database's clock. The fencing token grows with every holder. A new
 * holder first stamps its token on the rows that guard its work (checkpoints, outbox); every write asks for the token it was given, so that a
 * process that slept past its lease can write nothing even before it notices.
 */
export class Lease {
  readonly #lost = new AbortController();
  readonly #stopping = new AbortController();
  #trustedUntil!: Moment;
  #end: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  private constructor(
    readonly name: string,
    readonly token: number,
    private readonly holder: string,
    private readonly database: Database,
    private readonly times: LeaseTimes,
    askedAt: Moment,
  ) {
    this.#trustFrom(askedAt);
  }

  /** Takes the lease if it is free or has expired; undefined when somebody else holds it. */
  static async take(database: Database, name: string, times: LeaseTimes = LEASE_TIMES): Promise<Lease | undefined> {
    const holder = randomUUID();
    // Counted from before the question, so that we stop trusting it earlier than the database does.
    const askedAt = present();
    const [row] = await database.query<{ fencing_token: number }>(
      `insert into engine.leases as held (name, holder, fencing_token, expires_at)
       values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
       on conflict (name) do update
         set holder = excluded.holder, fencing_token = held.fencing_token + 1, expires_at = excluded.expires_at
         where held.expires_at <= clock_timestamp()
       returning fencing_token`,
      [name, holder, times.lifetime / 1000],
    );
    if (row === undefined) return undefined;
    const lease = new Lease(name, row.fencing_token, holder, database, times, askedAt);
    lease.#renewing = lease.#renew();
    return lease;
  }

  /** Aborted when the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws {@link LeaseLost} unless the lease is surely still ours. Look here before anything that reaches outside this database. */
  assertHeld(): void {
    if (this.#lost.signal.aborted || this.#isOver) throw new LeaseLost(this.name);
  }

  /** Gives the lease back, so that another need not wait for its end. */
  async release(): Promise<void> {
    this.#stopping.abort();
    await this.#renewing;
    if (this.#lost.signal.aborted) return;
    this.#lose();
    await this.database.execute(
      'update engine.leases set expires_at = clock_timestamp() where name = $1 and fencing_token = $2',
      [this.name, this.token],
      undefined,
      this.#patience,
    );
  }

  async #renew(): Promise<void> {
    const over = AbortSignal.any([this.#stopping.signal, this.#lost.signal]);
    while (!over.aborted) {
      await delay(this.times.beat, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const askedAt = present();
      const renewed = await this.database
        .execute(
          `update engine.leases set expires_at = clock_timestamp() + make_interval(secs => $4)
           where name = $1 and fencing_token = $2 and holder = $3`,
          [this.name, this.token, this.holder, this.times.lifetime / 1000],
          undefined,
          this.#patience,
        )
        .catch(() => 'unknown' as const);
      if (over.aborted) return;
      if (renewed === 1) this.#trustFrom(askedAt);
      else if (renewed === 0 || this.#isOver) this.#lose();
    }
  }

  /** The lease is ours from that moment on for its lifetime; its end is noticed also while a renewal is not answered. */
  #trustFrom({ steady, wall }: Moment): void {
    const { lifetime } = this.times;
    this.#trustedUntil = { steady: steady + lifetime, wall: wall + lifetime };
    clearTimeout(this.#end);
    this.#end = setTimeout(() => this.#lose(), this.#trustedUntil.steady - performance.now());
  }

  get #isOver(): boolean {
    const { steady, wall } = present();
    return steady >= this.#trustedUntil.steady || wall >= this.#trustedUntil.wall;
  }

  #lose(): void {
    clearTimeout(this.#end);
    this.#lost.abort();
  }

  /** Milliseconds that the database may take to answer, so that there is time for another attempt, over another connection. */
  get #patience(): number {
    return this.times.lifetime / 3;
  }
}
