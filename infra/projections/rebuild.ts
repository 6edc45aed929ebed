import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { Lease, type LeaseTimes } from '#infra/leases/lease.ts';
import { type Checkpoint, loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { type Difference, summarise, type Summary, suspects } from './compare.ts';
import type { Member } from './group.ts';
import { placeBeside, prepareMembers, servingPlace, showsAnother } from './members.ts';
import { handOver, swap, type Swapped } from './rebuild-swap.ts';
import { createIndexes } from './tables.ts';
import { LAG_LIMIT_SECONDS, whileLiveKeepsUp } from './throttle.ts';
import { fill } from './work.ts';

/** Where a rebuild is; `waiting`: for the serving table, which is behind or in use. */
export type RebuildStage = 'filling' | 'following' | 'comparing' | 'swapping' | 'waiting';

export interface RebuildOptions {
  readonly database: Database;
  readonly openFeed: OpenFeed;
  readonly model: ReadModel;
  /** Swaps even when rows come out differently. */
  readonly accept: boolean;
  /** Throws away what an earlier rebuild that was stopped has filled. */
  readonly fresh?: boolean;
  /** The code that runs: what other code has filled is thrown away. */
  readonly codeVersion?: string;
  /** While the live read models lag by more than this many seconds, the rebuild waits. */
  readonly lagLimitSeconds?: number;
  readonly leaseTimes?: LeaseTimes;
  /** Hears of each stage, and of the position from which it goes on. */
  readonly onStage?: (stage: RebuildStage, from: bigint) => void;
  readonly onProgress?: (position: bigint, events: number) => void;
  readonly signal?: AbortSignal;
}

export interface RebuildOutcome {
  /**
   * `swapped`: queries see the new rows. `different`: rows come out differently, and nobody has accepted that yet; the new table stays and follows on
   * at the next call. `prepared`: this version is not served yet; its table is filled, and it is shown as soon as code of this version runs.
   */
  readonly state: 'swapped' | 'different' | 'prepared';
  readonly position: bigint;
  readonly before: Summary | undefined;
  readonly after: Summary;
  readonly differences: readonly Difference[];
}

/** Somebody else rebuilds this read model at the moment. */
export class RebuildUnderWay extends Error {
  constructor(consumer: string) {
    super(`${consumer} is being rebuilt or exported by another process.`);
    this.name = 'RebuildUnderWay';
  }
}

/** The rebuild was stopped; called again, it goes on where it was. */
export class RebuildStopped extends Error {
  constructor(consumer: string) {
    super(`The rebuild of ${consumer} was stopped; called again, it goes on where it was.`);
    this.name = 'RebuildStopped';
  }
}

/** The read model is not in a state in which another table could take its place. */
export class NotRebuildable extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'NotRebuildable';
  }
}

const WAIT_MS = 250;

/**
 * Fills a second table of a read model beside the one that serves, up to the end of the log, compares the two, and puts the second in the place of the
 * first in one transaction. Killed at any point, it goes on at the next call. Runs in any process; the engine keeps serving meanwhile.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildOutcome> {
  const { database, model, fresh = false, codeVersion } = options;
  const serving = servingPlace(model);
  const place = placeBeside(model, codeVersion);
  const lease = await Lease.take(database, `rebuild ${place.consumer}`, options.leaseTimes);
  if (lease === undefined) throw new RebuildUnderWay(serving.consumer);
  try {
    const isServed = await servesNow(database, model);
    if (fresh)
      await database.execute('delete from engine.checkpoints where consumer = $1 and version = $2', [place.consumer, model.version]);
    const filling = new Filling(options, lease);
    await filling.prepare();
    filling.tell('filling');
    await filling.toTheEnd();
    await createIndexes(database, model, place.table);
    if (!isServed) {
      const position = await handOver(database, model, filling);
      return { state: 'prepared', position, before: undefined, after: await summarise(database, serving.table), differences: [] };
    }
    const swapped = await compareAndSwap(options, filling);
    const { before = await summarise(database, serving.table), ...rest } = swapped;
    return { ...rest, before, after: swapped.after ?? before };
  } finally {
    await lease.release();
  }
}

/** Whether this version is what queries see; false when there is nothing of it yet. Throws {@link NotRebuildable}. */
async function servesNow(database: Database, model: ReadModel): Promise<boolean> {
  const { consumer } = servingPlace(model);
  const found = await servingCheckpoint(database, model);
  if (found === undefined) return false;
  if (await showsAnother(database, model))
    throw new NotRebuildable(
      `Queries do not see version ${model.version} of ${consumer}; code of that version goes on with the rows it has.`,
    );
  if (found.state === 'paused') throw new NotRebuildable(`${consumer} is paused: resume it first.`);
  if (found.state === 'building')
    throw new NotRebuildable(`${consumer} is being filled by the process that serves it: wait until it is live.`);
  return true;
}

async function servingCheckpoint(database: Database, model: ReadModel): Promise<Checkpoint | undefined> {
  const { consumer } = servingPlace(model);
  return (await loadCheckpoints(database)).find((each) => each.consumer === consumer && each.version === model.version);
}

async function compareAndSwap({ database, model, accept }: RebuildOptions, filling: Filling): Promise<Swapped> {
  const serving = servingPlace(model);
  const beside = placeBeside(model);
  for (;;) {
    filling.tell('following');
    await filling.toTheEnd();
    filling.tell('comparing');
    // The serving table may have to take in what is in the new one already.
    const served = (await servingCheckpoint(database, model))?.position ?? -1n;
    const changedAfter = served < filling.position ? served : filling.position;
    const { keys, all } = await suspects(database, serving.table, beside.table, changedAfter);
    for (let tries = 0; ; tries++) {
      // The live engine is held from here on: little may be left to read.
      await filling.toTheEnd();
      filling.tell('swapping');
      const end = await swap({ database, model, accept, among: { keys, changedAfter }, all, tries, filling });
      if (typeof end === 'object') return end;
      if (end === 'compare again') break;
      if (end === 'wait') {
        filling.tell('waiting');
        await delay(WAIT_MS);
      }
      filling.assertGoingOn();
    }
  }
}

/** The work on the second table. */
class Filling {
  #member: Member | undefined;
  #underWay: Promise<void> | undefined;

  constructor(
    private readonly options: RebuildOptions,
    private readonly lease: Lease,
  ) {}

  /** Commit position up to which everything is in the table. */
  get position(): bigint {
    return this.#member!.position;
  }

  get generation(): number {
    return this.#member!.generation;
  }

  get token(): number {
    return this.lease.token;
  }

  tell(stage: RebuildStage): void {
    this.options.onStage?.(stage, this.position);
  }

  /** Throws {@link RebuildStopped} when it is to stop. */
  assertGoingOn(): void {
    if (this.options.signal?.aborted === true) throw new RebuildStopped(this.options.model.name);
  }

  /** Begins at what is in the table. */
  async prepare(): Promise<void> {
    const { database, model, codeVersion } = this.options;
    const [prepared] = await prepareMembers(database, this.lease.token, [model], (each) => placeBeside(each, codeVersion));
    this.#member = prepared!.member;
  }

  /** Reads up to the end of the log; waits now and then while the live read models lag. */
  async toTheEnd(): Promise<void> {
    const { database, lagLimitSeconds = LAG_LIMIT_SECONDS, signal } = this.options;
    await this.#underWay;
    await this.#fill({}, whileLiveKeepsUp(database, lagLimitSeconds, signal), signal);
    this.assertGoingOn();
  }

  /**
   * Reads exactly up to a position, without a pause; false when that was not done within so many milliseconds. Then a page may still be under way:
   * whatever is read next waits for it.
   */
  async upTo(position: bigint, withinMs: number): Promise<boolean> {
    if (this.position >= position) return true;
    const { signal } = this.options;
    const limit = AbortSignal.timeout(withinMs);
    const ended = once(limit, 'abort').then(() => false);
    this.#underWay = this.#fill({ upTo: position }, undefined, signal === undefined ? limit : AbortSignal.any([signal, limit]));
    return Promise.race([this.#underWay.then(() => this.position >= position), ended]);
  }

  async #fill(target: { upTo?: bigint }, beforePage: (() => Promise<void>) | undefined, signal: AbortSignal | undefined): Promise<void> {
    const goOn = signal ?? new AbortController().signal;
    for (const careful of [false, true]) {
      const { database, openFeed, onProgress } = this.options;
      const end = await fill(
        {
          database,
          openFeed,
          lease: this.lease,
          members: [this.#member!],
          onWritten: (_, position, events) => onProgress?.(position, events),
          ...(beforePage === undefined ? {} : { beforePage }),
          ...target,
          careful,
        },
        goOn,
      );
      if (end === 'caught up') return;
      // What was folded and not written is of no more use.
      await this.prepare();
      if (end === 'stopped') return;
    }
  }
}
