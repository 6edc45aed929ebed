import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parquetReadObjects } from 'hyparquet';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { AppProcess } from '#app/demo/app-process.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import { Database } from '#infra/postgres/database.ts';
import { projections } from './rebuild-program.ts';

const MODEL = 'identity.user_accounts';

let dir: string;
let app: AppProcess;
let database: Database;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rebuild-by-hand-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  app = await AppProcess.start(dir, { PUBLIC_PORT: '0', INTERNAL_PORT: '0', LOG_LEVEL: 'error' });
  database = new Database(app.addresses.databaseUrl, { max: 2 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await app?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What the operators' program answers. */
async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const program = projections(app.addresses.environmentFile, args);
  const [out, err, [code]] = await Promise.all([text(program.stdout!), text(program.stderr!), once(program, 'close') as Promise<[number]>]);
  return { code, out, err };
}

/** What operators asked of the read models, newest first. */
async function acts(): Promise<{ act: string; why: string; state: string; about: object }[]> {
  const { internalUrl, internalKey } = app.addresses;
  const url = new URL('/internal/operations/acts?group=projections', internalUrl);
  const response = await fetch(url, { headers: signedHeaders({ method: 'GET', url }, internalKey) });
  return ((await response.json()) as { acts: { act: string; why: string; state: string; about: object }[] }).acts;
}

const says = (words: string): string => expect.stringContaining(words) as unknown as string;

describe('An operator of a running system', () => {
  it('rebuilds read models by name, says why, and reads how it goes', async () => {
    expect(await run('rebuild', MODEL)).toMatchObject({ code: 2, err: says('Say why') });
    expect(await run('rebuild', 'nothing', '--why', 'x')).toMatchObject({
      code: 2,
      err: says(`There are\n  identity.parent_consents\n  `),
    });
    expect(await run('rebuild', MODEL, '--lag-limit', 'soon', '--why', 'x')).toMatchObject({ code: 2, err: says('a number of seconds') });
    const { code, out, err } = await run('rebuild', 'user_accounts', 'payments.ledger', '--why', 'monthly');
    expect(code).toBe(0);
    expect(out.match(/^Queries see the new table\.$/gm)).toHaveLength(2);
    expect(out).toMatch(new RegExp(`^${MODEL} at \\d+\n  serving: 1 rows, checksum -?\\d+\n  new:     1 rows, checksum -?\\d+\n`));
    for (const line of [`${MODEL}: filling`, `${MODEL}: swapping`, 'payments.ledger: comparing']) expect(err.split('\n')).toContain(line);
    // Where nobody looks on, nothing is drawn.
    expect(err).not.toContain('\r');
    expect((await acts()).filter(({ act }) => act === 'ReadModelRebuild').reverse()).toMatchObject([
      { about: { consumer: MODEL }, why: 'monthly', state: 'done' },
      { about: { consumer: 'payments.ledger' }, why: 'monthly', state: 'done' },
    ]);
  }, 60_000);

  it('sees what comes out differently, and takes it or leaves it', async () => {
    await database.query(`update identity.user_accounts_v1 set locale = 'xx'`);
    const different = await run('rebuild', MODEL, '--why', 'x');
    expect(different).toMatchObject({ code: 1, out: says('1 rows differ; nothing was changed.') });
    expect(different.out).toMatch(/^ {4}- \{.*"locale":"xx".*\} \(event at \d+\)$/m);
    expect(different.out).toMatch(/^ {4}\+ \{.*"locale":"en.*\} \(event at \d+\)$/m);
    expect((await run('list')).out).toMatch(new RegExp(`^${MODEL}#next +1 +stopped `, 'm'));
    expect((await run('copies')).out).toMatch(new RegExp(`^${MODEL}#next +1 +${MODEL}_v1_next +unfinished$`, 'm'));
    expect(await run('drop-copy', `${MODEL}#next`)).toMatchObject({ code: 0, out: `${MODEL}_v1_next is gone.\n` });
    expect(await run('rebuild', MODEL, '--accept', '--why', 'x')).toMatchObject({ code: 0, out: says('Queries see the new table.') });
    expect(await database.query(`select key from ${MODEL} where locale = 'xx'`)).toEqual([]);
  }, 60_000);

  it('makes a copy as of a position or a time, exports it, and drops it', async () => {
    const [checkpoint] = await database.query<{ position: string }>(
      `select position::text as position from engine.checkpoints where consumer = $1`,
      [MODEL],
    );
    const copy = `${MODEL}@${checkpoint!.position}`;
    expect(await run('rebuild', MODEL, '--as-of', '999999999999', '--why', 'x')).toMatchObject({ code: 2, err: says('The log ends at') });
    expect(await run('rebuild', MODEL, '--as-of', 'yesterday', '--why', 'x')).toMatchObject({ code: 2, err: says('a time with its zone') });
    expect(await run('rebuild', MODEL, '--as-of', '2001-01-01T00:00:00Z', '--why', 'x')).toMatchObject({
      code: 2,
      err: says('begins after'),
    });
    expect(await run('export', copy, '--format', 'csv', '--why', 'x')).toMatchObject({ code: 2, err: says('There is no complete copy') });
    const byPosition = await run('rebuild', MODEL, '--as-of', checkpoint!.position, '--why', 'x');
    expect(byPosition).toMatchObject({ code: 0, out: says(`drop-copy ${copy}`) });
    const byTime = await run('rebuild', 'user_accounts', '--as-of', new Date().toISOString(), '--why', 'x');
    expect(byTime).toMatchObject({ code: 0, out: says('0 events could not be taken in') });
    expect((await run('copies')).out).toContain(copy);

    const folder = mkdtempSync(join(tmpdir(), 'exports-'));
    try {
      const rows = await database.query<{ key: string }>(`select * from ${MODEL}`);
      const to = (format: string): string => join(folder, `accounts.${format}`);
      for (const format of ['csv', 'ndjson', 'parquet'])
        expect(await run('export', copy, '--format', format, '--to', to(format), '--why', 'x')).toMatchObject({
          code: 0,
          out: says('1 rows of'),
        });
      expect(readdirSync(folder)).toHaveLength(6);
      expect(JSON.parse(readFileSync(`${to('parquet')}.manifest.json`, 'utf8'))).toMatchObject({
        readModel: copy,
        format: 'parquet',
        position: checkpoint!.position,
        rows: 1,
      });
      expect(JSON.parse(readFileSync(to('ndjson'), 'utf8'))).toEqual(rows[0]);
      const [read] = (await parquetReadObjects({ file: Uint8Array.from(readFileSync(to('parquet'))).buffer })) as { key: string }[];
      expect(read?.key).toBe(rows[0]?.key);
    } finally {
      rmSync(folder, { recursive: true });
    }
    for (const name of (await run('copies')).out.match(/^\S+@\d+/gm) ?? []) expect((await run('drop-copy', name)).code).toBe(0);
    expect(await run('drop-copy', copy)).toMatchObject({ code: 2, err: says('There is no copy') });
  }, 90_000);

  it('pauses a read model and resumes it; meanwhile it is not rebuilt', async () => {
    expect(await run('pause', MODEL, '--why', 'x')).toMatchObject({ code: 0, out: says('paused at') });
    expect((await run('list')).out).toMatch(new RegExp(`^${MODEL} +1 +paused `, 'm'));
    expect(await run('pause', MODEL, '--why', 'x')).toMatchObject({ code: 0, out: says('already') });
    expect(await run('rebuild', MODEL, '--why', 'x')).toMatchObject({ code: 1, err: says('is paused: resume it first.') });
    expect(await run('resume', MODEL, '--why', 'x')).toMatchObject({ code: 0, out: says('catching up from') });
    const state = async () => {
      const { consumers } = JSON.parse((await run('status')).out) as { consumers: { consumer: string; state: string }[] };
      return consumers.find(({ consumer }) => consumer === MODEL)?.state;
    };
    while ((await state()) === 'building');
    expect(await state()).toBe('live');
  }, 60_000);
});
