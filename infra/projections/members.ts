import type { ReadModel } from '#domain/kernel/consumer.ts';
import { type Checkpoint, type CheckpointState, type Consumer, claimCheckpoints, loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { loadHeldBack } from './dead-letters.ts';
import { Fold } from './fold.ts';
import type { Member } from './group.ts';
import { Rows } from './rows.ts';
import {
  consumerOf,
  createTable,
  existingTables,
  fingerprintOf,
  shownTables,
  showTable,
  type Table,
  tableOf,
  viewedTable,
} from './tables.ts';

/** A read model that is ready to move on, and how. */
export interface Prepared {
  readonly member: Member;
  readonly state: CheckpointState;
}

/** Rows that all read models together may keep in memory. */
const CACHED_ROWS = 100_000;

/** Where a read model's rows are kept and under which name its checkpoint. */
export interface Place {
  readonly consumer: string;
  readonly table: Table;
  /** Whether queries are shown the table when there is nothing else to show. */
  readonly shown: boolean;
  /** The code that fills it: rows of other code are not gone on with. Not told of a serving table, where a version says what has to change. */
  readonly code?: string | undefined;
}

/** The table that the view shows, or will. */
export function servingPlace(model: ReadModel): Place {
  return { consumer: consumerOf(model), table: tableOf(model), shown: true };
}

/** Whether queries see another version of the read model, as after code of that version was taken back. */
export async function showsAnother(database: Queryable, model: ReadModel): Promise<boolean> {
  const shown = await viewedTable(database, model);
  return shown !== undefined && shown !== tableOf(model).name;
}

/** A table beside it that nobody sees. `code` is what fills it. */
export function placeBeside(model: ReadModel, code?: string): Place {
  return { consumer: `${consumerOf(model)}#next`, table: tableOf(model, '_next'), shown: false, code };
}

/**
 * Makes the read models ours and ready: takes over their checkpoints, and begins anew where there is no table yet or it does not look as
 * declared. A model without a view gets one at once, so that queries find it empty and not missing.
 */
export async function prepareMembers(
  database: Database,
  token: number,
  models: readonly ReadModel[],
  placeOf: (model: ReadModel) => Place = servingPlace,
): Promise<Prepared[]> {
  const consumers = models.map((model) => ({ consumer: placeOf(model).consumer, version: model.version }));
  await claimCheckpoints(database, token, consumers, 'building');
  const checkpoints = new Map((await loadCheckpoints(database)).map((each) => [nameOf(each), each]));
  const cacheRows = Math.max(1_000, Math.floor(CACHED_ROWS / Math.max(1, models.length)));
  // All live read models stand still while one is taken up after a rebuild: what can be asked for all together is.
  const existing = await existingTables(
    database,
    models.map((model) => placeOf(model).table),
  );
  const views = await shownTables(database);
  const holding = new Set(
    (await database.query<{ consumer: string }>('select distinct consumer from engine.dead_letters')).map(({ consumer }) => consumer),
  );
  const prepared: Prepared[] = [];
  for (const model of models) {
    const { consumer, table, shown, code } = placeOf(model);
    const checkpoint = checkpoints.get(nameOf({ consumer, version: model.version }))!;
    const fingerprint = fingerprintOf(model, code);
    const usable = checkpoint.fingerprint === fingerprint && existing.has(table.sql);
    const current = usable ? checkpoint : await beginAnew(database, token, { model, table, checkpoint, fingerprint });
    const viewed = shown ? views.get(consumerOf(model)) : undefined;
    if (shown && viewed === undefined) await database.transaction((transaction) => showTable(transaction, model, table));
    const isShown = viewed === undefined || viewed === `${table.schema}.${table.name}`;
    // Code of an earlier version is back: its rows are shown again once they have caught up.
    const state = current.state === 'live' && !isShown ? 'building' : current.state;
    if (state !== current.state)
      await database.execute('update engine.checkpoints set state = $4 where consumer = $1 and version = $2 and fencing_token = $3', [
        consumer,
        model.version,
        token,
        state,
      ]);
    const rows = new Rows(table);
    const { version, generation, position } = current;
    // Rows come with their checkpoint: before the first there are none.
    const heldBack =
      holding.has(consumer) || holding.has(consumerOf(model)) ? await loadHeldBack(database, current) : { parked: [], skipped: [] };
    const fold = new Fold(model, rows, cacheRows, heldBack, position < 0n);
    prepared.push({ member: { model, consumer, version, generation, position, rows, fold }, state });
  }
  return prepared;
}

function nameOf({ consumer, version }: Consumer): string {
  return `${consumer} ${version}`;
}

/** Empties a read model's version and puts its checkpoint to the start of the log. */
async function beginAnew(
  database: Database,
  token: number,
  { model, table, checkpoint, fingerprint }: { model: ReadModel; table: Table; checkpoint: Checkpoint; fingerprint: string },
): Promise<Checkpoint> {
  const fresh = {
    ...checkpoint,
    position: -1n,
    generation: checkpoint.generation + 1,
    state: 'building' as const,
    fingerprint,
  };
  const viewed = await viewedTable(database, model);
  await database.transaction(async (transaction) => {
    const [mine] = await transaction.query(
      `update engine.checkpoints set position = -1, generation = $4, state = 'building', fingerprint = $5, updated_at = clock_timestamp()
       where consumer = $1 and version = $2 and fencing_token = $3 returning 1`,
      [fresh.consumer, fresh.version, token, fresh.generation, fresh.fingerprint],
    );
    if (mine === undefined) throw new Error(`${fresh.consumer}: another process has taken it over.`);
    // What an operator gave up stays given up.
    await transaction.execute('delete from engine.dead_letters where consumer = $1 and version = $2 and not skipped', [
      fresh.consumer,
      fresh.version,
    ]);
    await createTable(transaction, table);
    if (viewed === table.name) await showTable(transaction, model, table);
  });
  return fresh;
}
