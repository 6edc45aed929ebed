import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { now, type ProcessManager, type ReadModel } from '#domain/kernel/consumer.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { addRows, Outbox } from '#infra/process-managers/outbox.ts';
import { rowsFor } from '#infra/process-managers/reactions.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { readModels } from '#projections/read-models.ts';
import { operations } from './report.ts';

const loader = new URL('../../infra/runtime/typescript.js', import.meta.url).href;
const greeting: ProcessManager = {
  name: 'greet-guests',
  context: 'hotel',
  sentence: 'Greets.',
  on: { GuestCame: () => now({ type: 'Greet', data: { guest: 'ada' } }) },
};

describe('operations', () => {
  let postgres: DisposableServer;
  let database: Database;
  let url: string;
  let engine: ProjectionEngine;
  const log = new MemoryLog();

  /** Starts an engine of some read models, and waits until it serves them. */
  async function serving(models: readonly ReadModel[]): Promise<ProjectionEngine> {
    const started = new ProjectionEngine({
      database,
      models,
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
    });
    started.start();
    expect(await started.positions.waitFor([models[0]!.name], log.head, 10_000)).toBe(true);
    return started;
  }

  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database, url } = await postgres.create());
    log.append(recorded({ type: 'Ignored', data: {} }, { aggregateType: 'Nothing', aggregateId: 'x' }));
    engine = await serving(readModels.slice(0, 2));
    const came = recorded({ type: 'GuestCame', data: {} }, { aggregateType: 'Guest', aggregateId: 'ada' });
    const rows = rowsFor(greeting, came);
    await addRows(database, 1, rows);
    await new Outbox(database, 1).failed(rows[0]!.id, 'Error: no', undefined);
  });
  afterAll(async () => {
    await engine.stop();
    await postgres.dispose();
  });

  /** Runs a program as an operator does; what it printed and its exit code. */
  async function program(name: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
    try {
      const env = { ...process.env, DATABASE_URL: url };
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', loader, file, ...args], { env });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  }

  it('are told to any process: states, positions, lag, what is parked, who works', async () => {
    const report = await operations(database);
    expect(report.consumers).toHaveLength(2);
    expect(report.consumers[0]).toMatchObject({ state: 'live', position: '1000', parked: 0 });
    expect(report.outbox).toMatchObject([{ manager: 'greet-guests', parked: 1, waiting: 0 }]);
    expect(report.leases).toMatchObject([{ name: 'projections', fencingToken: 1 }]);
    expect(report.leases[0]!.secondsLeft).toBeGreaterThan(0);
  });

  it('are listed for an operator', async () => {
    expect((await program('projections', 'list')).out).toContain('live');
    expect((await program('projections', 'copies')).out).toContain('table');
    const outbox = await program('outbox', 'list');
    expect(outbox.out).toContain('greet-guests');
    const letters = await program('dead-letters', 'list');
    expect(letters.out).toContain('process-manager.greet-guests');
    const id = /[0-9a-f-]{36}/.exec(outbox.out)![0];
    expect(letters.out).toContain(id);
    expect(JSON.parse((await program('dead-letters', 'show', id)).out)).toMatchObject({ id, kind: 'process-manager', error: 'Error: no' });
  });

  it('answer what is asked wrongly with how it is done', async () => {
    const name = readModels[0]!.name;
    for (const [program_, ...args] of [
      ['projections', 'pause', name],
      ['projections', 'pause', 'nothing', '--why', 'x'],
      ['projections', 'drop-copy', name],
      ['outbox', 'retry', 'no-id', '--why', 'x'],
      ['dead-letters', 'list', 'nothing'],
      ['dead-letters', 'skip', '01a202b8-bc5a-726a-9b30-b85a8c55a615'],
      ['dead-letters', 'retry'],
      ['dead-letters', 'show', 'no-id'],
      ['dead-letters', 'retry', 'no-id', '--why', 'x'],
    ] as const)
      expect(await program(program_, ...args)).toMatchObject({ code: 2, err: expect.stringContaining('npm run') });
    expect(await program('projections', 'pause', name)).toMatchObject({ err: expect.stringContaining('Say why') });
  });

  it('say which version of a read model nobody keeps up any more, also when an earlier one is back', async () => {
    const [first] = readModels as readonly [ReadModel, ...ReadModel[]];
    const consumer = consumerOf(first);
    const states = async () => {
      const { consumers } = await operations(database);
      return consumers.filter((each) => each.consumer === consumer).map(({ version, state }) => [version, state]);
    };
    const raised = { ...first, version: first.version + 1, columns: { ...first.columns, more: 'text?' as const } };
    await engine.stop();
    engine = await serving([raised]);
    expect(await states()).toEqual([
      [first.version, 'superseded'],
      [raised.version, 'live'],
    ]);
    expect((await program('projections', 'list')).out).toMatch(new RegExp(`${consumer} +${first.version} +superseded`));
    await engine.stop();
    log.append(recorded({ type: 'Ignored', data: {} }, { aggregateType: 'Nothing', aggregateId: 'x', nth: 2 }));
    engine = await serving([first]);
    expect(await states()).toEqual([
      [first.version, 'live'],
      [raised.version, 'superseded'],
    ]);
  });
});
