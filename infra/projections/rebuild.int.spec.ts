import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rowsAfter } from '#domain/kernel/given-when-then.ts';
import { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { askFor, type ProjectionAct } from './acts.ts';
import { Abacus, counters } from './counters.examples.ts';
import { NotRebuildable, type RebuildStage, RebuildStopped } from './rebuild.ts';

describe('a rebuild beside the serving table', () => {
  let postgres: DisposableServer;
  let database: Database;
  let url: string;
  let abacus: Abacus;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database, url } = await postgres.create());
    abacus = await Abacus.start(database);
  });
  afterEach(() => abacus.engine.stop());

  async function expectAsReplayed(): Promise<void> {
    await abacus.caughtUp();
    expect(await abacus.rows()).toEqual(rowsAfter(counters, ...abacus.log.events));
  }

  async function actOf(act: 'pause' | 'resume'): Promise<void> {
    const asked: ProjectionAct = { act, consumer: 'abacus.counters' };
    const { record } = abacus;
    expect(await record.outcomeOf(await askFor({ database, record }, asked, { who: 'ops', why: 'spec' }), 10_000)).toMatchObject({
      state: 'done',
    });
  }

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
        abacus.count('c1', 1);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    try {
      for (let time = 0; time < 5; time++) expect(await abacus.rebuild()).toMatchObject({ state: 'swapped', differences: [] });
      await abacus.caughtUp();
    } finally {
      stopped = true;
      await Promise.all([asking, counting]);
    }
    expect(queries).toBeGreaterThan(0);
    await expectAsReplayed();
    expect(await database.query(`select relname from pg_class where relname like 'counters%' and relkind in ('r', 'v')`)).toHaveLength(2);
    // The engine goes on with each new table as a matter of course.
    expect(abacus.troubles).toEqual([]);
  });

  it('says which rows differ, with the event that changed each last, and swaps only when that is accepted', async () => {
    await database.query(`update abacus.counters_v1 set total = 999 where key = 'c7'`);
    await database.query(`delete from abacus.counters_v1 where key = 'c8'`);
    const outcome = await abacus.rebuild();
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
    expect((await abacus.rows()).c7).toMatchObject({ total: 999 });
    expect(await abacus.rebuild({ accept: true })).toMatchObject({ state: 'swapped', before: outcome.before, after: outcome.after });
    await expectAsReplayed();
  });

  it('finds differences however many rows go meanwhile', async () => {
    for (let counter = 0; counter < 1_500; counter++) abacus.count(`m${counter}`, 0);
    abacus.count('z', 0);
    const behind = new MemoryLog();
    behind.append(...abacus.log.events);
    const [from, head] = [abacus.log.events.length, abacus.log.head];
    for (let counter = 0; counter < 1_500; counter++) abacus.drop(`m${counter}`);
    await abacus.caughtUp();
    await database.query(`update abacus.counters_v1 set total = -1, _position = ${head} where key = 'z'`);
    // When the tables are compared first, the serving one has left out rows that the new one still holds.
    const onStage = (stage: RebuildStage): void => {
      if (stage === 'swapping' && behind.head === head) behind.append(...abacus.log.events.slice(from));
    };
    const outcome = await abacus.rebuild({ openFeed: behind.feeds({ pageSize: 500 }), onStage });
    expect(outcome).toMatchObject({ state: 'different', differences: [{ key: 'z', before: { total: -1 }, after: { total: 0 } }] });
  });

  it('goes on where it was stopped, unless other code runs now or a fresh start is asked for', async () => {
    /** From where a rebuild reads first; it is stopped when `stopAfter` says so. */
    const readFrom = async (more: Parameters<Abacus['rebuild']>[0], stopAfter?: (position: bigint) => boolean) => {
      const from: (bigint | undefined)[] = [];
      const stop = new AbortController();
      let written = -1n;
      const slow = abacus.feedsThatWait(async () => {
        // Long enough for what is gathered to be written now and then.
        if (stopAfter !== undefined) await new Promise((resolve) => setTimeout(resolve, 100));
      });
      const outcome = abacus.rebuild({
        ...more,
        signal: stop.signal,
        openFeed: (request) => {
          from.push(request.from);
          return slow(request);
        },
        onProgress: (position) => {
          written = position;
          if (stopAfter?.(position) === true) stop.abort();
        },
      });
      if (stopAfter === undefined) expect((await outcome).state).toBe('swapped');
      else await expect(outcome).rejects.toBeInstanceOf(RebuildStopped);
      return { from: from[0], written };
    };
    const first = await readFrom({ codeVersion: 'one' }, () => true);
    const second = await readFrom({ codeVersion: 'one' });
    expect(second.from).toBe(first.written);
    await expectAsReplayed();
    await readFrom({ codeVersion: 'one' }, () => true);
    expect((await readFrom({ codeVersion: 'two' }, () => true)).from).toBeUndefined();
    expect((await readFrom({ codeVersion: 'two', fresh: true })).from).toBeUndefined();
    await expectAsReplayed();
  });

  it('lets the live engine go when the last events take long to read, and finishes when they do not', async () => {
    const stages: RebuildStage[] = [];
    let held = false;
    const openFeed = abacus.feedsThatWait(async () => {
      // The first time that the engine is held, reading takes longer than Postgres lets a transaction do nothing.
      if (!held || !stages.includes('swapping')) return;
      held = false;
      await new Promise((resolve) => setTimeout(resolve, 6_000));
    });
    const outcome = await abacus.rebuild({
      openFeed,
      onStage: (stage) => {
        if (stage === 'swapping' && !stages.includes('swapping')) {
          // The serving table is ahead when it is held.
          held = true;
          abacus.count('c1', 1);
        }
        stages.push(stage);
      },
    });
    expect(outcome).toMatchObject({ state: 'swapped', differences: [] });
    await expectAsReplayed();
  }, 40_000);

  it('waits for a query under way without letting later ones wait behind it', async () => {
    const reader = new Database(url, { max: 1 });
    const done = Promise.withResolvers<void>();
    const reading = Promise.withResolvers<void>();
    const long = reader.transaction(async (transaction) => {
      await transaction.query(`set local idle_in_transaction_session_timeout = '1min'`);
      await transaction.query('select count(*) from abacus.counters');
      reading.resolve();
      await done.promise;
    });
    await reading.promise;
    const waited = Promise.withResolvers<void>();
    const rebuilt = abacus.rebuild({ onStage: (stage) => stage === 'waiting' && waited.resolve() });
    await waited.promise;
    expect((await abacus.rows()).c1).toMatchObject({ total: 10 });
    done.resolve();
    await long;
    await reader.close();
    expect(await rebuilt).toMatchObject({ state: 'swapped' });
  });

  it('is refused while the read model is paused; one that is resumed after a rebuild goes on', async () => {
    expect(await abacus.rebuild()).toMatchObject({ state: 'swapped' });
    await actOf('pause');
    await expect(abacus.rebuild()).rejects.toBeInstanceOf(NotRebuildable);
    abacus.count('c1', 1);
    await actOf('resume');
    await expectAsReplayed();
    expect(abacus.troubles).toEqual([]);
  });

  it('leaves everybody the right to read that they were given, also when a version is raised', async () => {
    const reader = `analyst_${new URL(url).pathname.slice(1)}`;
    await database.query(`create role ${reader} nologin; grant select on abacus.counters to ${reader}`);
    expect(await abacus.rebuild()).toMatchObject({ state: 'swapped' });
    const mayRead = async () => database.query(`select has_table_privilege('${reader}', 'abacus.counters', 'select') as may`);
    expect(await mayRead()).toEqual([{ may: true }]);
    await database.query(`drop view abacus.counters; create view abacus.counters as select 1 as other`);
    await database.query(`grant select on abacus.counters to ${reader}`);
    expect(await abacus.rebuild()).toMatchObject({ state: 'swapped' });
    expect(await mayRead()).toEqual([{ may: true }]);
    await expectAsReplayed();
  });

  it('keeps what an operator gave up given up', async () => {
    const [event] = abacus.log.events.filter(({ data }) => (data as { counter: string }).counter === 'c9').slice(-1);
    await database.query(
      `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error, skipped)
       values ('abacus.counters', 1, 'row', 'c9', $1, $2, 'Counted', $3, 1, 'no', true)`,
      [String(event!.position), event!.id, event!.stream],
    );
    await database.query(`update abacus.counters_v1 set total = 9 where key = 'c9'`);
    for (let time = 0; time < 2; time++) expect(await abacus.rebuild()).toMatchObject({ state: 'swapped', differences: [] });
    expect((await abacus.rows()).c9).toMatchObject({ total: 9 });
  });

  it('prepares a version that no running code serves yet, and leaves the view alone', async () => {
    const raised = { ...counters, version: 2 };
    expect(await abacus.rebuild({ model: raised })).toMatchObject({ state: 'prepared', after: { rows: 50 } });
    expect(await database.query(`select count(*) as rows from abacus.counters_v2`)).toEqual([{ rows: 50 }]);
    await database.query(`update abacus.counters_v1 set total = -1`);
    expect((await abacus.rows()).c1).toMatchObject({ total: -1 });
    await expect(abacus.rebuild({ model: raised })).rejects.toBeInstanceOf(NotRebuildable);
    // The engine of that version goes on where the rebuild ended, however many rebuilds there were before it.
    const position = await database.query(`select position::text as position, state from engine.checkpoints where version = 2`);
    expect(position).toEqual([{ position: String(abacus.log.head), state: 'building' }]);
  });
});
