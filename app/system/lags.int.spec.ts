import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { now, put, type ProcessManager, type ReadModel } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { InProcessFanOut } from '#infra/fan-out/fan-out.ts';
import { AliasedIndex } from '#infra/opensearch/aliased-index.ts';
import { feedingClient } from '#infra/opensearch/client.ts';
import { IndexFeeder } from '#infra/opensearch/index-feeder.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { FrameStore } from '#realtime/frame-store.ts';
import { NoticeEngine } from '#realtime/notice-engine.ts';
import { lagChecks } from './lags.ts';
import { Vitals } from './vitals.ts';

const guests: ReadModel = {
  name: 'guests',
  context: 'hotel',
  version: 1,
  sentence: 'Guests.',
  columns: { came: 'boolean' },
  indexes: [],
  on: { GuestCame: ({ aggregateId }) => put(aggregateId, { came: true }) },
};
const greeting: ProcessManager = {
  name: 'greet-guests',
  context: 'hotel',
  sentence: 'Greets.',
  on: { GuestCame: ({ aggregateId }) => now({ type: 'Greet', data: { guest: aggregateId } }) },
};

/** Failures in a row that are waited for: the pauses between them grow to over half a second, and each begins the work anew. */
const FAILURES = 6;

describe('What fails again and again is seen to fall behind', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let failures: number[];
  let heard: () => void;
  const running: { stop(): Promise<void> }[] = [];
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    log = new MemoryLog();
    failures = [];
    heard = () => undefined;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
  });

  const onError = (): void => {
    failures.push(performance.now());
    heard();
  };
  const failed = (times: number): Promise<void> =>
    new Promise((resolve) => {
      heard = () => (failures.length >= times ? resolve() : undefined);
      heard();
    });
  const secondsSinceTheFirst = () => (performance.now() - failures[0]!) / 1_000;
  const comes = (nth: number) =>
    log.append({
      ...recorded({ type: 'GuestCame', data: {} }, { aggregateType: 'Guest', aggregateId: 'ada', nth }),
      position: BigInt(nth * 100),
    });

  /** From now on nothing can be noted in this column of a checkpoint. */
  const breakCheckpoints = async (column: string): Promise<void> => {
    await database.query("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$");
    await database.query(
      `create trigger refuse before update on engine.checkpoints for each row
       when (old.${column} is distinct from new.${column}) execute function refuse()`,
    );
  };
  const mendCheckpoints = () => database.query('drop function refuse cascade');

  async function projections(): Promise<ProjectionEngine> {
    const engine = new ProjectionEngine({
      database,
      models: [guests],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError,
    });
    running.push(engine);
    comes(1);
    engine.start();
    expect(await engine.positions.waitFor(['guests'], log.head, 10_000)).toBe(true);
    return engine;
  }

  function managers(): ProcessManagerEngine {
    const engine = new ProcessManagerEngine({
      database,
      openFeed: log.feeds(),
      clock: new MovableClock(),
      commands: { send: () => Promise.reject(new Error('Nobody is greeted here.')) },
      effects: [],
      load: () => Promise.reject(new Error('Nothing is loaded here.')),
      managers: [greeting],
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError,
    });
    running.push(engine);
    return engine;
  }

  const checksOf = (engine: ProjectionEngine, frames?: { lagSeconds: number | undefined }) =>
    lagChecks({
      projections: engine,
      managers: managers(),
      roles: new Set(['projections']),
      search: undefined,
      realtime: frames,
      vitals: new Vitals({ database, log: pino({ level: 'silent' }) }),
    });

  it('read models whose work fails, until it goes on', async () => {
    const engine = await projections();
    const lag = () => engine.report()?.models[0]?.lagSeconds ?? engine.idleLagSeconds!;
    await breakCheckpoints('position');
    comes(2);
    await failed(FAILURES);
    expect(lag()).toBeGreaterThanOrEqual(secondsSinceTheFirst());
    await mendCheckpoints();
    expect(await engine.positions.waitFor(['guests'], log.head, 30_000)).toBe(true);
    while (lag() > 0) await new Promise(setImmediate);
  });

  it('read models whose work cannot even begin: the process is not told to be fine because another one works', async () => {
    const engine = await projections();
    await breakCheckpoints('position');
    await database.query('alter table engine.dead_letters rename to gone');
    comes(2);
    await failed(FAILURES);
    while (engine.report() !== undefined) await new Promise(setImmediate);
    const { projections: check } = checksOf(engine);
    const since = secondsSinceTheFirst();
    expect((await check!()).lagSeconds).toBeGreaterThanOrEqual(since);
  });

  it('process managers', async () => {
    const engine = managers();
    engine.start();
    while (engine.lagSeconds !== 0) await new Promise(setImmediate);
    await breakCheckpoints('position');
    comes(1);
    await failed(FAILURES);
    expect(engine.lagSeconds).toBeGreaterThanOrEqual(secondsSinceTheFirst());
  });

  it('frames to clients whose work cannot begin, until it goes on', async () => {
    const engine = new NoticeEngine({
      notices: [
        {
          name: 'guest-notices',
          context: 'hotel',
          on: { GuestCame: ({ aggregateId }) => ({ type: 'guest.came', to: [aggregateId], data: {} }) },
        },
      ],
      store: new FrameStore(database),
      openFeed: log.feeds(),
      fanOut: new InProcessFanOut(),
      clock: new MovableClock(),
      onError,
      leadership: { database },
    });
    running.push(engine);
    await database.query('alter table engine.checkpoints rename to gone');
    engine.start();
    await failed(FAILURES);
    const since = secondsSinceTheFirst();
    expect(engine.lagSeconds).toBeGreaterThanOrEqual(since);
    await database.query('alter table engine.gone rename to checkpoints');
    while (engine.lagSeconds !== 0) await new Promise(setImmediate);
  });

  it.each([
    [29, { ok: true, lagSeconds: 29 }],
    [31, { ok: true, degraded: true, lagSeconds: 31 }],
    [undefined, { ok: true, detail: 'another process does the work' }],
  ])('frames that are %s s behind: from half a minute on the process says so, and serves all the same', async (lagSeconds, told) => {
    const { realtime } = checksOf(await projections(), { lagSeconds });
    expect(await realtime!()).toEqual(told);
  });

  it('a search index whose OpenSearch is gone', async () => {
    await projections();
    const client = feedingClient('http://127.0.0.1:1');
    const feeder = new IndexFeeder({
      database,
      index: new AliasedIndex(client, { alias: 'guests', version: 1, fields: {} }),
      model: guests,
      consumer: 'search.guests',
      documentOf: (row) => row,
      onError,
    });
    running.push(feeder);
    feeder.start();
    await failed(FAILURES);
    expect(feeder.lagSeconds).toBeGreaterThanOrEqual(secondsSinceTheFirst());
  });
});
