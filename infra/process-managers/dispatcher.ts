import type { Instant } from '#domain/kernel/time.ts';
import { millisecondsBetween } from '#domain/kernel/time.ts';
import type { Lease } from '#infra/leases/lease.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import type { Clock } from '#infra/time/clock.ts';
import type { Executor } from './executor.ts';
import type { Lane, Outbox, WaitingRow } from './outbox.ts';
import type { ChangedRow, NewRow } from './new-rows.ts';

/** When a failed row is tried again. */
export interface RetryPolicy {
  /** Attempts after which the row is parked. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; each further wait is twice as long, give or take a half. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
}

/** About an hour and a half of trying. */
export const RETRY: RetryPolicy = { attempts: 20, firstWaitMs: 250, longestWaitMs: 600_000 };

export interface DispatcherParts {
  readonly outbox: Outbox;
  readonly executor: Executor;
  readonly lease: Lease;
  /** A clock that can be moved tells of it, so that what has become due is found at once. */
  readonly clock: Clock & { readonly onMove?: (listener: () => void) => () => void };
  readonly onError: (error: unknown) => void;
  /** Lanes and timers under way at once. */
  readonly concurrency?: number;
  readonly retry?: RetryPolicy;
  /** Milliseconds between two looks for rows that nobody told us of. */
  readonly pollMs?: number;
  /** What becomes of the rows of an event that is handled again. */
  readonly changed?: (rows: readonly NewRow[]) => readonly ChangedRow[];
  /** Hears how each attempt ended. */
  readonly onAttempt?: (manager: string, outcome: AttemptOutcome) => void;
}

/** How an attempt ended: the row has ended; it is tried again; it is parked. */
export type AttemptOutcome = 'ended' | 'failed' | 'parked';

type Job = { readonly lane: Lane } | { readonly timer: string };

const HEAD = 20;
const SCAN = 500;
const KEEP_ENDED_DAYS = 30;
const PRUNE_EVERY_MS = 3_600_000;
/** An attempt that takes longer gives its place to another lane: what hangs does not hold up the rest. */
const SLOW_MS = 500;
/** So many times the usual number of lanes may be under way when most of them hang. */
const MOST_TIMES = 16;

/**
 * Carries out the outbox: in order within a lane (one instance of one process manager), lanes beside each other. A timer is a lane of its
 * own, so it neither waits for others nor holds them up. Runs under a lease; looks at it before every attempt.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #retry: RetryPolicy;
  readonly #pollMs: number;
  readonly #queue: Job[] = [];
  readonly #known = new Map<string, 'queued' | 'running' | 'again'>();
  readonly #active = new Set<Promise<void>>();
  readonly #later = new Set<NodeJS.Timeout>();
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #poll: NodeJS.Timeout | undefined;
  #dueTimer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #stopped = false;
  #slow = 0;
  #prunedAt = performance.now();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#retry = parts.retry ?? RETRY;
    this.#pollMs = parts.pollMs ?? 1_000;
  }

  /** Begins; what waits has been claimed. */
  start(): void {
    this.#stopListening = this.#parts.clock.onMove?.(() => this.#scan());
    this.#poll = setInterval(() => this.#scan(), this.#pollMs);
    this.#scan();
  }

  /** Tells of rows that have just been committed. */
  wake(lanes: readonly Lane[], dues: readonly Instant[]): void {
    for (const lane of lanes) this.#enqueue({ lane });
    if (dues.length > 0) this.#scan();
  }

  /**
   * Keeps a row, and its lane, from being worked on until what is given back is called; undefined while it is being worked on.
   */
  hold({ id, due, manager, instance }: Lane & Pick<WaitingRow, 'id' | 'due'>): (() => void) | undefined {
    const job: Job = due === null ? { lane: { manager, instance } } : { timer: id };
    const key = keyOf(job);
    if (this.#known.has(key)) return undefined;
    this.#known.set(key, 'running');
    return () => {
      this.#known.delete(key);
      this.#enqueue(job);
    };
  }

  /** Begins nothing more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening?.();
    clearInterval(this.#poll);
    clearTimeout(this.#dueTimer);
    for (const timer of this.#later) clearTimeout(timer);
    this.#queue.length = 0;
    await Promise.all([this.#scanning, ...this.#active]);
  }

  #scan(): void {
    if (this.#stopped) return;
    if (this.#scanning !== undefined) {
      this.#scanAgain = true;
      return;
    }
    this.#scanning = this.#look()
      .catch((error: unknown) => this.#parts.onError(error))
      .finally(() => {
        this.#scanning = undefined;
        if (!this.#scanAgain) return;
        this.#scanAgain = false;
        this.#scan();
      });
  }

  async #look(): Promise<void> {
    const { outbox, clock } = this.#parts;
    if (this.#queue.length < SCAN) {
      for (const lane of await outbox.readyLanes(SCAN)) this.#enqueue({ lane });
    }
    const now = clock.now();
    const due = await outbox.dueTimers(now, SCAN);
    for (const timer of due) this.#enqueue({ timer });
    if (due.length === SCAN) return;
    const next = await outbox.nextDue(now);
    clearTimeout(this.#dueTimer);
    const wait = next === undefined ? Infinity : millisecondsBetween(clock.now(), next);
    // What is due later than the next poll is left to it.
    if (wait < this.#pollMs && !this.#stopped) this.#dueTimer = setTimeout(() => this.#scan(), Math.max(0, wait));
    if (performance.now() - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = performance.now();
    await outbox.prune(KEEP_ENDED_DAYS);
  }

  #enqueue(job: Job): void {
    if (this.#stopped) return;
    const key = keyOf(job);
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, 'queued');
      this.#queue.push(job);
      this.#pump();
    } else if (known === 'running' && 'lane' in job) this.#known.set(key, 'again');
  }

  #pump(): void {
    const concurrency = this.#parts.concurrency ?? 16;
    while (this.#active.size - this.#slow < concurrency && this.#active.size < MOST_TIMES * concurrency) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      const work: Promise<void> = this.#run(job).finally(() => {
        this.#active.delete(work);
        this.#pump();
      });
      this.#active.add(work);
    }
  }

  async #run(job: Job): Promise<void> {
    const key = keyOf(job);
    this.#known.set(key, 'running');
    try {
      if ('timer' in job) await this.#runTimer(job.timer, key);
      else await this.#runLane(job.lane, key);
    } catch (error) {
      this.#parts.onError(error);
    } finally {
      const again = this.#known.get(key) === 'again';
      this.#known.delete(key);
      if (again) this.#enqueue(job);
    }
  }

  async #runTimer(id: string, key: string): Promise<void> {
    const row = await this.#parts.outbox.row(id);
    if (row?.state === 'pending' && row.wait_ms <= 0) await this.#attempt(row, key);
  }

  async #runLane(lane: Lane, key: string): Promise<void> {
    while (!this.#stopped) {
      // Told of more meanwhile: what is read from here on holds it.
      this.#known.set(key, 'running');
      const rows = await this.#parts.outbox.head(lane, HEAD);
      if (rows.length === 0) return;
      for (const row of rows) {
        if (row.state === 'parked' || this.#stopped) return;
        if (row.wait_ms > 0) return this.#lookAgain({ lane }, row.wait_ms);
        if (!(await this.#attempt(row, key))) return;
      }
    }
  }

  /** Tries a row once; whether it has ended, so that the next in its lane may follow. */
  async #attempt(row: WaitingRow, key: string): Promise<boolean> {
    const { outbox, executor, lease, changed, onAttempt } = this.#parts;
    lease.assertHeld();
    try {
      if (row.command === null) {
        const rows = await executor.rederive(row);
        await outbox.replace(row.id, changed === undefined ? rows : changed(rows));
        this.#known.set(key, 'again');
        return false;
      }
      const outcome = await this.#inItsPlace(executor.execute(row, row.command));
      onAttempt?.(row.manager, 'ended');
      return await outbox.end(row.id, outcome);
    } catch (error) {
      lease.assertHeld();
      const attempt = row.attempts + 1;
      const wait = attempt >= this.#retry.attempts ? undefined : waitAfter(attempt, this.#retry);
      onAttempt?.(row.manager, wait === undefined ? 'parked' : 'failed');
      await outbox.failed(row.id, reasonOf(error, row.command?.data), wait);
      if (wait !== undefined) this.#lookAgain(row.due === null ? { lane: row } : undefined, wait);
      return false;
    }
  }

  /** Waits for an attempt; when it takes long, another lane may begin meanwhile. */
  async #inItsPlace<T>(attempt: Promise<T>): Promise<T> {
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      this.#slow++;
      this.#pump();
    }, SLOW_MS);
    try {
      return await attempt;
    } finally {
      clearTimeout(timer);
      if (isSlow) this.#slow--;
    }
  }

  /** Comes back when a row may be tried again, if that is before the next poll. */
  #lookAgain(job: Job | undefined, waitMs: number): void {
    if (this.#stopped || waitMs > this.#pollMs) return;
    const timer = setTimeout(() => {
      this.#later.delete(timer);
      if (job === undefined) this.#scan();
      else this.#enqueue(job);
    }, waitMs + 1);
    this.#later.add(timer);
  }
}

function keyOf(job: Job): string {
  return 'timer' in job ? job.timer : `${job.lane.manager}\u0000${job.lane.instance}`;
}

/** Milliseconds to wait after the nth failed attempt. Jitter keeps what failed together from coming back together. */
function waitAfter(attempt: number, { firstWaitMs, longestWaitMs }: RetryPolicy): number {
  const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1));
  return wait * (0.5 + Math.random());
}
