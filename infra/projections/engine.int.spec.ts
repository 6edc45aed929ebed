import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { change, put, type ReadModel, remove } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import { MemoryLog, type MemoryFeedOptions } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { askFor } from './acts.ts';
import { listLetters } from './dead-letters.ts';
import { ProjectionEngine } from './engine.ts';

interface Shelf {
  title: string;
  books: number;
  labels: readonly string[];
  note: { text: string } | null;
  openedAt: string;
}

type ShelfEvent =
  | { type: 'ShelfPut'; data: { shelf: string; title: string; note: string | null } }
  | { type: 'BookAdded'; data: { shelf: string; label: string } }
  | { type: 'ShelfMoved'; data: { from: string; to: string } }
  | { type: 'ShelfBurnt'; data: { shelf: string } }
  | { type: 'Ignored'; data: object };
type ShelfEvents = { [E in ShelfEvent as E['type']]: E };

const shelves: ReadModel<Shelf, ShelfEvents> = {
  name: 'bookShelves',
  context: 'library',
  version: 1,
  sentence: 'Shelves with the number of their books.',
  columns: { title: 'text', books: 'integer', labels: 'text[]', note: 'json?', openedAt: 'instant' },
  indexes: [['title', 'books'], 'using gin (labels)'],
  on: {
    ShelfPut: ({ data, at }) =>
      put(data.shelf, { title: data.title, books: 0, labels: [], note: data.note === null ? null : { text: data.note }, openedAt: at }),
    BookAdded: ({ data }) => change(data.shelf, (row) => ({ ...row, books: row.books + 1, labels: [...row.labels, data.label] })),
    ShelfMoved: ({ data }) => [
      change(data.from, (row) => ({ ...row, note: null })),
      change(data.to, (row) => ({ ...row, title: `${row.title}'` })),
    ],
    ShelfBurnt: ({ data }) => remove(data.shelf),
  },
};

const totals: ReadModel<{ books: number }, ShelfEvents> = {
  name: 'totals',
  context: 'library',
  version: 1,
  sentence: 'How many books each label has.',
  columns: { books: 'bigint' },
  indexes: [],
  on: {
    BookAdded: ({ data }) => {
      if (data.label === 'cursed') throw new Error('nobody@example.org may read this');
      return data.label === 'new' ? put(data.label, { books: 1 }) : change(data.label, (row) => ({ books: row.books + 1 }));
    },
    ShelfPut: ({ data }) => put(data.title, { books: 0 }),
  },
};

const operator = { who: 'ada', why: 'the cause is mended' };

function changesOf(label: string) {
  return label === 'new' ? [put(label, { books: 1 })] : [change<{ books: number }>(label, (row) => ({ books: row.books + 1 }))];
}

let nth = 0;
function happened(event: ShelfEvent, stream = 'shelf' in event.data ? event.data.shelf : 'somewhere'): RecordedEvent<ShelfEvent> {
  nth++;
  return { ...recorded(event, { aggregateType: 'Shelf', aggregateId: stream, nth }), position: BigInt(nth * 100) };
}

const shelfName = fc.constantFrom('a', 'b', 'c', 'd');
const anyEvent: fc.Arbitrary<ShelfEvent> = fc
  .oneof(
    fc.record({
      type: fc.constant('ShelfPut' as const),
      data: fc.record({ shelf: shelfName, title: fc.string(), note: fc.option(fc.string()) }),
    }),
    fc.record({ type: fc.constant('BookAdded' as const), data: fc.record({ shelf: shelfName, label: fc.string({ maxLength: 3 }) }) }),
    fc.record({ type: fc.constant('ShelfMoved' as const), data: fc.record({ from: shelfName, to: shelfName }) }),
    fc.record({ type: fc.constant('ShelfBurnt' as const), data: fc.record({ shelf: shelfName }) }),
    fc.constant({ type: 'Ignored' as const, data: {} }),
  )
  .filter((event) => !JSON.stringify(event).includes('\\u0000'));

const quick = { lifetime: 1_000, beat: 100 };

describe('the projection engine', () => {
  let postgres: DisposableServer;
  let database: Database;
  let url: string;
  let log: MemoryLog;
  let record: OperationsRecord;
  const running: ProjectionEngine[] = [];
  const errors: unknown[] = [];

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database, url } = await postgres.create());
    log = new MemoryLog();
    ({ record } = memoryOperations());
    errors.length = 0;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
  });

  function engineOf(models: readonly ReadModel[], feed: MemoryFeedOptions = {}): ProjectionEngine {
    const engine = new ProjectionEngine({
      database,
      models,
      openFeed: log.feeds(feed),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: (error) => errors.push(error),
      leaseTimes: quick,
      record,
    });
    engine.start();
    running.push(engine);
    return engine;
  }

  async function rowsOf<R extends object>(view: string): Promise<Record<string, R>> {
    const rows = await database.query<{ key: string }>(`select * from ${view}`);
    return Object.fromEntries(rows.map(({ key, ...row }) => [key, row as R]));
  }

  /** Rows as the table names its columns. */
  function shelvesIn(rows: Readonly<Record<string, Shelf>>): Record<string, object> {
    return Object.fromEntries(Object.entries(rows).map(([key, { openedAt, ...row }]) => [key, { ...row, opened_at: openedAt }]));
  }

  async function caughtUp(engine: ProjectionEngine, models: readonly ReadModel[] = [shelves]): Promise<void> {
    expect(
      await engine.positions.waitFor(
        models.map(({ name }) => name),
        log.head,
        10_000,
      ),
    ).toBe(true);
  }

  it('shows rows as the events say, live and from the past', async () => {
    log.append(happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'Poems', note: null } }));
    const engine = engineOf([shelves, totals]);
    await caughtUp(engine, [shelves, totals]);
    log.append(
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'with "quotes", \\ and ,' } }),
      happened({ type: 'Ignored', data: {} }),
    );
    await caughtUp(engine, [shelves, totals]);
    expect(await rowsOf('library.book_shelves')).toEqual({
      a: { title: 'Poems', books: 1, labels: ['with "quotes", \\ and ,'], note: null, opened_at: '2026-11-23T12:00:00.000Z' },
    });
    expect(errors).toEqual([]);
  });

  it('gives the same rows live, page by page twice over, and rebuilt from nothing, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (story, pageSize) => {
        ({ database } = await postgres.create());
        log = new MemoryLog();
        nth = 0;
        const events = story.map((event) => happened(event));
        const expected = shelvesIn(rowsAfter(shelves, ...events));

        log.append(...events.slice(0, 10));
        const live = engineOf([shelves], { pageSize, everyPageTwice: true });
        for (const event of events.slice(10, 20)) log.append(event);
        await caughtUp(live);
        log.append(...events.slice(20));
        await caughtUp(live);
        expect(await rowsOf('library.book_shelves')).toEqual(expected);
        await live.stop();

        ({ database } = await postgres.create());
        const rebuilt = engineOf([shelves]);
        await caughtUp(rebuilt);
        expect(await rowsOf('library.book_shelves')).toEqual(expected);
        await rebuilt.stop();
        expect(errors).toEqual([]);
      }),
      { numRuns: 15 },
    );
  }, 120_000);

  it('fills a table of many rows by COPY and folds on from what it wrote', async () => {
    for (let shelf = 0; shelf < 3_000; shelf++)
      log.append(happened({ type: 'ShelfPut', data: { shelf: `s${shelf}`, title: 'tab\tline\nback\\', note: 'x' } }));
    for (let shelf = 0; shelf < 3_000; shelf++) log.append(happened({ type: 'BookAdded', data: { shelf: `s${shelf}`, label: '\\N' } }));
    const engine = engineOf([shelves], { pageSize: 700 });
    await caughtUp(engine);
    expect(await rowsOf('library.book_shelves')).toEqual(shelvesIn(rowsAfter(shelves, ...log.events)));
  });

  it('fills the tables of a raised version beside the old ones, which keep serving until then', async () => {
    log.append(happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'Poems', note: null } }));
    const first = engineOf([shelves]);
    await caughtUp(first);
    await first.stop();
    const second = engineOf([
      {
        ...shelves,
        version: 2,
        on: {
          ShelfPut: ({ data, at }: RecordedEvent<ShelfEvents['ShelfPut']>) =>
            put(data.shelf, { title: `${data.title}!`, books: 7, labels: [], note: null, openedAt: at }),
        },
      },
    ]);
    await caughtUp(second);
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { title: 'Poems!', books: 7 } });
    expect(await rowsOf('library.book_shelves_v1')).toMatchObject({ a: { title: 'Poems', books: 0 } });
  });

  it('parks a stream whose event cannot be handled and goes on with all others', async () => {
    log.append(
      happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'old', note: null } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'cursed' } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'old' } }),
      happened({ type: 'BookAdded', data: { shelf: 'b', label: 'old' } }),
    );
    const engine = engineOf([shelves, totals]);
    await caughtUp(engine, [shelves, totals]);
    expect(await rowsOf('library.totals')).toEqual({ old: { books: 1 } });
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 2 } });
    expect(await database.query('select scope, key, event_type, error from engine.dead_letters order by position')).toEqual([
      { scope: 'stream', key: 'Shelf-a', event_type: 'BookAdded', error: 'Error: [address] may read this' },
      { scope: 'stream', key: 'Shelf-a', event_type: 'BookAdded', error: null },
    ]);
  });

  it.each(['live', 'rebuilt'])('parks a row that Postgres refuses, with what follows for it, and stores all others (%s)', async (way) => {
    log.append(happened({ type: 'Ignored', data: {} }));
    const story = [
      happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'zero \u0000', note: null } }),
      happened({ type: 'ShelfPut', data: { shelf: 'b', title: 'fine', note: null } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'l' } }),
      happened({ type: 'BookAdded', data: { shelf: 'b', label: 'l' } }),
    ];
    if (way === 'rebuilt') log.append(...story);
    const engine = engineOf([shelves]);
    await caughtUp(engine);
    if (way === 'live') log.append(...story);
    await caughtUp(engine);
    expect(await rowsOf('library.book_shelves')).toMatchObject({ b: { title: 'fine', books: 1 } });
    expect(Object.keys(await rowsOf('library.book_shelves'))).toEqual(['b']);
    expect(await database.query('select scope, key, error is null as behind from engine.dead_letters order by position')).toEqual([
      { scope: 'row', key: 'a', behind: false },
      { scope: 'row', key: 'a', behind: true },
    ]);
    expect(errors).toEqual([]);
  });

  it('takes in what was held back, as a fresh replay would, once the cause is mended; before that a retry changes nothing', async () => {
    log.append(
      happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'old', note: null } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'cursed' } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'old' } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'new' } }),
      happened({ type: 'BookAdded', data: { shelf: 'b', label: 'old' } }),
    );
    const act = { act: 'retry' as const, consumer: 'library.totals', place: { scope: 'stream' as const, key: 'Shelf-a' } };
    const broken = engineOf([totals]);
    await caughtUp(broken, [totals]);
    expect(await record.outcomeOf(await askFor({ database, record }, act, operator), 5_000)).toMatchObject({ state: 'failed' });
    expect(await rowsOf('library.totals')).toEqual({ old: { books: 1 } });
    expect(await listLetters(database, { consumer: 'library.totals' })).toMatchObject([{ attempts: 2 }, { attempts: 1 }, { attempts: 1 }]);
    await broken.stop();

    const mended = {
      ...totals,
      on: { ...totals.on, BookAdded: ({ data }: RecordedEvent<ShelfEvents['BookAdded']>) => [...changesOf(data.label)] },
    };
    const engine = engineOf([mended]);
    log.append(
      happened({ type: 'BookAdded', data: { shelf: 'b', label: 'new' } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'old' } }),
    );
    await caughtUp(engine, [mended]);
    expect(await record.outcomeOf(await askFor({ database, record }, act, operator), 5_000)).toMatchObject({ state: 'done' });
    expect(await rowsOf('library.totals')).toEqual(rowsAfter(mended, ...log.events));
    expect(await listLetters(database)).toEqual([]);
    log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'old' } }));
    await caughtUp(engine, [mended]);
    expect(await rowsOf('library.totals')).toEqual(rowsAfter(mended, ...log.events));
  });

  it('leaves out the one event that an operator gives up, also in the next rebuild, and takes in what stood behind it', async () => {
    log.append(
      happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'fine', note: null } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'zero \u0000' } }),
      happened({ type: 'BookAdded', data: { shelf: 'a', label: 'next' } }),
    );
    const engine = engineOf([shelves]);
    await caughtUp(engine);
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 0 } });
    const act = { act: 'skip' as const, consumer: 'library.book_shelves', place: { scope: 'row' as const, key: 'a' } };
    expect(await record.outcomeOf(await askFor({ database, record }, act, operator), 5_000)).toMatchObject({ state: 'done' });
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 1, labels: ['next'] } });
    await engine.stop();

    const changed = engineOf([{ ...shelves, indexes: [] }]);
    log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'last' } }));
    await caughtUp(changed);
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 2, labels: ['next', 'last'] } });
  });

  it('pauses one read model, and lets it catch up when it is resumed', async () => {
    const engine = engineOf([shelves, totals]);
    log.append(happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'old', note: null } }));
    await caughtUp(engine, [shelves, totals]);
    await record.outcomeOf(await askFor({ database, record }, { act: 'pause', consumer: 'library.totals' }, operator), 5_000);
    log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'old' } }));
    await caughtUp(engine, [shelves]);
    expect(await rowsOf('library.totals')).toEqual({ old: { books: 0 } });
    expect(engine.report()?.models.map(({ consumer, state }) => [consumer, state])).toEqual([
      ['library.book_shelves', 'live'],
      ['library.totals', 'paused'],
    ]);
    await record.outcomeOf(await askFor({ database, record }, { act: 'resume', consumer: 'library.totals' }, operator), 5_000);
    await caughtUp(engine, [shelves, totals]);
    expect(await rowsOf('library.totals')).toEqual({ old: { books: 1 } });
  });

  it('survives the loss of its connections at any moment, with each event counted once', async () => {
    const engine = engineOf([shelves], { pageSize: 3 });
    log.append(happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'Poems', note: null } }));
    const killer = new Database(url, { max: 1, applicationName: 'killer' });
    for (let book = 0; book < 200; book++) {
      log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'l' } }));
      if (book % 20 === 0) {
        await killer.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'chalkstream'",
        );
      }
    }
    await caughtUp(engine);
    await killer.close();
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 200 } });
  });

  it('leaves the work to one engine at a time; the next goes on where the first stopped', async () => {
    const first = engineOf([shelves]);
    log.append(happened({ type: 'ShelfPut', data: { shelf: 'a', title: 'Poems', note: null } }));
    await caughtUp(first);
    const second = engineOf([shelves]);
    log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'l' } }));
    await caughtUp(second);
    expect(second.report()).toBeUndefined();
    await first.stop();
    log.append(happened({ type: 'BookAdded', data: { shelf: 'a', label: 'l' } }));
    await caughtUp(second);
    expect(second.report()?.models).toMatchObject([{ consumer: 'library.book_shelves', state: 'live', position: String(log.head) }]);
    expect(await rowsOf('library.book_shelves')).toMatchObject({ a: { books: 2 } });
  });

  it('says no when a position does not come in time', async () => {
    log.append(happened({ type: 'Ignored', data: {} }));
    const engine = engineOf([shelves]);
    await caughtUp(engine);
    expect(await engine.positions.waitFor(['library.bookShelves'], log.head + 1n, 50)).toBe(false);
    await expect(engine.positions.waitFor(['nothing'], 10n, 50)).rejects.toThrow('There is no read model nothing.');
  });
});
