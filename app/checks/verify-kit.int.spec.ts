import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { at, change, now, put, type ProcessManager, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { frozen } from '#infra/verify/frozen.ts';
import { findingsOfManagers, managerTortures, type ManagerTorture } from '#infra/verify/process-managers.ts';
import { findingsOfReadModels, readModelTortures, type ReadModelTorture } from '#infra/verify/read-models.ts';

// The kit itself on trial: what is broken must be found, by each torture, and nothing may be found where nothing is wrong.

type Counted = { readonly type: 'Counted'; readonly data: { readonly counter: string; readonly by: number } };
type Counters = { Counted: Counted };
interface Total {
  readonly total: number;
}

/** Longer than any page of the tortures, so that there are checkpoints in it. */
const story: readonly RecordedEvent<Counted>[] = frozen(
  Array.from({ length: 12 }, (_, nth) => ({
    ...recorded<Counted>(
      { type: 'Counted', data: { counter: nth % 3 === 0 ? 'odd' : 'even', by: nth + 1 } },
      { aggregateType: 'Counter', aggregateId: 'c1', nth },
    ),
    position: BigInt((nth + 1) * 100),
  })),
);

const totals = (on: ReadModel<Total, Counters>['on']): ReadModel<Total, Counters> => ({
  name: 'totals',
  context: 'abacus',
  version: 1,
  sentence: 'Totals by counter.',
  columns: { total: 'integer' },
  indexes: [],
  on,
});
const adds = (counter: string, by: number) => change<Total>(counter, (row) => ({ total: row.total + by }));
const sound = (): ReadModel<Total, Counters> =>
  totals({ Counted: ({ data: { counter, by } }) => (by <= 2 ? put(counter, { total: by }) : adds(counter, by)) });
/** Keeps its totals in a variable, which a process takes along when it dies, and in which a repeated event counts twice. */
const forgetful = (): ReadModel<Total, Counters> => {
  const known: Record<string, number> = {};
  return totals({
    Counted: ({ data: { counter, by } }) => put(counter, { total: (known[counter] = (known[counter] ?? 0) + by) }),
  });
};
/** Changes the row that it was given. */
const careless = (): ReadModel<Total, Counters> =>
  totals({
    Counted: ({ data: { counter, by } }) =>
      by <= 2 ? put(counter, { total: by }) : change<Total>(counter, (row) => Object.assign(row, { total: row.total + by })),
  });

const reminders = (on: ProcessManager<Counters>['on']): ProcessManager<Counters> => ({
  name: 'reminders',
  context: 'abacus',
  sentence: 'Reminds of what was counted.',
  instance: ({ data }) => data.counter,
  on,
});
const told = (counter: string, number: number) => ({ type: 'Tell', data: { counter, number } });
const diligent = (): ProcessManager<Counters> =>
  reminders({ Counted: ({ at: when, data: { counter, by } }) => [now(told(counter, by)), at(plus(when, by * HOUR), told(counter, by))] });
/** Counts in a variable: each reminder is to come an hour later than the one before. */
const absentMinded = (): ProcessManager<Counters> => {
  let hours = 0;
  return reminders({
    Counted: ({ at: when, data: { counter, by } }) => [now(told(counter, by)), at(plus(when, ++hours * HOUR), told(counter, by))],
  });
};

/** A database whose transactions are none: each statement counts at once, whatever becomes of the next. */
const withoutTransactions = (database: Database): Database => ({
  pool: database.pool,
  query: (...statement) => database.query(...statement),
  execute: (...statement) => database.execute(...statement),
  transaction: async (work) => {
    const client = await database.pool.connect();
    try {
      return await work({
        query: (...statement) => database.query(...statement),
        execute: (...statement) => database.execute(...statement),
        client,
      });
    } finally {
      client.release();
    }
  },
  close: () => database.close(),
});

let postgres: DisposableServer;
let database: Database;
beforeAll(async () => {
  postgres = await disposableServer();
  database = (await postgres.create()).database;
});
afterAll(() => postgres.dispose());

const ofModel = (torture: ReadModelTorture, fresh: () => ReadModel<Total, Counters>, on = database) =>
  findingsOfReadModels(torture, { database: on, fresh: () => [fresh() as ReadModel], story });
const ofManager = (torture: ManagerTorture, fresh: () => ProcessManager<Counters>, on = database) =>
  findingsOfManagers(torture, { database: on, fresh: () => [fresh() as ProcessManager], story });

const CALM_MODEL = 'one replay in one go';
const CALM_MANAGER = 'one run in one go';

describe('A read model', () => {
  const tortures = Object.keys(readModelTortures) as ReadModelTorture[];

  it.each(tortures)('that is sound is not complained about after %s', async (torture) => expect(await ofModel(torture, sound)).toEqual([]));
  it('that keeps things in a variable looks well as long as nothing happens', async () =>
    expect(await ofModel(CALM_MODEL, forgetful)).toEqual([]));
  it.each(tortures.filter((torture) => torture !== CALM_MODEL))('that keeps things in a variable is found by %s', async (torture) =>
    expect(await ofModel(torture, forgetful)).toContainEqual(
      expect.stringMatching(/^abacus\.totals, row even: is \{"total":\d+\}, should be \{"total":56\}/),
    ),
  );
  it('that changes its row in place is found at once', async () =>
    expect(await ofModel(CALM_MODEL, careless)).toContainEqual(expect.stringContaining('Cannot assign to read only property')));
});

describe('A process manager', () => {
  const tortures = Object.keys(managerTortures) as ManagerTorture[];

  it.each(tortures)('that is sound is not complained about after %s', async (torture) =>
    expect(await ofManager(torture, diligent)).toEqual([]),
  );
  it('that keeps things in a variable looks well as long as nothing happens', async () =>
    expect(await ofManager(CALM_MANAGER, absentMinded)).toEqual([]));
  it.each(tortures.filter((torture) => torture !== CALM_MANAGER))('that keeps things in a variable is found by %s', async (torture) =>
    expect(await ofManager(torture, absentMinded)).toContainEqual(expect.stringContaining('reminders: Tell for Counted')),
  );
});

describe('An engine whose page and checkpoint are not one', () => {
  it('is found by the deaths of read models', async () =>
    expect(await ofModel('a death after every await', sound, withoutTransactions(database))).not.toEqual([]));
  it('is found by the deaths of process managers', async () =>
    expect(await ofManager('a death after every await', diligent, withoutTransactions(database))).toContainEqual(
      expect.stringContaining('was never sent'),
    ));
});
