import { setTimeout as delay } from 'node:timers/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { Lease } from '#infra/leases/lease.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { type Difference, differences, summarise, type Summary, suspects } from './compare.ts';
import type { Member } from './group.ts';
import { placeBeside, prepareMembers, servingPlace } from './members.ts';
import { createIndexes, replaceTable } from './tables.ts';
import { LAG_LIMIT_SECONDS, whileLiveKeepsUp } from './throttle.ts';
import { fill, type WorkParts } from './work.ts';

export interface RebuildOptions {
  readonly database: Database;
  readonly openFeed: OpenFeed;
  readonly model: ReadModel;
  /** Swaps even when rows come out differently. */
  readonly accept: boolean;
  /** While the live read models lag by more than this many seconds, the rebuild waits. */
  readonly lagLimitSeconds?: number;
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
    super(`${consumer} is being rebuilt by another process.`);
    this.name = 'RebuildUnderWay';
  }
}

/** The rebuild was stopped; called again, it goes on where it was. */
export class RebuildStopped extends Error {
  constructor(consumer: string) {
    super(`The rebuild of ${consumer} was stopped.`);
    this.name = 'RebuildStopped';
  }
}

const WAIT_MS = 250;

/**
 * Fills a second table of a read model beside the one that serves, up to the end of the log, compares the two, and puts the second in the place of the
 * first in one transaction. Killed at any point, it goes on at the next call. Runs in any process; the engine keeps serving meanwhile.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildOutcome> {
  const { database, model } = options;
  const serving = servingPlace(model);
  const isServed = await servesNow(database, serving.consumer, model.version);
  const place = isServed ? placeBeside(model) : serving;
  const lease = await Lease.take(database, `rebuild ${place.consumer}`);
  if (lease === undefined) throw new RebuildUnderWay(serving.consumer);
  try {
    const work = { options, lease, members: [] as Member[], isServed };
    await prepare(work);
    await fillUp(work);
    const [member] = work.members as [Member];
    await createIndexes(database, model, member.rows.table);
    await fillUp(work);
    const after = await summarise(database, member.rows.table);
    if (!isServed) return { state: 'prepared', position: member.position, before: undefined, after, differences: [] };
    const among = { keys: await suspects(database, serving.table, member.rows.table), changedAfter: member.position };
    await fillUp(work);
    const before = await summarise(database, serving.table);
    for (;;) {
      const finished = await finish(work, among);
      if (finished === 'ahead') {
        await delay(WAIT_MS);
        continue;
      }
      const { state, differences: found } = finished;
      const summary = await summarise(database, state === 'swapped' ? serving.table : member.rows.table);
      return { ...finished, before: found.length === 0 ? summary : before, after: summary };
    }
  } finally {
    await lease.release();
  }
}

interface Work {
  readonly options: RebuildOptions;
  readonly lease: Lease;
  readonly isServed: boolean;
  members: Member[];
}

async function servesNow(database: Database, consumer: string, version: number): Promise<boolean> {
  const found = await database.query(`select 1 from engine.checkpoints where consumer = $1 and version = $2 and state <> 'building'`, [
    consumer,
    version,
  ]);
  return found.length > 0;
}

async function prepare(work: Work): Promise<void> {
  const { database, model } = work.options;
  const place = work.isServed ? placeBeside : (each: ReadModel) => ({ ...servingPlace(each), shown: false });
  work.members = (await prepareMembers(database, work.lease.token, [model], place)).map(({ member }) => member);
}

/** Reads up to the end of the log, or exactly to a position. */
async function fillUp(work: Work, upTo?: bigint): Promise<void> {
  const { options } = work;
  const signal = options.signal ?? new AbortController().signal;
  if (upTo !== undefined && work.members[0]!.position >= upTo) return;
  const target = upTo === undefined ? {} : { upTo };
  let end = await fill({ ...partsOf(work, upTo), ...target, careful: false }, signal);
  if (end === 'unstorable') {
    await prepare(work);
    end = await fill({ ...partsOf(work, upTo), ...target, careful: true }, signal);
  }
  if (end === 'stopped') throw new RebuildStopped(options.model.name);
}

function partsOf({ options, lease, members }: Work, upTo: bigint | undefined): WorkParts {
  const { database, openFeed, onProgress, lagLimitSeconds = LAG_LIMIT_SECONDS } = options;
  return {
    database,
    openFeed,
    lease,
    members,
    onWritten: (_, position, events) => onProgress?.(position, events),
    // The last step is not held up: the live engine itself waits for it.
    ...(upTo === undefined ? { beforePage: whileLiveKeepsUp(database, lagLimitSeconds, options.signal) } : {}),
  };
}

/**
 * Brings both tables to one position, compares them and, if that is right, lets the new one take the old one's place. The live engine is held
 * meanwhile; that is short, as only what may differ is looked at. Answers `ahead` when the live engine is behind the new table.
 */
async function finish(
  work: Work,
  among: { keys: readonly string[]; changedAfter: bigint },
): Promise<Omit<RebuildOutcome, 'before' | 'after'> | 'ahead'> {
  const { database, model, accept } = work.options;
  const serving = servingPlace(model);
  const beside = placeBeside(model);
  return database.transaction(async (transaction) => {
    const [held] = await transaction.query<{ position: string }>(
      'select position::text as position from engine.checkpoints where consumer = $1 and version = $2 for update',
      [serving.consumer, model.version],
    );
    const position = BigInt(held!.position);
    if (work.members[0]!.position > position) return 'ahead';
    await fillUp(work, position);
    const found = await differences(transaction, serving.table, beside.table, among);
    if (found.length > 0 && !accept) return { state: 'different', position, differences: found };
    await replaceTable(transaction, model, beside.table, serving.table);
    await transaction.execute(
      'update engine.checkpoints set generation = generation + 1, updated_at = clock_timestamp() where consumer = $1 and version = $2',
      [serving.consumer, model.version],
    );
    await transaction.execute('delete from engine.checkpoints where consumer = $1 and version = $2', [beside.consumer, model.version]);
    await transaction.execute('delete from engine.dead_letters where consumer = $1 and version = $2', [serving.consumer, model.version]);
    await transaction.execute('update engine.dead_letters set consumer = $1 where consumer = $2', [serving.consumer, beside.consumer]);
    return { state: 'swapped', position, differences: found };
  });
}
