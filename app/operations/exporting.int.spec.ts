import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { buildCopy } from '#infra/projections/as-of.ts';
import { RebuildStopped } from '#infra/projections/rebuild.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { readArguments } from './arguments.ts';
import { exportOne } from './exporting.ts';

type GuestCame = { type: 'GuestCame'; data: { guest: string } };
const guests: ReadModel<{ name: string }, { GuestCame: GuestCame }> = {
  name: 'guests',
  context: 'hotel',
  version: 1,
  sentence: 'Guests.',
  columns: { name: 'text' },
  indexes: [],
  on: { GuestCame: ({ data }) => put(data.guest, { name: data.guest }) },
};
const raised = { ...guests, version: 2 };

describe('An export of a copy', () => {
  let postgres: DisposableServer;
  let database: Database;
  let folder: string;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    folder = await mkdtemp(join(tmpdir(), 'export-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is refused while the copy of this version is unfinished, though one of another version is complete', async () => {
    const log = new MemoryLog();
    log.append(recorded<GuestCame>({ type: 'GuestCame', data: { guest: 'ada' } }, { aggregateType: 'Guest', aggregateId: 'ada' }));
    const copying = { database, openFeed: log.feeds(), position: log.head };
    await buildCopy({ ...copying, model: guests });
    await expect(buildCopy({ ...copying, model: raised, signal: AbortSignal.abort() })).rejects.toBeInstanceOf(RebuildStopped);
    const place = { database, record: memoryOperations().record, signal: new AbortController().signal };
    const to = join(folder, 'guests.csv');
    const args = readArguments(['export', '--format', 'csv', '--to', to, '--why', 'case 4711']);
    await expect(exportOne(place, args, raised, String(log.head))).rejects.toThrow('no complete copy');
    await exportOne(place, args, guests, String(log.head));
    expect(await readFile(to, 'utf8')).toContain('ada');
  });

  it('leaves no file when it is interrupted', async () => {
    const log = new MemoryLog();
    log.append(recorded<GuestCame>({ type: 'GuestCame', data: { guest: 'ada' } }, { aggregateType: 'Guest', aggregateId: 'ada' }));
    await buildCopy({ database, openFeed: log.feeds(), position: log.head, model: guests });
    const place = { database, record: memoryOperations().record, signal: AbortSignal.abort() };
    const args = readArguments(['export', '--format', 'csv', '--to', join(folder, 'guests.csv'), '--why', 'case 4711']);
    await expect(exportOne(place, args, guests, String(log.head))).rejects.toThrow('aborted');
    expect(await readdir(folder)).toEqual([]);
  });
});
