import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parquetReadObjects } from 'hyparquet';
import { createHash } from 'node:crypto';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { buildCopy, dropCopy, listCopies, placeAsOf } from './as-of.ts';
import { ProjectionEngine } from './engine.ts';
import { type ExportFormat, exportRows, type Manifest, TableBusy } from './export.ts';
import { servingPlace } from './members.ts';
import { rebuild, RebuildStopped, RebuildUnderWay } from './rebuild.ts';

type Saved = { type: 'Saved'; data: { key: string; note: string | null; tags: string[]; more: object } };
type Raised = { type: 'Raised'; data: { key: string } };
type NoteRow = { note: string | null; tags: string[]; more: object; times: number; savedAt: string };

const notes: ReadModel<NoteRow, { Saved: Saved; Raised: Raised }> = {
  name: 'notes',
  context: 'desk',
  version: 3,
  sentence: 'Notes.',
  columns: { note: 'text?', tags: 'text[]', more: 'json', times: 'integer', savedAt: 'instant' },
  indexes: [['times']],
  on: {
    Saved: ({ data: { key, ...row }, at }) => put(key, { ...row, times: 0, savedAt: at }),
    Raised: ({ data }) => change(data.key, (row) => ({ ...row, times: row.times + 1 })),
  },
};

let nth = 0;
function happened(event: Saved | Raised): RecordedEvent {
  nth++;
  return { ...recorded<Saved | Raised>(event, { aggregateType: 'Note', aggregateId: event.data.key, nth }), position: BigInt(nth) };
}
const saved = (key: string, note: string | null = null, tags: string[] = []): RecordedEvent =>
  happened({ type: 'Saved', data: { key, note, tags, more: { b: 1, a: [true] } } });
const raised = (key: string): RecordedEvent => happened({ type: 'Raised', data: { key } });

describe('read models for analysts', () => {
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
    nth = 0;
    log = new MemoryLog();
    log.append(saved('b', 'says "so", twice\nand more', ['x,y']), saved('a', ''), saved('Z', 'plain'), saved('é'));
    engine = new ProjectionEngine({
      database,
      models: [notes],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
    });
    engine.start();
    await caughtUp();
  });
  afterEach(() => engine.stop());

  async function caughtUp(): Promise<void> {
    expect(await engine.positions.waitFor(['notes'], log.head, 10_000)).toBe(true);
  }

  async function exported(format: ExportFormat, place = servingPlace(notes)): Promise<{ text: string; bytes: Buffer; manifest: Manifest }> {
    const pieces: Buffer[] = [];
    const manifest = await exportRows({
      database,
      source: { consumer: place.consumer, version: notes.version, table: place.table },
      format,
      codeVersion: 'abc',
      write: async (piece) => {
        pieces.push(piece);
      },
    });
    expect(manifest.sha256).toBe(createHash('sha256').update(Buffer.concat(pieces)).digest('hex'));
    const bytes = Buffer.concat(pieces);
    return { text: bytes.toString(), bytes, manifest };
  }

  it('come out as CSV, ordered by key, with what they are and where they come from', async () => {
    const { text, manifest } = await exported('csv');
    const [b, a, z, e] = log.events.map((event) => event.at);
    expect(text).toBe(
      [
        'key,note,tags,more,times,saved_at',
        `Z,plain,[],"{""a"":[true],""b"":1}",0,${z}`,
        `a,"",[],"{""a"":[true],""b"":1}",0,${a}`,
        `b,"says ""so"", twice\nand more","[""x,y""]","{""a"":[true],""b"":1}",0,${b}`,
        `é,,[],"{""a"":[true],""b"":1}",0,${e}`,
        '',
      ].join('\r\n'),
    );
    expect(manifest).toMatchObject({ readModel: 'desk.notes', version: 3, position: '4', codeVersion: 'abc', rows: 4 });
  });

  it('come out as NDJSON, a value a line', async () => {
    const { text } = await exported('ndjson');
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(['Z', 'a', 'b', 'é']);
    expect(JSON.parse(lines[2]!)).toEqual({
      key: 'b',
      note: 'says "so", twice\nand more',
      tags: ['x,y'],
      more: { b: 1, a: [true] },
      times: 0,
      saved_at: log.events[0]!.at,
    });
  });

  it('come out as Parquet, as other readers understand it', async () => {
    const { bytes, manifest } = await exported('parquet');
    const read = (await parquetReadObjects({ file: Uint8Array.from(bytes).buffer })) as Record<string, unknown>[];
    const rows = await database.query<{ saved_at: string }>('select * from desk.notes order by key collate "C"');
    expect(read).toEqual(rows.map((row) => ({ ...row, saved_at: new Date(row.saved_at) })));
    expect(manifest).toMatchObject({ format: 'parquet', columns: Object.keys(read[0]!), rows: 4, position: '4' });
    expect((await exported('parquet')).manifest).toEqual(manifest);
  });

  it('have the same digest as long as the rows are the same, in whatever order they were written', async () => {
    const before = (await exported('ndjson')).manifest;
    await database.query(`update desk.notes_v3 set times = times where key in ('a', 'Z')`);
    expect((await exported('ndjson')).manifest).toEqual(before);
    expect(await rebuild({ database, openFeed: log.feeds(), model: notes, accept: false })).toMatchObject({ state: 'swapped' });
    expect((await exported('ndjson')).manifest).toEqual(before);
    log.append(raised('a'));
    await caughtUp();
    const after = (await exported('ndjson')).manifest;
    expect(after.position).toBe('5');
    expect(after.sha256).not.toBe(before.sha256);
  });

  it('do not change under an export: more than a page of rows is as it was at one position', async () => {
    for (let n = 0; n < 1_500; n++) log.append(saved(`n${n}`));
    await caughtUp();
    const place = servingPlace(notes);
    const pieces: string[] = [];
    const manifest = await exportRows({
      database,
      source: { consumer: place.consumer, version: 3, table: place.table },
      format: 'ndjson',
      codeVersion: 'abc',
      write: async (piece) => {
        pieces.push(piece.toString());
        if (pieces.length !== 2) return;
        for (let n = 0; n < 1_500; n++) log.append(raised(`n${n}`));
        await caughtUp();
        await expect(rebuild({ database, openFeed: log.feeds(), model: notes, accept: false })).rejects.toBeInstanceOf(RebuildUnderWay);
        await expect(exported('csv')).rejects.toBeInstanceOf(TableBusy);
      },
    });
    expect(manifest).toMatchObject({ position: '1504', rows: 1_504 });
    expect(pieces.join('')).not.toContain('"times":1');
  });

  it('can be had as they were: a copy in a table of its own, listed and dropped, and the serving one is not touched', async () => {
    log.append(raised('a'), raised('b'), saved('late'));
    await caughtUp();
    const serving = await database.query('select * from desk.notes order by key');
    const copy = await buildCopy({ database, openFeed: log.feeds({ pageSize: 2 }), model: notes, position: 5n });
    expect(copy).toEqual({ name: 'desk.notes@5', version: 3, table: 'desk.notes_v3_at_5', position: 5n, complete: true });
    const rows = await database.query<{ key: string }>(
      'select key, note, tags, more, times, saved_at as "savedAt" from desk.notes_v3_at_5 order by key',
    );
    expect(Object.fromEntries(rows.map(({ key, ...row }) => [key, row]))).toEqual(rowsAfter(notes, ...log.events.slice(0, 5)));
    expect(await database.query('select * from desk.notes order by key')).toEqual(serving);
    expect((await exported('csv', placeAsOf(notes, 5n))).manifest).toMatchObject({ readModel: 'desk.notes@5', position: '5', rows: 4 });

    log.append(raised('a'));
    await caughtUp();
    expect(await buildCopy({ database, openFeed: log.feeds(), model: notes, position: 5n })).toEqual(copy);
    expect(await listCopies(database)).toEqual([copy]);
    expect(await dropCopy(database, 'desk.notes@5')).toEqual([copy]);
    expect(await listCopies(database)).toEqual([]);
    expect(await dropCopy(database, 'desk.notes@5')).toEqual([]);
    expect(await database.query(`select relname from pg_class where relname like 'notes%' and relkind in ('r', 'v')`)).toHaveLength(2);
    expect(await dropCopy(database, 'desk.notes')).toEqual([]);
  });

  it('leaves a copy that was stopped unfinished, and finishes it at the next call', async () => {
    for (let n = 0; n < 100; n++) log.append(raised('a'));
    const stop = new AbortController();
    const feeds = log.feeds({ pageSize: 20 });
    const request = { database, model: notes, position: 80n };
    const halting: typeof feeds = (asked) =>
      feeds({
        ...asked,
        onPage: async (page) => {
          await asked.onPage(page);
          stop.abort();
        },
      });
    const stopped = buildCopy({ ...request, signal: stop.signal, openFeed: halting });
    await expect(stopped).rejects.toBeInstanceOf(RebuildStopped);
    expect(await listCopies(database)).toMatchObject([{ name: 'desk.notes@80', complete: false }]);
    expect(await buildCopy({ ...request, openFeed: feeds })).toMatchObject({ complete: true });
    expect(await database.query(`select times from desk.notes_v3_at_80 where key = 'a'`)).toEqual([{ times: 76 }]);
  });
});
