import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { DomainEvent, RecordedEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { askFor, NoSuchReadModel, NothingHeldBack, type ProjectionAct } from './acts.ts';
import { findParkedKey, listParkedKeys } from './dead-letters.ts';
import { ProjectionEngine } from './engine.ts';
import { rebuild, RebuildStopped } from './rebuild.ts';

type Events = {
  ShelfPut: { type: 'ShelfPut'; data: { shelf: string } };
  BookAdded: { type: 'BookAdded'; data: { shelf: string; title: string } };
};
type Shelves = ReadModel<{ books: number; last: string }, Events>;

const mended: Shelves = {
  name: 'shelves',
  context: 'library',
  version: 1,
  sentence: 'How many books each shelf has.',
  columns: { books: 'integer', last: 'text' },
  indexes: [],
  on: {
    ShelfPut: ({ data }) => put(data.shelf, { books: 0, last: '' }),
    BookAdded: ({ data }) => change(data.shelf, (row) => ({ books: row.books + 1, last: data.title })),
  },
};
const broken: Shelves = {
  ...mended,
  on: {
    ...mended.on,
    BookAdded: ({ data }) => {
      if (data.title === 'cursed') throw new Error('nobody may read this');
      return change(data.shelf, (row) => ({ books: row.books + 1, last: data.title }));
    },
  },
};
const operator = { who: 'ada', why: 'case 4711' };
const consumer = 'library.shelves';
const place = { scope: 'stream' as const, key: 'Shelf-a' };

describe('What operators do to a read model', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let record: OperationsRecord;
  let onRecord: DomainEvent[];
  let nth = 0;
  const running: ProjectionEngine[] = [];

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    ({ record, events: onRecord } = memoryOperations());
    log = new MemoryLog();
    happened('ShelfPut', { shelf: 'a' });
    happened('BookAdded', { shelf: 'a', title: 'first' });
    happened('BookAdded', { shelf: 'a', title: 'cursed' });
    happened('BookAdded', { shelf: 'a', title: 'next' });
  });
  afterEach(stopAll);

  async function stopAll(): Promise<void> {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
  }

  function happened<T extends keyof Events>(type: T, data: Events[T]['data']): void {
    nth++;
    const event = recorded({ type, data }, { aggregateType: 'Shelf', aggregateId: data.shelf, nth });
    log.append({ ...event, position: BigInt(nth * 100) } as RecordedEvent);
  }

  async function lead(model: Shelves = broken): Promise<ProjectionEngine> {
    const engine = new ProjectionEngine({
      database,
      models: [model],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
      leaseTimes: { lifetime: 1_000, beat: 100 },
      record,
    });
    engine.start();
    running.push(engine);
    expect(await engine.positions.waitFor([consumer], log.head, 10_000)).toBe(true);
    return engine;
  }

  const rows = async (): Promise<Record<string, object>> =>
    Object.fromEntries((await database.query<{ key: string }>('select * from library.shelves')).map(({ key, ...row }) => [key, row]));
  const withoutTheCursed = () => rowsAfter(mended, ...log.events.filter(({ data }) => (data as { title?: string }).title !== 'cursed'));
  const did = async (act: ProjectionAct) => record.outcomeOf(await askFor({ database, record }, act, operator), 10_000);
  const skip = { act: 'skip', consumer, place } as const;
  const retry = { act: 'retry', consumer, place } as const;

  it('still holds when the database is lost: what was given up stays out of every replay', async () => {
    await lead();
    expect(await did(skip)).toMatchObject({ state: 'done' });
    expect(await rows()).toEqual(withoutTheCursed());
    await stopAll();
    ({ database } = await postgres.create());
    await lead();
    expect(await rows()).toEqual(withoutTheCursed());
    expect(await listParkedKeys(database)).toMatchObject([{ ...place, consumer, parked: false, behind: 0 }]);
  });

  it('holds in a rebuild, and in the next version', async () => {
    await lead();
    await did(skip);
    const outcome = await rebuild({ database, openFeed: log.feeds(), model: broken, accept: false });
    expect(outcome).toMatchObject({ state: 'swapped', differences: [] });
    expect(await rows()).toEqual(withoutTheCursed());
    await stopAll();
    await lead({ ...broken, version: 2 });
    expect(await rows()).toEqual(withoutTheCursed());
    expect(await listParkedKeys(database)).toMatchObject([{ parked: false }]);
  });

  it('holds though it was done while a rebuild that held the event back was under way', async () => {
    await lead();
    const stop = new AbortController();
    const filled = rebuild({
      database,
      openFeed: log.feeds(),
      model: broken,
      accept: false,
      signal: stop.signal,
      onStage: (stage) => stage === 'following' && stop.abort(),
    });
    await expect(filled).rejects.toBeInstanceOf(RebuildStopped);
    await did(skip);
    expect(await rebuild({ database, openFeed: log.feeds(), model: broken, accept: true })).toMatchObject({ state: 'swapped' });
    expect(await listParkedKeys(database)).toMatchObject([{ parked: true, eventType: 'BookAdded', behind: 0, error: null }]);
    expect(await did(retry)).toMatchObject({ state: 'done' });
    expect(await rows()).toEqual(withoutTheCursed());
    expect(await listParkedKeys(database)).toMatchObject([{ parked: false }]);
  });

  it('is taken back for a rebuild that was begun before, too', async () => {
    await lead();
    await did(skip);
    const begun = rebuild({ database, openFeed: log.feeds(), model: mended, accept: false, signal: AbortSignal.abort() });
    await expect(begun).rejects.toBeInstanceOf(RebuildStopped);
    await stopAll();
    await lead(mended);
    expect(await did(retry)).toMatchObject({ state: 'done' });
    const outcome = await rebuild({ database, openFeed: log.feeds(), model: mended, accept: false, fresh: true });
    expect(outcome).toMatchObject({ state: 'swapped', differences: [] });
    expect(await rows()).toEqual(rowsAfter(mended, ...log.events));
    expect(await listParkedKeys(database)).toEqual([]);
  });

  it('can be taken back once the cause is mended; before that it stays as it is', async () => {
    await lead();
    await did(skip);
    expect(await did(retry)).toMatchObject({ state: 'failed' });
    expect(await rows()).toEqual(withoutTheCursed());
    happened('BookAdded', { shelf: 'a', title: 'later' });
    await stopAll();
    await lead(mended);
    expect(await rows()).toEqual(withoutTheCursed());
    expect(await did(retry)).toMatchObject({ state: 'done' });
    expect(await rows()).toEqual(rowsAfter(mended, ...log.events));
    expect(await listParkedKeys(database)).toEqual([]);
    await stopAll();
    ({ database } = await postgres.create());
    await lead(mended);
    expect(await rows()).toEqual(rowsAfter(mended, ...log.events));
  });

  it.each(['skip', 'pause'] as const)('is done once, though whoever did it died before it could say so (%s)', async (act) => {
    await lead();
    const asked = await askFor({ database, record }, act === 'skip' ? skip : { act, consumer }, operator);
    expect(await record.outcomeOf(asked, 10_000)).toMatchObject({ state: 'done' });
    await stopAll();
    ({ record, events: onRecord } = memoryOperations(onRecord.slice(0, -1)));
    const engine = new ProjectionEngine({
      database,
      models: [broken],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
      leaseTimes: { lifetime: 1_000, beat: 100 },
      record,
    });
    engine.start();
    running.push(engine);
    expect(await record.outcomeOf(asked, 10_000)).toMatchObject({ state: 'done', outcome: expect.stringContaining('already') });
  });

  it('keeps no read model from its work when it cannot be carried out, and is once it can', async () => {
    const engine = await lead();
    await database.query(`create sequence attempts;
      create function refuse() returns trigger language plpgsql as $$ begin perform nextval('public.attempts'); raise exception 'not now'; end $$;
      create trigger refuse before update on engine.checkpoints for each row when (new.state = 'paused') execute function refuse()`);
    const asked = await askFor({ database, record }, { act: 'pause', consumer }, operator);
    const isTried = async () => (await database.query<{ is_called: boolean }>('select is_called from attempts'))[0]!.is_called;
    while (!(await isTried())) await new Promise((resolve) => setTimeout(resolve, 20));
    happened('ShelfPut', { shelf: 'b' });
    expect(await engine.positions.waitFor([consumer], log.head, 10_000)).toBe(true);
    await database.query('drop trigger refuse on engine.checkpoints');
    expect(await record.outcomeOf(asked, 10_000)).toMatchObject({ state: 'done', outcome: `paused at ${log.head}` });
  });

  it('is refused for what does not exist, before it is on record', async () => {
    await lead();
    const parts = { database, record };
    await expect(askFor(parts, { act: 'pause', consumer: 'library.nothing' }, operator)).rejects.toThrow(NoSuchReadModel);
    await expect(askFor(parts, { ...skip, place: { scope: 'row', key: 'z' } }, operator)).rejects.toThrow(NothingHeldBack);
    await expect(askFor(parts, { ...retry, place: { scope: 'row', key: 'z' } }, operator)).rejects.toThrow(NothingHeldBack);
    await expect(askFor(parts, skip, { who: 'ada', why: ' ' })).rejects.toThrow('who does it and why');
    expect(onRecord).toEqual([]);
  });

  it('reaches what the version holds back that serves again, after its successor was taken back', async () => {
    await lead({ ...broken, version: 2 });
    await stopAll();
    happened('ShelfPut', { shelf: 'b' });
    await lead(broken);
    expect(await listParkedKeys(database)).toMatchObject([{ ...place, version: 1, parked: true, behind: 1 }]);
    expect(await did(skip)).toMatchObject({ state: 'done' });
    expect(await listParkedKeys(database)).toMatchObject([{ ...place, parked: false }]);
  });

  it('finds one key among many, and reads nothing of the others', async () => {
    await lead();
    const [parked] = await listParkedKeys(database);
    await database.execute(
      `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error)
       select $1, 1, 'row', 'key ' || n, n, gen_random_uuid(), 'BookAdded', 'Shelf-x', n, 'Error' from generate_series(1, 100) as n`,
      [consumer],
    );
    const errorsRead: object[] = [];
    const counting: Queryable = {
      query: async (...statement) => {
        const found = await database.query(...statement);
        errorsRead.push(...found.filter((row) => 'error' in row));
        return found as never;
      },
      execute: (...statement) => database.execute(...statement),
    };
    expect(await findParkedKey(counting, parked!.id)).toEqual(parked);
    expect(errorsRead).toHaveLength(1);
    expect(await findParkedKey(counting, '01a202b8-bc5a-726a-9b30-b85a8c55a615')).toBeUndefined();
  });

  it('tells what it is: the key that is held back, what failed there, and how much stands behind', async () => {
    await lead();
    expect(await listParkedKeys(database)).toMatchObject([
      {
        ...place,
        consumer,
        version: 1,
        parked: true,
        eventType: 'BookAdded',
        attempts: 1,
        behind: 1,
        error: expect.stringContaining('Error'),
      },
    ]);
    const acts = await record.latest('projections', 10);
    expect(acts).toEqual([]);
    await did(skip);
    expect(await record.latest('projections', 10)).toMatchObject([
      { act: 'DeadLetterSkip', ...operator, state: 'done', about: { consumer, ...place, eventType: 'BookAdded' } },
    ]);
  });
});
