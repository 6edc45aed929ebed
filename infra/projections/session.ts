import { setTimeout as delay } from 'node:timers/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { Lease } from '#infra/leases/lease.ts';
import type { LeasedWork } from '#infra/leases/leadership.ts';
import type { Level } from '#infra/leases/level.ts';
import type { OperatorAct } from '#infra/operations/acts.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import { CheckpointMoved, type CheckpointState, loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import { tellReport } from '#infra/postgres/reports.ts';
import type { OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { loadHeldBack, restoreGivenUp } from './dead-letters.ts';
import type { Parked } from './fold.ts';
import type { Member } from './group.ts';
import { prepareMembers } from './members.ts';
import { mend, type Mending } from './mend.ts';
import type { Positions } from './positions.ts';
import { createIndexes, showTable, viewedTable } from './tables.ts';
import { fill, follow, type WorkParts } from './work.ts';

export interface SessionOptions {
  readonly database: Database;
  readonly models: readonly ReadModel[];
  readonly openFeed: OpenFeed;
  readonly onError: (error: unknown) => void;
  readonly lease: Lease;
  /** When the live read models had last reached the end of the log. */
  readonly level: Level;
  readonly positions: Positions;
  /** One event of the log, for what is held back and tried again. */
  readonly readEvent: (stream: string, revision: number) => Promise<RecordedEvent>;
  /** What operators ask for. Without it nobody can ask for anything. */
  readonly record?: OperationsRecord;
}

type ModelAct = Extract<
  OperatorAct,
  { type: 'ReadModelPauseRequested' | 'ReadModelResumeRequested' | 'DeadLetterRetryRequested' | 'DeadLetterSkipRequested' }
>;

/** One read model, as it is at the moment. */
export interface ModelReport {
  readonly consumer: string;
  readonly version: number;
  readonly state: CheckpointState;
  /** Commit position as a decimal string. */
  readonly position: string;
  /** Age in seconds of the oldest event that waits for it; 0 for one that is paused. */
  readonly lagSeconds: number;
}

export interface SessionReport {
  readonly models: readonly ModelReport[];
  /** Events taken in since the lease was taken, by all models together, and lately per second. */
  readonly events: number;
  readonly eventsPerSecond: number;
}

const GROUP = 'projections';
const DESK_MS = 250;
const TELL_EVERY_MS = 1_000;

/**
 * The work of one lease: a feed for the models that are live and, while there are any, others for those that are catching up. When these
 * have reached the end of the log, their indexes are made, their views switched, and they join the live ones. Carries out what operators ask for.
 */
export class Session implements LeasedWork {
  readonly failed: Promise<never>;
  /** Ends the session: whatever it left half done is taken up by the next one, which begins at what is stored. */
  readonly #fail: (error: unknown) => void;
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  #live: Member[] = [];
  #building: Member[] = [];
  #paused: Member[] = [];
  #liveFeed: OpenedFeed | undefined;
  readonly #builds = new Set<Promise<void>>();
  /** What changes who is live happens one after the other. */
  #alone: Promise<unknown> = Promise.resolve();
  #desk: Promise<unknown> = Promise.resolve();
  #events = 0;
  #eventsPerSecond = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = (error) => {
      this.#stopping.abort();
      reject(error);
    };
    // Whoever leads listens from when the session is open; a failure before that is thrown by open itself.
    this.failed.catch(() => undefined);
  }

  /** Takes the read models over and starts. */
  async open(): Promise<void> {
    const { database, lease, models, positions, record } = this.#options;
    if (record !== undefined) await restoreGivenUp(database, (await record.read(GROUP)).givenUp);
    const prepared = await prepareMembers(database, lease.token, models);
    const inState = (state: CheckpointState): Member[] => prepared.filter((each) => each.state === state).map(({ member }) => member);
    this.#live = inState('live');
    this.#paused = inState('paused');
    for (const { consumer, position } of this.#live) positions.advance([consumer], position);
    this.#openLive();
    void this.#beginBuild(inState('building'));
    this.#desk = Promise.all([this.#serve(), this.#tell()]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#desk;
    await Promise.all(this.#builds);
    await this.#alone;
    await this.#liveFeed?.stop();
  }

  report(): SessionReport {
    const of = (members: readonly Member[], state: CheckpointState, lagSeconds: number): ModelReport[] =>
      members.map(({ consumer, version, position }) => ({ consumer, version, position: String(position), state, lagSeconds }));
    const building = this.#building.length === 0 ? 0 : (performance.now() - this.#buildingSince) / 1_000;
    return {
      models: [
        ...of(this.#live, 'live', this.#liveFeed?.lagSeconds ?? 0),
        ...of(this.#building, 'building', building),
        ...of(this.#paused, 'paused', 0),
      ],
      events: this.#events,
      eventsPerSecond: this.#eventsPerSecond,
    };
  }

  #buildingSince = 0;

  #openLive(): void {
    if (this.#live.length === 0 || this.#stopping.signal.aborted) return;
    this.#liveFeed = follow(this.#parts(this.#live, true), (error) => {
      if (!(error instanceof CheckpointMoved)) return this.#fail(error);
      this.#alongside(() => this.#takeUpAgain(error)).catch(this.#fail);
    });
  }

  /** Goes on with the tables that a rebuild has put in the place of others. Throws what was met when there was no such thing. */
  async #takeUpAgain(met?: CheckpointMoved): Promise<void> {
    const { database, lease } = this.#options;
    const checkpoints = await loadCheckpoints(database);
    const moved = ({ consumer, version, generation }: Member): boolean =>
      checkpoints.some((each) => each.consumer === consumer && each.version === version && each.generation !== generation);
    if (!this.#live.some(moved)) {
      if (met !== undefined) throw met;
      return;
    }
    await this.#regroup(async () => {
      const prepared = await prepareMembers(
        database,
        lease.token,
        this.#live.map(({ model }) => model),
      );
      this.#live = prepared.map(({ member }) => member);
    });
  }

  /** Stops the live read models, changes who they are, and goes on. When that fails, nothing of this session goes on. */
  async #regroup(change: () => Promise<void> | void): Promise<void> {
    try {
      await this.#liveFeed?.stop();
      await change();
      this.#openLive();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Resolves when the members have joined the live ones, or cannot. `alone`: nothing else changes who is live meanwhile. */
  #beginBuild(members: readonly Member[], how: { readonly careful?: boolean; readonly alone?: boolean } = {}): Promise<void> {
    if (members.length === 0) return Promise.resolve();
    if (this.#building.length === 0) this.#buildingSince = performance.now();
    this.#building = [...this.#building, ...members];
    const build: Promise<void> = this.#build(members, how)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#builds.delete(build));
    this.#builds.add(build);
    return build;
  }

  async #build(members: readonly Member[], { careful = false, alone = false }: { careful?: boolean; alone?: boolean }): Promise<void> {
    const end = await fill({ ...this.#parts(members, false), careful }, this.#stopping.signal);
    if (end === 'stopped') return;
    if (end === 'caught up') return alone ? this.#join(members) : this.#alongside(() => this.#join(members));
    const { database, lease } = this.#options;
    this.#building = without(this.#building, members);
    const again = await prepareMembers(
      database,
      lease.token,
      members.map(({ model }) => model),
    );
    await this.#beginBuild(
      again.map(({ member }) => member),
      { careful: true, alone },
    );
  }

  async #join(members: readonly Member[]): Promise<void> {
    const { database, lease, positions } = this.#options;
    for (const { model, rows } of members) await createIndexes(database, model, rows.table);
    await database.transaction(async (transaction) => {
      for (const { model, consumer, version, generation, rows } of members) {
        const moved = await transaction.execute(
          `update engine.checkpoints set state = 'live'
           where consumer = $1 and version = $2 and fencing_token = $3 and generation = $4`,
          [consumer, version, lease.token, generation],
        );
        if (moved !== 1) throw new Error(`${consumer}: another process has taken it over.`);
        if ((await viewedTable(transaction, model)) !== rows.table.name) await showTable(transaction, model, rows.table);
      }
    });
    await this.#liveFeed?.stop();
    // Until now nothing was live that could have been.
    if (this.#live.length === 0) this.#options.level.reached();
    this.#building = without(this.#building, members);
    this.#live = [...this.#live, ...members];
    for (const { consumer, position } of members) positions.advance([consumer], position);
    this.#openLive();
  }

  /** Carries out acts. */
  async #serve(): Promise<void> {
    const { record, onError } = this.#options;
    if (record === undefined) return;
    await this.#every(DESK_MS, async () => {
      for (const act of Object.values((await record.read(GROUP)).open))
        if (isOfModel(act) && !this.#stopping.signal.aborted) await this.#carryOut(record, act).catch(onError);
    });
  }

  /** Tells how the work goes, also while an act takes its time. */
  async #tell(): Promise<void> {
    let toldAt = performance.now();
    let told = 0;
    await this.#every(TELL_EVERY_MS, async () => {
      const seconds = (performance.now() - toldAt) / 1_000;
      this.#eventsPerSecond = Math.round((this.#events - told) / seconds);
      told = this.#events;
      toldAt = performance.now();
      await tellReport(this.#options.database, 'projections', this.report());
    });
  }

  async #every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(milliseconds, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await work().catch(this.#options.onError);
    }
  }

  /** An act that is cut short because this session ends is left for whoever is next. */
  async #carryOut(record: OperationsRecord, act: ModelAct): Promise<void> {
    const { lease } = this.#options;
    lease.assertHeld();
    const came = await this.#alongside(() => this.#act(act)).then(
      (outcome) => ({ state: 'done' as const, outcome }),
      (error: unknown) => (this.#stopping.signal.aborted ? undefined : { state: 'failed' as const, outcome: reasonOf(error) }),
    );
    // Whoever has taken the work over meanwhile finds the act open, and says what comes of it.
    lease.assertHeld();
    if (came !== undefined) await record.conclude(GROUP, { actId: act.data.actId, ...came });
  }

  /** What has been done already, by a process that could not say so any more, is not done again. */
  async #act(act: ModelAct): Promise<string> {
    // Without events nobody has noticed a rebuild yet.
    await this.#takeUpAgain();
    const { consumer } = act.data;
    const named = (members: readonly Member[]): Member | undefined => members.find((member) => member.consumer === consumer);
    const live = named(this.#live);
    switch (act.type) {
      case 'ReadModelPauseRequested': {
        const already = named(this.#paused);
        if (already !== undefined) return `is paused at ${already.position} already`;
        if (live === undefined) throw new Error(`${consumer} is not live.`);
        await this.#regroup(async () => {
          await this.#setState(live, 'paused');
          this.#live = without(this.#live, [live]);
          this.#paused = [...this.#paused, live];
        });
        return `paused at ${live.position}`;
      }
      case 'ReadModelResumeRequested': {
        const paused = named(this.#paused);
        if (paused === undefined) {
          if (live === undefined && named(this.#building) === undefined) throw new Error(`${consumer} is not paused.`);
          return 'is not paused any more';
        }
        await this.#setState(paused, 'building');
        this.#paused = without(this.#paused, [paused]);
        void this.#beginBuild([paused]);
        return `catching up from ${paused.position}`;
      }
      case 'DeadLetterRetryRequested':
        return this.#mend(live, act.data, act.data.givenUp ? 'take back' : 'retry');
      case 'DeadLetterSkipRequested':
        return this.#mend(live, act.data, { skip: BigInt(act.data.position) });
    }
  }

  async #mend(live: Member | undefined, place: Parked & { consumer: string }, mending: Mending): Promise<string> {
    const { database, lease, openFeed, readEvent } = this.#options;
    if (live === undefined) throw new Error(`${place.consumer} is not live.`);
    const { signal } = this.#stopping;
    const hold = (): Promise<void> => this.#takeOut(live);
    try {
      return await mend({ database, token: lease.token, openFeed, readEvent, member: live, hold, signal }, place, mending);
    } finally {
      if (!this.#live.includes(live)) await this.#putBack(live);
    }
  }

  /** Takes a model out of the live ones, which go on without it. */
  #takeOut(member: Member): Promise<void> {
    return this.#regroup(() => {
      this.#live = without(this.#live, [member]);
      if (this.#building.length === 0) this.#buildingSince = performance.now();
      this.#building = [...this.#building, member];
    });
  }

  /** Lets a model that was taken out catch up by itself, and join the others. */
  async #putBack(member: Member): Promise<void> {
    try {
      member.fold.forget(await loadHeldBack(this.#options.database, member));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#building = without(this.#building, [member]);
    await this.#beginBuild([member], { alone: true });
  }

  async #setState({ consumer, version }: Member, state: CheckpointState): Promise<void> {
    const { database, lease } = this.#options;
    const changed = await database.execute(
      'update engine.checkpoints set state = $4 where consumer = $1 and version = $2 and fencing_token = $3',
      [consumer, version, lease.token, state],
    );
    if (changed !== 1) throw new Error(`${consumer}: another process has taken it over.`);
  }

  /** Runs after whatever else changes who is live; a failure of one does not reach the next. */
  #alongside<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#alone.then(work);
    this.#alone = done.catch(() => undefined);
    return done;
  }

  #parts(members: readonly Member[], serving: boolean): WorkParts {
    const { database, openFeed, lease, level, positions } = this.#options;
    return {
      database,
      openFeed,
      lease,
      members,
      ...(serving ? { level } : {}),
      onWritten: (written, position, events) => {
        this.#events += events;
        if (!serving) return;
        const consumers = written.map(({ consumer }) => consumer);
        positions.advance(consumers, position);
      },
    };
  }
}

function isOfModel(act: OperatorAct): act is ModelAct {
  return (
    act.type === 'ReadModelPauseRequested' ||
    act.type === 'ReadModelResumeRequested' ||
    act.type === 'DeadLetterRetryRequested' ||
    act.type === 'DeadLetterSkipRequested'
  );
}

function without(members: readonly Member[], gone: readonly Member[]): Member[] {
  return members.filter((member) => !gone.includes(member));
}
