import { Leadership, type LeasedWork } from '#infra/leases/leadership.ts';
import type { Lease, LeaseTimes } from '#infra/leases/lease.ts';
import type { Level } from '#infra/leases/level.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import { advanceCheckpoints, claimCheckpoints, loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { tellReport } from '#infra/postgres/reports.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { Desk } from './desk.ts';
import { type AttemptOutcome, Dispatcher, type DispatcherParts } from './dispatcher.ts';
import { Executor, type ExecutorParts } from './executor.ts';
import { Following, type Member } from './following.ts';
import { addRows, Outbox } from './outbox.ts';
import { rowsFor } from './reactions.ts';

export interface ProcessManagerEngineOptions extends ExecutorParts, Pick<DispatcherParts, 'clock' | 'concurrency' | 'retry' | 'pollMs'> {
  readonly clock: DispatcherParts['clock'];
  readonly database: Database;
  readonly openFeed: OpenFeed;
  /** Hears of every failure of the engine itself; it goes on. Failures of single rows stand in the outbox. */
  readonly onError: (error: unknown) => void;
  readonly leaseTimes?: LeaseTimes;
  /** What operators ask for. Without it nobody can ask for anything. */
  readonly record?: OperationsRecord;
}

/** How the work goes, told about once a second. */
export interface ProcessManagerReport {
  /** Age in seconds of the oldest event that waits for the managers that are furthest. */
  readonly lagSeconds: number;
  readonly managers: readonly { readonly consumer: string; readonly lagSeconds: number }[];
  readonly eventsPerSecond: number;
}

/** How often reactions were tried in this process, by how the attempt ended. */
export type Attempts = Readonly<Record<AttemptOutcome, number>>;

const TELL_EVERY_MS = 1_000;

/**
 * Runs the policies: writes what follows from each event into the outbox, with the checkpoint in one transaction, and carries it out. One
 * process at a time does it, under a lease. A manager that is new starts at the beginning of the log, without the others waiting for it.
 */
export class ProcessManagerEngine {
  readonly #leadership: Leadership;
  readonly #options: ProcessManagerEngineOptions;
  readonly #executor: Executor;
  readonly #attempts = new Map<string, Attempts>();
  #events = 0;
  #following: Following | undefined;

  constructor(options: ProcessManagerEngineOptions) {
    this.#options = options;
    this.#executor = new Executor(options);
    if (new Set(options.managers.map(({ name }) => name)).size !== options.managers.length)
      throw new Error('Two process managers have one name.');
    this.#leadership = new Leadership({
      database: options.database,
      name: 'process-managers',
      begin: (lease, level) => this.#begin(lease, level),
      onError: options.onError,
      ...(options.leaseTimes === undefined ? {} : { times: options.leaseTimes }),
    });
  }

  start(): void {
    this.#leadership.start();
  }

  /** Stops after what is under way and gives the lease back. */
  async stop(): Promise<void> {
    await this.#leadership.stop();
  }

  /**
   * Age in seconds of the oldest event that waits for the managers that are furthest; while the work cannot begin, since they were last level.
   * undefined when another process does the work.
   */
  get lagSeconds(): number | undefined {
    return this.#following?.lagSeconds ?? this.#leadership.level?.secondsAgo;
  }

  /** Attempts by process manager, since this process began. */
  get attempts(): ReadonlyMap<string, Attempts> {
    return this.#attempts;
  }

  async #begin(lease: Lease, level: Level): Promise<LeasedWork> {
    const { database, clock, onError, concurrency, retry, pollMs, record } = this.#options;
    const members = await this.#prepare(lease);
    const outbox = new Outbox(database, lease.token);
    const positions = new Map(members.map((member) => [member.manager.name, member]));
    const desk = new Desk({
      record,
      outbox,
      hasPassed: (manager, position) => (positions.get(manager)?.position ?? position) >= position,
      onError,
    });
    const dispatcher = new Dispatcher({
      outbox,
      executor: this.#executor,
      changed: (rows) => desk.changed(rows),
      onAttempt: (manager, outcome) => this.#countAttempt(manager, outcome),
      lease,
      clock,
      onError,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(retry === undefined ? {} : { retry }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
    await outbox.claim();
    // What was asked for while nobody led comes before anything is tried again.
    await desk.look(dispatcher);
    dispatcher.start();
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    // Whoever leads listens once this has begun.
    failed.catch(() => undefined);
    const following = new Following({
      openFeed: this.#options.openFeed,
      members,
      level,
      take: (those, page) => {
        lease.assertHeld();
        return this.#take(page, { members: those, lease, dispatcher, desk });
      },
      onFailure: fail,
    });
    this.#following = following;
    desk.start(dispatcher);
    const telling = this.#tellOf(following);
    return {
      failed,
      stop: async () => {
        clearInterval(telling);
        this.#following = undefined;
        await desk.stop();
        await Promise.all([following.stop(), dispatcher.stop()]);
      },
    };
  }

  #tellOf(following: Following): NodeJS.Timeout {
    const { database, onError } = this.#options;
    let told = { events: this.#events, at: performance.now() };
    return setInterval(() => {
      const now = { events: this.#events, at: performance.now() };
      const eventsPerSecond = Math.round((now.events - told.events) / ((now.at - told.at) / 1_000));
      told = now;
      const report: ProcessManagerReport = { lagSeconds: following.lagSeconds, managers: following.lags, eventsPerSecond };
      tellReport(database, 'process-managers', report).catch(onError);
    }, TELL_EVERY_MS);
  }

  #countAttempt(manager: string, outcome: AttemptOutcome): void {
    const before = this.#attempts.get(manager) ?? { ended: 0, failed: 0, parked: 0 };
    this.#attempts.set(manager, { ...before, [outcome]: before[outcome] + 1 });
  }

  async #prepare(lease: Lease): Promise<Member[]> {
    const { database, managers } = this.#options;
    const named = managers.map((manager) => ({ manager, consumer: `process-manager.${manager.name}`, version: 1 }));
    await claimCheckpoints(database, lease.token, named, 'live');
    const checkpoints = new Map((await loadCheckpoints(database)).map((each) => [each.consumer, each]));
    return named.map((each) => {
      const { position, generation } = checkpoints.get(each.consumer)!;
      return { ...each, position, generation };
    });
  }

  async #take(
    page: FeedPage,
    { members, lease, dispatcher, desk }: { members: readonly Member[]; lease: Lease; dispatcher: Dispatcher; desk: Desk },
  ): Promise<void> {
    const behind = members.filter(({ position }) => position < page.position);
    if (behind.length === 0) return;
    const rows = page.events.flatMap((event) =>
      behind.filter(({ position }) => position < event.position).flatMap(({ manager }) => rowsFor(manager, event, desk.changes)),
    );
    await this.#options.database.transaction(async (transaction) => {
      await advanceCheckpoints(transaction, lease.token, behind, page.position);
      await addRows(transaction, lease.token, rows);
    });
    for (const member of behind) member.position = page.position;
    this.#events += page.events.length;
    dispatcher.wake(
      rows.filter(({ due }) => due === null),
      rows.flatMap(({ due }) => (due === null ? [] : [due])),
    );
  }
}
