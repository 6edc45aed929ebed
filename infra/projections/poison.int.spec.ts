import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { askFor, type ProjectionAct } from './acts.ts';
import { listLetters } from './dead-letters.ts';
import { ProjectionEngine } from './engine.ts';
import { rebuild } from './rebuild.ts';

type Posted = { type: 'Posted'; data: { board: string; note: string; text: string } };
type Counted = { type: 'Counted'; data: { board: string; notes: readonly string[]; by: number } };
type BoardEvents = { Posted: Posted; Counted: Counted };

/** Texts that the function of the notes cannot take in. */
let cursed: Set<string>;

const notes: ReadModel<{ text: string; count: number }, BoardEvents> = {
  name: 'notes',
  context: 'boards',
  version: 1,
  sentence: 'Notes on boards, with a number each.',
  columns: { text: 'text', count: 'integer' },
  indexes: [],
  on: {
    Posted: ({ data: { note, text } }) => {
      if (cursed.has(text)) throw new Error(`cannot take in ${text}`);
      if (text === 'nothing') return undefined as unknown as [];
      return put(note, { text, count: 0 });
    },
    Counted: ({ data: { notes: counted, by } }) => counted.map((note) => change(note, (row) => ({ ...row, count: row.count + by }))),
  },
};
const consumer = 'boards.notes';
const operator = { who: 'ada', why: 'the cause is mended' };
const TOO_MUCH = 2 ** 31;

describe('A poisoned event of a read model', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let record: OperationsRecord;
  const running: ProjectionEngine[] = [];
  const errors: unknown[] = [];
  let nth = 0;

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    log = new MemoryLog();
    ({ record } = memoryOperations());
    cursed = new Set();
    errors.length = 0;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
    expect(errors).toEqual([]);
  });

  function happened(event: Posted | Counted): RecordedEvent {
    nth++;
    return { ...recorded(event, { aggregateType: 'Board', aggregateId: event.data.board, nth }), position: BigInt(nth * 100) };
  }
  const posted = (board: string, note: string, text = note): RecordedEvent => happened({ type: 'Posted', data: { board, note, text } });
  const counted = (board: string, by: number, ...of: string[]): RecordedEvent =>
    happened({ type: 'Counted', data: { board, notes: of, by } });

  function engineOf(parts: { openFeed?: OpenFeed; readEvent?: MemoryLog['readEvent'] } = {}): ProjectionEngine {
    const engine = new ProjectionEngine({
      database,
      models: [notes],
      openFeed: parts.openFeed ?? log.feeds(),
      readEvent: parts.readEvent ?? ((stream, revision) => log.readEvent(stream, revision)),
      onError: (error) => errors.push(error),
      record,
    });
    engine.start();
    running.push(engine);
    return engine;
  }

  async function caughtUp(engine: ProjectionEngine): Promise<void> {
    expect(await engine.positions.waitFor(['notes'], log.head, 20_000)).toBe(true);
  }

  async function rows(): Promise<Record<string, unknown>> {
    const found = await database.query<{ key: string; text: string; count: number }>('select * from boards.notes');
    return Object.fromEntries(found.map(({ key, ...row }) => [key, row]));
  }

  const act = (what: 'retry' | 'skip', scope: 'stream' | 'row', key: string): ProjectionAct => ({
    act: what,
    consumer,
    place: { scope, key },
  });

  async function outcome(asked: ProjectionAct): Promise<{ state: string; outcome: string } | undefined> {
    return record.outcomeOf(await askFor({ database, record }, asked, operator), 20_000);
  }

  const letters = async () =>
    (await listLetters(database)).map(({ scope, key, error }) => [scope, key, error === null ? 'behind' : 'failed']);

  it.each(['live', 'rebuilt'])('holds back only the rows that are refused, though it stands with others in one page (%s)', async (way) => {
    log.append(posted('x', 'x'));
    const story = [
      ...['a', 'b', 'c', 'd'].map((note) => posted(note, note)),
      counted('a', TOO_MUCH, 'a'),
      counted('b', 1, 'b'),
      // Two of its three rows are refused.
      counted('c', TOO_MUCH, 'c', 'd'),
      counted('b', 1, 'a', 'b', 'b', 'c', 'd'),
    ];
    if (way === 'rebuilt') log.append(...story);
    const engine = engineOf();
    await caughtUp(engine);
    if (way === 'live') log.append(...story);
    log.append(counted('b', 1, 'a', 'a', 'b'));
    await caughtUp(engine);
    expect(await rows()).toMatchObject({ a: { count: 0 }, b: { count: 4 }, c: { count: 0 }, d: { count: 0 }, x: { count: 0 } });
    expect(await letters()).toEqual([
      ['row', 'a', 'failed'],
      ['row', 'c', 'failed'],
      ['row', 'd', 'failed'],
      ['row', 'a', 'behind'],
      ['row', 'c', 'behind'],
      ['row', 'd', 'behind'],
      ['row', 'a', 'behind'],
    ]);
  });

  it('holds back a stream also when a function answers what is no change, or names a row by what cannot be a key', async () => {
    const engine = engineOf();
    log.append(
      posted('a', 'a', 'nothing'),
      posted('b', 'zero \u0000'),
      posted('c', 'long'.repeat(1_000)),
      posted('d', 'd'),
      ...['a', 'b', 'c', 'd'].map((board) => counted(board, 1, 'd')),
    );
    await caughtUp(engine);
    expect(await rows()).toEqual({ d: { text: 'd', count: 1 } });
    expect((await letters()).filter(([, , why]) => why === 'failed')).toEqual([
      ['stream', 'Board-a', 'failed'],
      ['stream', 'Board-b', 'failed'],
      ['stream', 'Board-c', 'failed'],
    ]);
  });

  it('holds back when it is the first after a restart too, and what comes after the next', async () => {
    log.append(posted('a', 'a'));
    const first = engineOf();
    await caughtUp(first);
    await first.stop();
    cursed.add('cursed');
    log.append(posted('a', 'b', 'cursed'));
    const second = engineOf();
    await caughtUp(second);
    await second.stop();
    log.append(counted('a', 1, 'a'), counted('z', 1, 'a'));
    await caughtUp(engineOf());
    expect(await rows()).toEqual({ a: { text: 'a', count: 1 } });
    expect(await letters()).toEqual([
      ['stream', 'Board-a', 'failed'],
      ['stream', 'Board-a', 'behind'],
    ]);
  });

  it('is taken in by a retry, with rows that go on changing from there', async () => {
    cursed.add('cursed');
    const engine = engineOf();
    log.append(posted('a', 'a', 'cursed'), counted('a', 1, 'a'));
    await caughtUp(engine);
    cursed.clear();
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({ state: 'done' });
    log.append(counted('z', 1, 'a'));
    await caughtUp(engine);
    expect(await rows()).toEqual({ a: { text: 'cursed', count: 2 } });
  });

  it('is not blamed for what else breaks a retry, such as a log that does not answer', async () => {
    cursed.add('cursed');
    let answers = false;
    const engine = engineOf({
      readEvent: async (stream, revision) => {
        if (!answers) throw new Error('the log does not answer');
        return log.readEvent(stream, revision);
      },
    });
    log.append(posted('a', 'a', 'cursed'));
    await caughtUp(engine);
    const [before] = await listLetters(database);
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({ state: 'failed', outcome: 'Error: the log does not answer' });
    expect(await listLetters(database)).toEqual([before]);
    answers = true;
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({ state: 'failed' });
    expect(await listLetters(database)).toMatchObject([{ attempts: 2, error: expect.stringContaining('cannot take in') }]);
  });

  it('is mended in a row that counts as changed since, so that what follows the table by position takes it again', async () => {
    cursed.add('cursed');
    const engine = engineOf();
    // The row was changed by the very last event, and so far has whatever follows the table come.
    log.append(posted('a', 'a'), posted('b', 'a', 'cursed'), counted('a', 1, 'a'));
    await caughtUp(engine);
    const changedAt = async () =>
      BigInt((await database.query<{ at: string }>('select _position::text as at from boards.notes_v1'))[0]!.at);
    expect(await changedAt()).toBe(log.head);
    cursed.clear();
    expect(await outcome(act('retry', 'stream', 'Board-b'))).toMatchObject({ state: 'done' });
    expect(await rows()).toEqual(rowsAfter(notes, ...log.events));
    expect(await changedAt()).toBeGreaterThan(log.head);
    expect(await rebuild({ database, openFeed: log.feeds(), model: notes, accept: false })).toMatchObject({ differences: [] });
  });

  it('loses nothing of what is held back while the retry is under way', async () => {
    cursed.add('cursed');
    let meanwhile: (() => Promise<void>) | undefined;
    const engine: ProjectionEngine = engineOf({
      readEvent: async (stream, revision) => {
        const event = await log.readEvent(stream, revision);
        await meanwhile?.();
        return event;
      },
    });
    log.append(posted('a', 'a', 'cursed'));
    await caughtUp(engine);
    meanwhile = async () => {
      meanwhile = undefined;
      log.append(posted('a', 'late'), counted('z', 1, 'late'), counted('a', 1, 'a'));
      await caughtUp(engine);
    };
    cursed.clear();
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({ state: 'done' });
    await caughtUp(engine);
    expect(await rows()).toEqual(rowsAfter(notes, ...log.events));
    expect(await letters()).toEqual([]);
  });

  it('may have thousands behind it, each of them told and none of them lost', async () => {
    cursed.add('cursed');
    const engine = engineOf();
    log.append(posted('a', 'a', 'cursed'));
    for (let note = 0; note < 12_000; note++) log.append(posted('a', `n${note % 11_000}`));
    log.append(posted('b', 'b'));
    await caughtUp(engine);
    expect(Object.keys(await rows())).toEqual(['b']);
    expect(await database.query('select count(*)::int as letters from engine.dead_letters')).toEqual([{ letters: 12_001 }]);
    cursed.clear();
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({
      state: 'done',
      outcome: '11001 rows are as the log says, 12001 events no longer held back',
    });
    expect(await rows()).toEqual(rowsAfter(notes, ...log.events));
  }, 60_000);

  it('may stand before another one, which then holds back what is behind it; each can be given up, also for good', async () => {
    cursed = new Set(['first', 'second']);
    const engine = engineOf();
    log.append(
      posted('a', 'a'),
      posted('a', 'b', 'first'),
      counted('a', 1, 'a'),
      posted('a', 'c', 'second'),
      counted('a', 1, 'a'),
      posted('z', 'z'),
    );
    await caughtUp(engine);
    const given = await outcome(act('skip', 'stream', 'Board-a'));
    expect(given).toMatchObject({ state: 'done', outcome: expect.stringContaining('1 events no longer held back; 2 still are') });
    expect(await rows()).toMatchObject({ a: { count: 1 }, z: { count: 0 } });
    expect(await outcome(act('retry', 'stream', 'Board-a'))).toMatchObject({ state: 'failed' });
    expect(await outcome(act('skip', 'stream', 'Board-a'))).toMatchObject({ state: 'done' });
    expect(await rows()).toEqual({ a: { text: 'a', count: 2 }, z: { text: 'z', count: 0 } });
    expect(await listLetters(database)).toMatchObject([{ skipped: true }, { skipped: true }]);

    const rebuilt = await rebuild({ database, openFeed: log.feeds(), model: notes, accept: false });
    expect(rebuilt).toMatchObject({ state: 'swapped', differences: [] });
    expect(await listLetters(database)).toMatchObject([{ skipped: true }, { skipped: true }]);
    log.append(counted('a', 1, 'a'));
    await caughtUp(engine);
    expect(await rows()).toMatchObject({ a: { count: 3 } });
  });

  it('is held back by a rebuild as by the live rows, and taken in by one when it is mended', async () => {
    cursed.add('cursed');
    const engine = engineOf();
    log.append(posted('a', 'a', 'cursed'), counted('a', 1, 'b'), posted('b', 'b'));
    await caughtUp(engine);
    expect(await rebuild({ database, openFeed: log.feeds(), model: notes, accept: false })).toMatchObject({ state: 'swapped' });
    expect(await letters()).toEqual([
      ['stream', 'Board-a', 'failed'],
      ['stream', 'Board-a', 'behind'],
    ]);
    log.append(posted('a', 'c'), counted('b', 1, 'b'));
    await caughtUp(engine);
    expect(await rows()).toEqual({ b: { text: 'b', count: 1 } });
    cursed.clear();
    expect(await rebuild({ database, openFeed: log.feeds(), model: notes, accept: true })).toMatchObject({ state: 'swapped' });
    log.append(posted('a', 'd'));
    await caughtUp(engine);
    expect(await rows()).toEqual(rowsAfter(notes, ...log.events));
    expect(await letters()).toEqual([]);
  });

  it('is retried by whoever is next when the process stops in the middle', async () => {
    cursed.add('cursed');
    let never = false;
    const feeds = log.feeds();
    const asked = Promise.withResolvers<void>();
    const first = engineOf({
      openFeed: (request) => {
        if (!never || request.from !== undefined) return feeds(request);
        asked.resolve();
        return { caughtUp: false, lagSeconds: 0, stop: async () => undefined };
      },
    });
    log.append(posted('a', 'a', 'cursed'));
    await caughtUp(first);
    cursed.clear();
    never = true;
    const retry = await askFor({ database, record }, act('retry', 'stream', 'Board-a'), operator);
    await asked.promise;
    await first.stop();
    const second = engineOf();
    expect(await record.outcomeOf(retry, 20_000)).toMatchObject({ state: 'done' });
    await caughtUp(second);
    expect(await rows()).toEqual(rowsAfter(notes, ...log.events));
  });
});
