import pg from 'pg';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { CheckpointMoved, type CheckpointState } from '#infra/postgres/checkpoints.ts';
import type { Database, Transaction } from '#infra/postgres/database.ts';
import { type Difference, differences, summarise, type Summary } from './compare.ts';
import { placeBeside, servingPlace, showsAnother } from './members.ts';
import { fingerprintOf, renameTable, replaceTable } from './tables.ts';

/**
 * How long the live engine may be held for the last events, in milliseconds, at the first try and at the most: queries that ask for what was just
 * done wait for two seconds. Postgres itself would end the transaction after five.
 */
const HOLD_MS = 250;
const LONGEST_HOLD_MS = 2_000;
/** How long the swap waits for queries under way, in milliseconds: every later query waits behind it. */
const LOCK_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';

export interface SwapRequest {
  readonly database: Database;
  readonly model: ReadModel;
  /** Swaps even when rows come out differently. */
  readonly accept: boolean;
  /** What may differ: these keys, and whatever was changed after a position. */
  readonly among: { readonly keys: readonly string[]; readonly changedAfter: bigint };
  /** Whether these keys are all that were suspected. */
  readonly all: boolean;
  /** How often it was tried before: each time, the live engine is held twice as long. */
  readonly tries: number;
  readonly filling: Filled & { upTo(position: bigint, withinMs: number): Promise<boolean> };
}

/** How far the new table is, and under which token and generation this process has filled it. */
export interface Filled {
  readonly position: bigint;
  readonly token: number;
  readonly generation: number;
}

export interface Swapped {
  readonly state: 'swapped' | 'different';
  readonly position: bigint;
  readonly differences: readonly Difference[];
  /** What both tables held; undefined when there was no difference. */
  readonly before?: Summary;
  readonly after?: Summary;
}

/** Why there was no swap: the serving table is behind or in use; much came in meanwhile; not all that is suspected could be looked at. */
type NotYet = 'wait' | 'follow again' | 'compare again';

/**
 * Brings both tables to one position, compares what may differ and, if that is right, lets the new one take the old one's place: in one
 * transaction, in which the live engine is held for a moment.
 */
export async function swap(request: SwapRequest): Promise<Swapped | NotYet> {
  try {
    return await request.database.transaction((transaction) => swapWithin(transaction, request));
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return 'wait';
    throw error;
  }
}

async function swapWithin(transaction: Transaction, { model, accept, among, all, tries, filling }: SwapRequest): Promise<Swapped | NotYet> {
  const serving = servingPlace(model);
  const beside = placeBeside(model);
  const { version } = model;
  const [held] = await transaction.query<{ position: string; state: CheckpointState }>(
    'select position::text as position, state from engine.checkpoints where consumer = $1 and version = $2 for update',
    [serving.consumer, version],
  );
  // Code of another version may have been taken up since the rebuild began, and shows its own table.
  if (held === undefined || (await showsAnother(transaction, model)))
    throw new Error(`${serving.consumer} is no longer served in version ${version}.`);
  if (held.state !== 'live') return 'wait';
  const position = BigInt(held.position);
  if (filling.position > position) return 'wait';
  if (!(await filling.upTo(position, Math.min(LONGEST_HOLD_MS, HOLD_MS * 2 ** tries)))) return 'follow again';
  await holdFilled(transaction, model, filling);
  const found = await differences(transaction, serving.table, beside.table, among);
  if (found.length === 0 && !all) return 'compare again';
  const sums =
    found.length === 0 ? {} : { before: await summarise(transaction, serving.table), after: await summarise(transaction, beside.table) };
  if (found.length > 0 && !accept) return { state: 'different', position, differences: found, ...sums };
  await transaction.query(`set local lock_timeout = ${LOCK_MS}`);
  await replaceTable(transaction, model, beside.table, serving.table);
  await transaction.execute(
    'update engine.checkpoints set generation = generation + 1, updated_at = clock_timestamp() where consumer = $1 and version = $2',
    [serving.consumer, version],
  );
  await moveBesideAway(transaction, model);
  return { state: 'swapped', position, differences: found, ...sums };
}

/**
 * Leaves the new table to the engine, under the name under which code of its version goes on with it; its position. Throws when the engine has
 * begun one itself.
 */
export async function handOver(database: Database, model: ReadModel, filling: Filled): Promise<bigint> {
  const serving = servingPlace(model);
  const beside = placeBeside(model);
  return database.transaction(async (transaction) => {
    await holdFilled(transaction, model, filling);
    const begun = await transaction.execute(
      `insert into engine.checkpoints (consumer, version, position, fingerprint, state)
       values ($1, $2, $3, $4, 'building') on conflict do nothing`,
      [serving.consumer, model.version, String(filling.position), fingerprintOf(model)],
    );
    if (begun !== 1) throw new Error(`${serving.consumer} has begun to serve version ${model.version} meanwhile; rebuild it again.`);
    await transaction.query(`drop table if exists ${serving.table.sql}`);
    await renameTable(transaction, model, beside.table, serving.table);
    await moveBesideAway(transaction, model);
    return filling.position;
  });
}

/** Keeps the new table as this process has filled it. Throws {@link CheckpointMoved} when another has taken it over, as one that slept may find. */
async function holdFilled(transaction: Transaction, model: ReadModel, { position, token, generation }: Filled): Promise<void> {
  const { consumer } = placeBeside(model);
  const held = await transaction.query(
    `select 1 from engine.checkpoints
     where consumer = $1 and version = $2 and fencing_token = $3 and generation = $4 and position = $5 for update`,
    [consumer, model.version, token, generation, String(position)],
  );
  if (held.length !== 1) throw new CheckpointMoved([{ consumer, version: model.version }]);
}

/** What the new table holds back takes the place of what the old one did; what an operator gave up stays given up, also since the new one was begun. */
async function moveBesideAway(transaction: Transaction, model: ReadModel): Promise<void> {
  const names = [servingPlace(model).consumer, placeBeside(model).consumer, model.version];
  await transaction.execute(
    `delete from engine.dead_letters as held where version = $3 and ((consumer = $1 and not skipped)
       or (consumer = $2 and exists (select from engine.dead_letters as given where given.consumer = $1 and given.skipped
         and given.scope = held.scope and given.key = held.key and given.position = held.position)))`,
    names,
  );
  await transaction.execute('update engine.dead_letters set consumer = $1 where consumer = $2 and version = $3', names);
  await transaction.execute('delete from engine.checkpoints where consumer = $1 and version = $2', names.slice(1));
}
