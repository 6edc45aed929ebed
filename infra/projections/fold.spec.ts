import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Queryable } from '#infra/postgres/database.ts';
import { Fold } from './fold.ts';
import { SeenKeys } from './row-cache.ts';
import type { Row } from './rows.ts';
import { tableOf } from './tables.ts';

type Counted = { type: 'Counted'; data: { counter: string; by: number } };

const counters: ReadModel<{ total: number }, { Counted: Counted }> = {
  name: 'counters',
  context: 'abacus',
  version: 1,
  sentence: 'Totals of counters.',
  columns: { total: 'integer' },
  indexes: [],
  on: {
    Counted: ({ data: { counter, by } }) =>
      by === 0 ? put(counter, { total: 0 }) : change(counter, ({ total }) => ({ total: total + by })),
  },
};
const model = counters as unknown as ReadModel;
const nowhere = {} as Queryable;

let nth = 0;
function counted(counter: string, by: number): RecordedEvent {
  nth++;
  const event = recorded<Counted>({ type: 'Counted', data: { counter, by } }, { aggregateType: 'Counter', aggregateId: counter, nth });
  return { ...event, position: BigInt(nth) };
}

/** A table in memory that notes what it is asked for; `onRead` runs while a look-up is under way. */
function tableInMemory() {
  const stored = new Map<string, Row>();
  const asked: string[] = [];
  const table = {
    stored,
    asked,
    onRead: (): void => undefined,
    rows: {
      table: tableOf(model),
      read: async (_: Queryable, keys: readonly string[]) => {
        asked.push(...keys);
        const found = new Map(keys.flatMap((key): [string, Row][] => (stored.has(key) ? [[key, stored.get(key)!]] : [])));
        table.onRead();
        return found;
      },
    },
  };
  return table;
}

function commit(fold: Fold, stored: Map<string, Row>): void {
  for (const { key, row } of fold.leave().writes) {
    if (row === undefined) stored.delete(key);
    else stored.set(key, row);
  }
  fold.written();
}

describe('folding into rows', () => {
  it('goes on from a row whose writing ends while others are looked up', async () => {
    const table = tableInMemory();
    table.stored.set('b', { total: 10 });
    const fold = new Fold(model, table.rows, 1_000);
    await fold.take(nowhere, [counted('a', 0), counted('a', 1)]);
    for (const { key, row } of fold.leave().writes) table.stored.set(key, row!);
    table.onRead = () => fold.written();
    await fold.take(nowhere, [counted('a', 1), counted('b', 1)]);
    expect(fold.leave().writes).toMatchObject([
      { key: 'a', row: { total: 2 }, isNew: false },
      { key: 'b', row: { total: 11 }, isNew: false },
    ]);
  });

  it('looks nothing up that it has not put into an empty table itself, and what it has forgotten since', async () => {
    const table = tableInMemory();
    const fold = new Fold(model, table.rows, 4, undefined, true);
    await fold.take(nowhere, [counted('a', 0), counted('never', 1)]);
    commit(fold, table.stored);
    expect(table.asked).toEqual([]);
    for (const other of ['b', 'c', 'd', 'e', 'f']) {
      await fold.take(nowhere, [counted(other, 0)]);
      commit(fold, table.stored);
    }
    expect(table.asked).toEqual([]);
    await fold.take(nowhere, [counted('a', 3)]);
    commit(fold, table.stored);
    expect(table.asked).toEqual(['a']);
    expect(table.stored.get('a')).toEqual({ total: 3 });
  });
});

describe('keys seen', () => {
  it('are never denied, and few that were not seen are claimed', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        const seen = new SeenKeys();
        for (const key of keys) seen.add(key);
        return keys.every((key) => seen.has(key));
      }),
      { numRuns: 20 },
    );
    const seen = new SeenKeys();
    const keyOf = (n: number): string => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
    for (let n = 0; n < 100_000; n++) seen.add(keyOf(n));
    let claimed = 0;
    for (let n = 100_000; n < 200_000; n++) if (seen.has(keyOf(n))) claimed++;
    expect(claimed).toBeLessThan(3_000);
  });
});
