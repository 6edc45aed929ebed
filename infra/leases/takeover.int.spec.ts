import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { advanceCheckpoints, CheckpointMoved, claimCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { addRows, Outbox } from '#infra/process-managers/outbox.ts';
import { rowsFor } from '#infra/process-managers/reactions.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { Lease, LEASE_TIMES } from './lease.ts';
import { runEngines, striking, tickOf } from './spec-worker.ts';

const worker = fileURLToPath(new URL('./spec-worker.ts', import.meta.url));
const loader = new URL('../runtime/typescript.js', import.meta.url).href;

describe('a takeover', () => {
  let postgres: DisposableServer;
  let database: Database;
  let url: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database, url } = await postgres.create());
    await database.query(
      'create table struck (command_id uuid, clock text, tick integer, struck_by text, at timestamptz default clock_timestamp())',
    );
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function startWorker(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--import', loader, worker, url, 'first'], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  /** Resolves when the worker has done some work of both kinds. */
  async function underWay(): Promise<void> {
    for (;;) {
      const [{ struck, position }] = (await database.query<{ struck: number; position: number }>(
        `select (select count(*) from struck where struck_by = 'first') as struck,
           (select coalesce(max(position), 0) from engine.checkpoints where consumer = 'takeover.clocks') as position`,
      )) as [{ struck: number; position: number }];
      if (struck > 50 && position > 50) return;
      await delay(20);
    }
  }

  /** How far a frozen worker has come, once what was on its way to the server has arrived: the same for a second, with none of its statements under way. */
  async function positionAtRest(): Promise<number> {
    let known = -1;
    for (let looksAlike = 0; looksAlike < 10;) {
      await delay(100);
      const [{ position, busy }] = (await database.query<{ position: number; busy: number }>(
        `select (select max(position) from engine.checkpoints) as position,
           (select count(*) from pg_stat_activity where application_name = 'first' and state = 'active') as busy`,
      )) as [{ position: number; busy: number }];
      looksAlike = position === known && busy === 0 ? looksAlike + 1 : 0;
      known = position;
    }
    return known;
  }

  async function tokens(): Promise<string> {
    return JSON.stringify(await database.query('select name, fencing_token from engine.leases order by name'));
  }

  /** Whether each lease has been taken since. */
  async function areAllGreater(before: string): Promise<boolean> {
    const then = JSON.parse(before) as { name: string; fencing_token: number }[];
    const taken = JSON.parse(await tokens()) as typeof then;
    return taken.every(({ name, fencing_token: token }) => token > (then.find((lease) => lease.name === name)?.fencing_token ?? 0));
  }

  /** A successor in this process on the same log of a certain length, until it has taken over and carried everything out. */
  async function succeed(ticks: number, meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const log = new MemoryLog();
    for (let nth = 1; nth <= ticks; nth++) log.append(tickOf(nth));
    const predecessor = await tokens();
    const successor = runEngines(url, 'second', log);
    try {
      for (;;) {
        const [{ left, least }] = (await database.query<{ left: number; least: number }>(
          `select (select count(*) from engine.outbox where state = 'pending') as left, min(position) as least from engine.checkpoints`,
        )) as [{ left: number; least: number }];
        // What the predecessor left may be nothing.
        if (left === 0 && least >= ticks && (await areAllGreater(predecessor))) break;
        await delay(20);
      }
      await meanwhile();
    } finally {
      await successor.stop();
    }
  }

  async function expectAllDone(ticks: number): Promise<void> {
    const struck = await database.query<{ clock: string; tick: number; times: number }>(
      'select clock, tick, count(*) as times from struck group by clock, tick order by clock, min(at), tick',
    );
    const expected = Array.from({ length: ticks }, (_, nth) => nth + 1);
    expect(struck.map(({ tick }) => tick).toSorted((a, b) => a - b)).toEqual(expected);
    for (let clock = 0; clock < 7; clock++) {
      const order = struck.filter((each) => each.clock === `clock-${clock}`).map(({ tick }) => tick);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
    expect(await database.query('select key, ticks, last from takeover.clocks order by key')).toEqual(
      Array.from({ length: 7 }, (_, clock) => {
        const those = expected.filter((tick) => tick % 7 === clock);
        return { key: `clock-${clock}`, ticks: those.length, last: those.at(-1) };
      }),
    );
  }

  it('follows a kill -9 within ten seconds, by the times that leases have', () => {
    expect(LEASE_TIMES.lifetime + LEASE_TIMES.beat).toBeLessThan(10_000);
  });

  it('follows a kill -9, and nothing is lost, out of order or counted twice', async () => {
    const child = await startWorker();
    await underWay();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [last] = await database.query<{ position: number }>('select max(position) as position from engine.checkpoints');
    await succeed(last!.position + 100);
    await expectAllDone(last!.position + 100);
    // At most what was under way at the kill was sent again: one command an instance.
    const again = await database.query('select tick from struck group by tick having count(*) > 1');
    expect(again.length).toBeLessThanOrEqual(7);
  });

  it('cannot be undone by a frozen process that wakes up: it writes nothing more and sends nothing more', async () => {
    const child = await startWorker();
    await underWay();
    child.kill('SIGSTOP');
    // So close behind that the sleeper's very next page would go beyond.
    const ticks = await positionAtRest();
    await succeed(ticks, async () => {
      const before = await tokens();
      const [{ taken }] = (await database.query<{ taken: string }>(
        `select min(at)::text as taken from struck where struck_by = 'second'`,
      )) as [{ taken: string }];
      child.kill('SIGCONT');
      // The sleeper goes on where it was and must find out; its log runs on meanwhile.
      for (let look = 0; look < 100; look++) {
        await delay(10);
        const rows = await database.query(`select 1 from engine.checkpoints where position > $1`, [ticks]);
        expect(rows).toEqual([]);
      }
      expect(await tokens()).toBe(before);
      // What was on its way to the server when it froze may arrive; nothing is begun.
      const late = await database.query(`select tick from struck where struck_by = 'first' and at > $1`, [taken]);
      expect(late.length).toBeLessThanOrEqual(7);
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await expectAllDone(ticks);
  });
});

describe('a fencing token', () => {
  let postgres: DisposableServer;
  let database: Database;
  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database } = await postgres.create());
  });
  afterAll(() => postgres.dispose());

  it('that is outdated moves no checkpoint, in whatever order the writes come', async () => {
    const consumers = [{ consumer: 'takeover.clocks', version: 1, generation: 0 }];
    await claimCheckpoints(database, 1, consumers, 'live');
    await advanceCheckpoints(database, 1, consumers, 10n);
    await claimCheckpoints(database, 2, consumers, 'live');
    await expect(advanceCheckpoints(database, 1, consumers, 20n)).rejects.toBeInstanceOf(CheckpointMoved);
    await claimCheckpoints(database, 1, consumers, 'live');
    await expect(advanceCheckpoints(database, 1, consumers, 20n)).rejects.toBeInstanceOf(CheckpointMoved);
    await advanceCheckpoints(database, 2, consumers, 20n);
  });

  it('that is outdated ends no row of the outbox and parks none', async () => {
    const [row] = rowsFor(striking, tickOf(1));
    await addRows(database, 1, [row!]);
    await new Outbox(database, 2).claim();
    const outdated = new Outbox(database, 1);
    expect(await outdated.end(row!.id, 'done')).toBe(false);
    await outdated.failed(row!.id, 'no', undefined);
    expect(await database.query('select state, attempts from engine.outbox')).toEqual([{ state: 'pending', attempts: 0 }]);
    expect(await new Outbox(database, 2).end(row!.id, 'done')).toBe(true);
  });
});

describe('a lease', () => {
  let postgres: DisposableServer;
  let database: Database;
  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database } = await postgres.create());
  });
  afterAll(() => postgres.dispose());

  it('has one holder, and a greater token for each', async () => {
    const takers = await Promise.all(Array.from({ length: 10 }, () => Lease.take(database, 'one')));
    const [first, ...others] = takers.filter((lease) => lease !== undefined);
    expect(others).toEqual([]);
    await first!.release();
    const second = await Lease.take(database, 'one');
    expect(second!.token).toBeGreaterThan(first!.token);
    expect(() => first!.assertHeld()).toThrow('The lease one has been lost.');
    await second!.release();
  });

  it('is renewed while its holder lives, and lost when somebody else has taken it', async () => {
    const lease = (await Lease.take(database, 'two', { lifetime: 300, beat: 50 }))!;
    await delay(600);
    expect(await Lease.take(database, 'two')).toBeUndefined();
    lease.assertHeld();
    await database.query(`update engine.leases set fencing_token = fencing_token + 1 where name = 'two'`);
    await once(lease.lost, 'abort');
    expect(() => lease.assertHeld()).toThrow('The lease two has been lost.');
    await lease.release();
  });
});
