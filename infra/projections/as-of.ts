import type { ReadModel } from '#domain/kernel/consumer.ts';
import { Lease, type LeaseTimes } from '#infra/leases/lease.ts';
import { loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { type Place, prepareMembers } from './members.ts';
import { RebuildStopped, RebuildUnderWay } from './rebuild.ts';
import { consumerOf, createIndexes, quoted, tableOf } from './tables.ts';
import { LAG_LIMIT_SECONDS, whileLiveKeepsUp } from './throttle.ts';
import { fill } from './work.ts';

/** A read model as it was at a position of the log, in a table of its own that nothing keeps up. */
export interface Copy {
  /** `context.name@position`; `context.name#next` for what a rebuild has filled. */
  readonly name: string;
  readonly version: number;
  /** `schema.table`. */
  readonly table: string;
  readonly position: bigint;
  /** Whether all of the log up to the position is in it. */
  readonly complete: boolean;
}

export interface CopyOptions {
  readonly database: Database;
  readonly openFeed: OpenFeed;
  readonly model: ReadModel;
  /** Commit position; the end of the log must have passed it. */
  readonly position: bigint;
  /** The code that runs: what other code has filled is thrown away. */
  readonly codeVersion?: string;
  readonly lagLimitSeconds?: number;
  readonly leaseTimes?: LeaseTimes;
  /** Hears of the position from which it goes on. */
  readonly onBegin?: (from: bigint) => void;
  readonly onProgress?: (position: bigint, events: number) => void;
  readonly signal?: AbortSignal;
}

/** Where the copy of a read model at a position is kept. */
export function placeAsOf(model: ReadModel, position: bigint, code?: string): Place {
  return { consumer: `${consumerOf(model)}@${position}`, table: tableOf(model, `_at_${position}`), shown: false, code };
}

/**
 * Folds the log up to a position, and nothing after it, into a table of its own; the serving one is not touched. Killed at any point, it goes
 * on at the next call. Runs in any process.
 */
export async function buildCopy(options: CopyOptions): Promise<Copy> {
  const {
    database,
    openFeed,
    model,
    position,
    codeVersion,
    onBegin,
    onProgress,
    lagLimitSeconds = LAG_LIMIT_SECONDS,
    signal = new AbortController().signal,
  } = options;
  const place = placeAsOf(model, position, codeVersion);
  const lease = await Lease.take(database, `copy ${place.consumer}`, options.leaseTimes);
  if (lease === undefined) throw new RebuildUnderWay(place.consumer);
  try {
    const attempt = async (careful: boolean): Promise<'unstorable' | undefined> => {
      const members = (await prepareMembers(database, lease.token, [model], () => place)).map(({ member }) => member);
      const [member] = members;
      if (member !== undefined) onBegin?.(member.position);
      if (member === undefined || member.position >= position) return undefined;
      const parts = {
        database,
        openFeed,
        lease,
        members,
        beforePage: whileLiveKeepsUp(database, lagLimitSeconds, signal),
        onWritten: (_: unknown, at: bigint, events: number) => onProgress?.(at, events),
      };
      const end = await fill({ ...parts, upTo: position, careful }, signal);
      if (end === 'stopped') throw new RebuildStopped(place.consumer);
      return end === 'unstorable' ? end : undefined;
    };
    if ((await attempt(false)) === 'unstorable') await attempt(true);
    await createIndexes(database, model, place.table);
    // A copy that is complete stays where it is, which is what paused says.
    await database.execute(`update engine.checkpoints set state = 'paused' where consumer = $1 and version = $2 and fencing_token = $3`, [
      place.consumer,
      model.version,
      lease.token,
    ]);
  } finally {
    await lease.release();
  }
  return { name: place.consumer, version: model.version, table: `${place.table.schema}.${place.table.name}`, position, complete: true };
}

/** Every copy that there is, by name; and what rebuilds that were stopped, or whose rows nobody has accepted, have filled. */
export async function listCopies(database: Database): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const { consumer, version, state, position } of await loadCheckpoints(database)) {
    const found = /^(\w+)\.(\w+)(?:@(\d+)|#next)$/.exec(consumer);
    if (found === null) continue;
    const [, schema, name, at] = found;
    const table = `${schema}.${name}_v${version}_${at === undefined ? 'next' : `at_${at}`}`;
    copies.push({ name: consumer, version, table, position: at === undefined ? position : BigInt(at), complete: state === 'paused' });
  }
  return copies.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** Removes the copies of this name, of every version, with all that belongs to them; those that were there. */
export async function dropCopy(database: Database, name: string): Promise<Copy[]> {
  const copies = (await listCopies(database)).filter((copy) => copy.name === name);
  if (copies.length === 0) return [];
  const lease = await Lease.take(database, `${name.endsWith('#next') ? 'rebuild' : 'copy'} ${name}`);
  if (lease === undefined) throw new RebuildUnderWay(name);
  try {
    await database.transaction(async (transaction) => {
      for (const { table } of copies) {
        const [schema, tableName] = table.split('.') as [string, string];
        await transaction.query(`drop table if exists ${quoted(schema)}.${quoted(tableName)}`);
      }
      await transaction.execute('delete from engine.checkpoints where consumer = $1', [name]);
      await transaction.execute('delete from engine.dead_letters where consumer = $1', [name]);
    });
  } finally {
    await lease.release();
  }
  return copies;
}
