import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { ERASED, type DomainEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { ProcessManagerEngine } from './engine.ts';
import { ActNotPossible, NothingToEdit, OutboxOperations, ReactionActs } from './operations.ts';

type GuestCame = { type: 'GuestCame'; data: { guest: string; step: number } };

const greet = ({ data }: { data: GuestCame['data'] }) =>
  now({ type: 'Greet', data }, { otherwise: { slot_taken: { type: 'Apologise', data: { guest: data.guest } } } });
const mended: ProcessManager<{ GuestCame: GuestCame }> = {
  name: 'reception',
  context: 'hotel',
  sentence: 'Greets guests.',
  instance: (event) => event.data.guest,
  on: { GuestCame: greet },
};
const broken: ProcessManager<{ GuestCame: GuestCame }> = {
  ...mended,
  on: {
    GuestCame: (event) => {
      if (event.data.step < 0) throw new Error('no such step');
      return greet(event);
    },
  },
};
const operator = { who: 'ada', why: 'case 4711' };

describe('What operators do to reactions', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let record: OperationsRecord;
  let onRecord: DomainEvent[];
  let acts: ReactionActs;
  let sent: CommandMessage[];
  let refuses: (message: CommandMessage) => boolean;
  let nth = 0;
  const running: ProcessManagerEngine[] = [];

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    log = new MemoryLog();
    sent = [];
    refuses = ({ type, data }) => type === 'Greet' && (data as GuestCame['data']).step === 1;
    await freshDatabase();
    remember([]);
  });
  afterEach(stopAll);

  async function stopAll(): Promise<void> {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
  }

  /** As after the loss of the old one. */
  async function freshDatabase(): Promise<void> {
    ({ database } = await postgres.create());
  }

  /** The record as it is from here on; what it holds comes from an earlier one. */
  function remember(events: readonly DomainEvent[]): void {
    ({ record, events: onRecord } = memoryOperations(events));
    acts = new ReactionActs({ database, record, subjectOf: () => Promise.resolve(undefined) });
  }

  function lead(manager: ProcessManager<{ GuestCame: GuestCame }> = broken): void {
    const engine = new ProcessManagerEngine({
      database,
      managers: [manager],
      openFeed: log.feeds(),
      clock: new MovableClock(),
      commands: {
        send: async (message) => {
          sent.push(message);
          if (refuses(message)) throw new Error('not now');
          return { id: 'x', revision: 0, position: '0', events: [] };
        },
      },
      effects: [],
      load: () => Promise.reject(new Error('nothing to load')),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
      leaseTimes: { lifetime: 1_000, beat: 100 },
      retry: { attempts: 2, firstWaitMs: 5, longestWaitMs: 20 },
      pollMs: 50,
      record,
    });
    engine.start();
    running.push(engine);
  }

  function came(guest: string, step: number): void {
    nth++;
    const event: GuestCame = { type: 'GuestCame', data: { guest, step } };
    log.append({ ...recorded(event, { aggregateType: 'Guest', aggregateId: guest, nth }), position: BigInt(nth * 10) });
  }

  async function untilStates(expected: Readonly<Record<string, number>>): Promise<void> {
    for (;;) {
      const rows = await database.query<{ state: string; count: number }>(
        'select state, count(*) as count from engine.outbox group by state',
      );
      const states = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
      if (JSON.stringify(Object.entries(states).sort()) === JSON.stringify(Object.entries(expected).sort())) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function parkedIds(): Promise<Map<string, string>> {
    return new Map((await new OutboxOperations(database).troubled()).map(({ instance, id }) => [instance, id]));
  }

  const sentTo = (guest: string) => sent.filter(({ data }) => (data as { guest: string }).guest === guest);

  it('still holds when the database is lost: what was given up, edited or compensated is not done as it was', async () => {
    for (const guest of ['skip', 'edit', 'sorry']) came(guest, 1);
    came('skip', 2);
    lead();
    await untilStates({ parked: 3, pending: 1 });
    const ids = await parkedIds();
    await acts.skip(ids.get('skip')!, operator);
    await acts.editAndRetry(ids.get('edit')!, { guest: 'edit', step: 5 }, operator);
    await record.outcomeOf(await acts.compensate(ids.get('sorry')!, operator), 5_000);
    await untilStates({ skipped: 1, done: 2, compensated: 1 });
    expect(onRecord.map(({ type }) => type).sort()).toEqual([
      'OperatorActDone',
      'OperatorActDone',
      'OperatorActDone',
      'ReactionCompensationRequested',
      'ReactionEditRequested',
      'ReactionSkipRequested',
    ]);
    await stopAll();

    await freshDatabase();
    remember(onRecord);
    sent.length = 0;
    // What was wrong is mended since, so each would go through as it was.
    refuses = () => false;
    lead();
    await untilStates({ skipped: 1, done: 2, compensated: 1 });
    expect(sentTo('skip')).toEqual([{ type: 'Greet', data: { guest: 'skip', step: 2 } }]);
    expect(sentTo('edit')).toEqual([{ type: 'Greet', data: { guest: 'edit', step: 5 } }]);
    expect(sentTo('sorry')).toEqual([{ type: 'Apologise', data: { guest: 'sorry' } }]);
  });

  it('still holds when the database is lost before it was carried out', async () => {
    came('skip', 1);
    lead();
    await untilStates({ parked: 1 });
    await stopAll();
    const asked = await acts.skip((await parkedIds()).get('skip')!, operator);
    await freshDatabase();
    remember(onRecord);
    refuses = () => false;
    sent.length = 0;
    lead();
    expect(await record.outcomeOf(asked, 5_000)).toMatchObject({ state: 'done' });
    await untilStates({ skipped: 1 });
    expect(sent).toEqual([]);
  });

  it('gives an event up that could not be handled, for good', async () => {
    came('ada', -1);
    came('ada', 0);
    lead();
    await untilStates({ parked: 1, pending: 1 });
    const id = (await parkedIds()).get('ada')!;
    await expect(acts.editAndRetry(id, { guest: 'ada', step: 0 }, operator)).rejects.toThrow(NothingToEdit);
    await acts.skip(id, operator);
    await untilStates({ skipped: 1, done: 1 });
    await stopAll();
    await freshDatabase();
    remember(onRecord);
    sent.length = 0;
    lead(mended);
    await untilStates({ skipped: 1, done: 1 });
    expect(sent).toEqual([{ type: 'Greet', data: { guest: 'ada', step: 0 } }]);
  });

  it('is done once, though whoever did it died before it could say so', async () => {
    came('ada', 1);
    lead();
    await untilStates({ parked: 1 });
    const asked = await acts.retry((await parkedIds()).get('ada')!, operator);
    await record.outcomeOf(asked, 5_000);
    await untilStates({ parked: 1 });
    await stopAll();
    // The row has failed again since; trying it once more would be another act.
    const attempts = sent.length;
    remember(onRecord.slice(0, -1));
    lead();
    expect(await record.outcomeOf(asked, 5_000)).toMatchObject({ state: 'done' });
    await untilStates({ parked: 1 });
    expect(sent).toHaveLength(attempts);
  });

  it('waits on record while nobody leads, and then comes first', async () => {
    came('ada', 1);
    lead();
    await untilStates({ parked: 1 });
    await stopAll();
    const id = (await parkedIds()).get('ada')!;
    const context = {
      commandId: followUpId('request', 'one'),
      correlationId: 'c',
      causationId: 'c',
      source: 'internal-api',
      by: { role: 'admin' as const },
    };
    const asked = await acts.skip(id, { ...operator, context });
    expect(await acts.skip(id, { ...operator, context })).toMatchObject({ id: asked.id });
    expect(onRecord).toHaveLength(1);
    expect(await record.outcomeOf(asked, 0)).toBeUndefined();
    lead();
    expect(await record.outcomeOf(asked, 5_000)).toMatchObject({ state: 'done' });
    await untilStates({ skipped: 1 });
  });

  it('that comes too late is on record as such: the reaction has ended', async () => {
    came('ada', 1);
    lead();
    await untilStates({ parked: 1 });
    const id = (await parkedIds()).get('ada')!;
    await stopAll();
    const first = await acts.skip(id, operator);
    const second = await acts.retry(id, operator);
    lead();
    expect(await record.outcomeOf(first, 5_000)).toMatchObject({ state: 'done' });
    expect(await record.outcomeOf(second, 5_000)).toMatchObject({ state: 'failed' });
    await expect(acts.skip(id, operator)).rejects.toThrow(ActNotPossible);
    await expect(acts.skip(id, { who: 'ada', why: ' ' })).rejects.toThrow(ActNotPossible);
  });

  it('is given up when it was written about somebody who has been forgotten since', async () => {
    came('ada', 1);
    lead();
    await untilStates({ parked: 1 });
    await acts.editAndRetry((await parkedIds()).get('ada')!, { guest: 'ada', step: 7 }, operator);
    await untilStates({ done: 1 });
    await stopAll();
    await freshDatabase();
    remember(onRecord.map((event) => ('data' in event.data ? { ...event, data: { ...event.data, data: ERASED } } : event)));
    sent.length = 0;
    lead();
    await untilStates({ skipped: 1 });
    expect(sent).toEqual([]);
  });
});
