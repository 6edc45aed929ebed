import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { ProjectionEngine } from './engine.ts';
import { rebuild, type RebuildOptions, RebuildStopped } from './rebuild.ts';

type CounterEvent = { type: 'Counted'; data: { counter: string; by: number } };
type CounterEvents = { Counted: CounterEvent };

const counters: ReadModel<{ total: number; label: string }, CounterEvents> = {
  name: 'counters',
  context: 'abacus',
  version: 1,
  sentence: 'Counters.',
  columns: { total: 'integer', label: 'text' },
  indexes: [['label', 'total']],
  on: {
    Counted: ({ data }) =>
      data.by === 0
        ? put(data.counter, { total: 0, label: 'new' })
        : change(data.counter, (row) => ({ ...row, total: row.total + data.by })),
  },
};

let nth = 0;
function counted(counter: string, by: number): RecordedEvent<CounterEvent> {
  nth++;
  return {
    ...recorded<CounterEvent>({ type: 'Counted', data: { counter, by } }, { aggregateType: 'Counter', aggregateId: counter, nth }),
    position: BigInt(nth),
  };
}

describe('a rebuild beside the serving table', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let engine: ProjectionEngine;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    log = new MemoryLog();
    for (let counter = 0; counter < 50; counter++) log.append(counted(`c${counter}`, 0));
    for (let step = 0; step < 500; step++) log.append(counted(`c${step % 50}`, 1));
    engine = new ProjectionEngine({
      database,
      models: [counters],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
      leaseTimes: { lifetime: 1_000, beat: 100 },
    });
    engine.start();
    await caughtUp();
  });
  afterEach(() => engine.stop());

  async function caughtUp(): Promise<void> {
    expect(await engine.positions.waitFor(['counters'], log.head, 10_000)).toBe(true);
  }

  async function rows(): Promise<Record<string, object>> {
    const found = await database.query<{ key: string }>('select * from abacus.counters');
    return Object.fromEntries(found.map(({ key, ...row }) => [key, row]));
  }

  const options = (more: Partial<RebuildOptions> = {}): RebuildOptions => ({
    database,
    openFeed: log.feeds({ pageSize: 50 }),
    model: counters,
    accept: false,
    ...more,
  });

  it('takes the place of the old table while events arrive and queries are asked: none fails, none goes back in time', async () => {
    let stopped = false;
    let queries = 0;
    const asking = (async () => {
      let seen = 0;
      while (!stopped) {
        const [row] = await database.query<{ total: number }>(`select total from abacus.counters where key = 'c1'`);
        expect(row!.total).toBeGreaterThanOrEqual(seen);
        seen = row!.total;
        queries++;
      }
    })();
    const counting = (async () => {
      while (!stopped) {
        log.append(counted('c1', 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    try {
      expect(await rebuild(options())).toMatchObject({ state: 'swapped', differences: [] });
      await caughtUp();
    } finally {
      stopped = true;
      await Promise.all([asking, counting]);
    }
    await caughtUp();
    expect(queries).toBeGreaterThan(0);
    expect(await rows()).toEqual(rowsAfter(counters, ...log.events));
    expect(await database.query(`select relname from pg_class where relname like 'counters%' and relkind in ('r', 'v')`)).toHaveLength(2);
    expect(await rebuild(options())).toMatchObject({ state: 'swapped' });
    await caughtUp();
    expect(await rows()).toEqual(rowsAfter(counters, ...log.events));
  });

  it('says which rows differ, with the event that changed each last, and swaps only when that is accepted', async () => {
    await database.query(`update abacus.counters_v1 set total = 999 where key = 'c7'`);
    await database.query(`delete from abacus.counters_v1 where key = 'c8'`);
    const outcome = await rebuild(options());
    expect(outcome.state).toBe('different');
    expect(outcome.before).not.toEqual(outcome.after);
    expect(outcome.differences).toEqual([
      {
        key: 'c7',
        before: { total: 999, label: 'new' },
        after: { total: 10, label: 'new' },
        beforePosition: expect.any(String),
        afterPosition: expect.any(String),
      },
      { key: 'c8', before: null, after: { total: 10, label: 'new' }, beforePosition: null, afterPosition: expect.any(String) },
    ]);
    expect((await rows()).c7).toMatchObject({ total: 999 });
    expect(await rebuild(options({ accept: true }))).toMatchObject({ state: 'swapped' });
    await caughtUp();
    expect(await rows()).toEqual(rowsAfter(counters, ...log.events));
  });

  it('goes on where it was stopped', async () => {
    const stop = new AbortController();
    const firstPositions: bigint[] = [];
    const slow = log.feeds({ pageSize: 50 });
    const broken = rebuild(
      options({
        signal: stop.signal,
        openFeed: (request) =>
          slow({
            ...request,
            onPage: async (page) => {
              await request.onPage(page);
              // Long enough for what is gathered to be written now and then.
              await new Promise((resolve) => setTimeout(resolve, 100));
            },
          }),
        onProgress: (position) => {
          firstPositions.push(position);
          stop.abort();
        },
      }),
    );
    await expect(broken).rejects.toBeInstanceOf(RebuildStopped);
    const from: (bigint | undefined)[] = [];
    const outcome = await rebuild(
      options({
        openFeed: (request) => {
          from.push(request.from);
          return slow(request);
        },
      }),
    );
    expect(from[0]).toBe(firstPositions.at(-1));
    expect(outcome.state).toBe('swapped');
    await caughtUp();
    expect(await rows()).toEqual(rowsAfter(counters, ...log.events));
  });

  it('prepares a version that no running code serves yet, and leaves the view alone', async () => {
    const raised = { ...counters, version: 2 };
    expect(await rebuild(options({ model: raised }))).toMatchObject({ state: 'prepared', after: { rows: 50 } });
    expect(await database.query(`select count(*) as rows from abacus.counters_v2`)).toEqual([{ rows: 50 }]);
    await database.query(`update abacus.counters_v1 set total = -1`);
    expect((await rows()).c1).toMatchObject({ total: -1 });
  });
});
