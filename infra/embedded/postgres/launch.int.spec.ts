import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { isRunning } from '../supervision/processes.ts';
import { launchPostgres } from './launch.ts';

const loader = new URL('../../runtime/typescript.js', import.meta.url).href;
const launchModule = new URL('./launch.ts', import.meta.url).href;

/** An application that starts Postgres on `dir`, says where it is, and stays. */
async function startApplication(dir: string) {
  const source = `
    const { launchPostgres } = await import(${JSON.stringify(launchModule)});
    const server = await launchPostgres({ dir: ${JSON.stringify(dir)} });
    console.log(JSON.stringify({ url: await server.ensureDatabase('story'), keeperPid: server.keeperPid, port: server.port }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())));
  const said = JSON.parse(line) as { url: string; keeperPid: number; port: number };
  return {
    ...said,
    killNine: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded Postgres', () => {
  let root: string;
  let dir: string;
  beforeEach(() => {
    // mkdtemp closes the folder to everyone else, as a home folder may be.
    root = mkdtempSync(join(tmpdir(), 'postgres-spec-'));
    dir = join(root, 'postgres');
  });
  afterEach(() => {
    const note = join(dir, 'location.json');
    if (existsSync(note)) rmSync((JSON.parse(readFileSync(note, 'utf8')) as { path: string }).path, { recursive: true });
    rmSync(root, { recursive: true });
  });

  it('keeps its rows and its port over a stop and a start, under a folder closed to other users', async () => {
    const first = await launchPostgres({ dir });
    const url = await first.ensureDatabase('story');
    await query(url, 'CREATE TABLE chapter (title text); CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist');
    await query(url, "INSERT INTO chapter VALUES ('one')");
    await first.stop();
    expect(isRunning(first.keeperPid)).toBe(false);

    const second = await launchPostgres({ dir });
    expect(second.port).toBe(first.port);
    expect(await query(await second.ensureDatabase('story'), 'SELECT title, lower($$ÉCOLE$$) AS folded FROM chapter')).toEqual([
      { title: 'one', folded: 'école' },
    ]);
    expect(await query(second.url('story'), 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    await second.stop();
  });

  it('waits for the disk unless its files are disposable, and even then leaves no process behind', async () => {
    const server = await launchPostgres({ dir, disposable: true });
    expect(await query(await server.ensureDatabase('story'), 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
    await server.stop();
    expect(isRunning(server.keeperPid)).toBe(false);
  });

  it('starts again at once after a kill -9 of the application, with every committed row', async () => {
    const application = await startApplication(dir);
    await query(application.url, 'CREATE TABLE chapter (title text)');
    await query(application.url, "INSERT INTO chapter VALUES ('one')");
    await application.killNine();

    const next = await launchPostgres({ dir });
    expect(await query(next.url('story'), 'SELECT title FROM chapter')).toEqual([{ title: 'one' }]);
    expect(isRunning(application.keeperPid)).toBe(false);
    await next.stop();
  });

  it('starts again after a kill -9 of both the application and the keeper, which orphans the server', async () => {
    const application = await startApplication(dir);
    await query(application.url, 'CREATE TABLE chapter (title text)');
    process.kill(application.keeperPid, 'SIGKILL');
    await application.killNine();

    const next = await launchPostgres({ dir });
    expect(await query(next.url('story'), 'SELECT title FROM chapter')).toEqual([]);
    await next.stop();
  });

  it('refuses a folder that a living application uses', async () => {
    const application = await startApplication(dir);
    await expect(launchPostgres({ dir })).rejects.toThrow(/in use by process \d+/);
    expect(await query(application.url, 'SELECT 1 AS still')).toEqual([{ still: 1 }]);
    await application.killNine();
    await (await launchPostgres({ dir })).stop();
  });

  it('ignores what a first start that was killed half-way left behind', async () => {
    const unfinished = await launchPostgres({ dir });
    await unfinished.stop();
    const note = join(dir, 'location.json');
    const files = existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as { path: string }).path : dir;
    rmSync(join(files, 'data'), { recursive: true });
    mkdirSync(join(files, 'data.new', 'half-written'), { recursive: true });

    const server = await launchPostgres({ dir });
    expect(await query(server.url('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
  });
});
