import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  it('let an operator list the read models and pause one, who must say why', async () => {
    const name = readModels[0]!.name;
    expect((await program('projections', 'list')).out).toContain('live');
    expect(await program('projections', 'pause', name)).toMatchObject({ code: 2, err: expect.stringContaining('Say why') });
    expect(await program('projections', 'pause', name, '--why', 'maintenance')).toMatchObject({
      code: 0,
      out: expect.stringContaining('paused at'),
    });
    expect((await program('projections', 'list')).out).toContain('paused');
    expect(await program('projections', 'pause', name, '--why', 'again')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is not live'),
    });
    expect(await program('projections', 'resume', name, '--why', 'over')).toMatchObject({ code: 0 });
    expect(await program('projections', 'pause', 'nothing', '--why', 'x')).toMatchObject({ code: 2 });
  });

  it('let an analyst export a read model, to the standard output or a file, with a manifest', async () => {
    const name = readModels[0]!.name;
    const { code, out, err } = await program('projections', 'export', name, '--format', 'csv');
    expect(code).toBe(0);
    expect(out).toMatch(/^key,.*\r\n$/);
    const manifest = JSON.parse(err.slice(err.indexOf('{'))) as object;
    expect(manifest).toMatchObject({
      format: 'csv',
      rows: 0,
      position: '1000',
      codeVersion: expect.stringMatching(/^[0-9a-f]{40}(-dirty)?$|^\d+\.\d+\.\d+/),
      sha256: createHash('sha256').update(out).digest('hex'),
    });
    const dir = mkdtempSync(join(tmpdir(), 'export-'));
    try {
      const file = join(dir, 'rows.csv');
      expect(await program('projections', 'export', name, '--format', 'csv', '--to', file)).toMatchObject({ code: 0 });
      expect(readFileSync(file, 'utf8')).toBe(out);
      expect(JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8'))).toEqual(manifest);
      expect(readdirSync(dir)).toHaveLength(2);
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(await program('projections', 'export', name)).toMatchObject({ code: 2 });
    expect(await program('projections', 'export', `${name}@7`, '--format', 'csv')).toMatchObject({ code: 2 });
    expect(await program('projections', 'drop-copy', name)).toMatchObject({ code: 2 });
    expect((await program('projections', 'copies')).out).toContain('table');
  });

  it('let an operator list what is parked and retry it', async () => {
    const { out } = await program('outbox', 'list');
    expect(out).toContain('greet-guests');
    const id = /[0-9a-f-]{36}/.exec(out)![0];
    expect(await program('outbox', 'retry', id, '--why', 'mended')).toMatchObject({ code: 0 });
    expect((await operations(database)).outbox).toMatchObject([{ waiting: 1, parked: 0 }]);
    expect(await program('outbox', 'retry', id, '--why', 'mended')).toMatchObject({ code: 1 });
    expect(await database.query(`select act, why from engine.operator_acts where act = 'retry'`)).toEqual([
      { act: 'retry', why: 'mended' },
    ]);
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
    const lines = await program('projections', 'pause', consumer, '--why', 'nobody runs');
    expect(lines).toMatchObject({ code: 1, err: expect.stringContaining('no process with the role projections runs') });
    log.append(recorded({ type: 'Ignored', data: {} }, { aggregateType: 'Nothing', aggregateId: 'x', nth: 2 }));
    engine = await serving([first]);
    expect(await states()).toEqual([
      [first.version, 'live'],
      [raised.version, 'superseded'],
    ]);
  });
});
