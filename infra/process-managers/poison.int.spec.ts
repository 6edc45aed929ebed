import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { ProcessManagerEngine } from './engine.ts';
import { OutboxOperations } from './operations.ts';

type GuestCame = { type: 'GuestCame'; data: { guest: string; word: string; due?: string } };

const greeting: ProcessManager<{ GuestCame: GuestCame }> = {
  name: 'greeting',
  context: 'hotel',
  sentence: 'Greets guests.',
  instance: ({ data }) => (data.word === 'long' ? 'long'.repeat(1_000) : data.guest),
  on: {
    GuestCame: ({ data: { guest, word, due } }) => {
      const greet = { type: 'Greet', data: { guest, word } };
      return due === undefined ? now(greet) : at(due, greet);
    },
  },
};

describe('A poisoned instance of a process manager', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  let greeted: string[];
  let answer: (message: CommandMessage<string, { guest: string }>) => Promise<void>;
  const running: ProcessManagerEngine[] = [];
  const errors: unknown[] = [];
  let nth = 0;

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    log = new MemoryLog();
    greeted = [];
    answer = async () => undefined;
    errors.length = 0;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
    expect(errors).toEqual([]);
  });

  function came(guest: string, word = 'hello', due?: string): RecordedEvent {
    nth++;
    const event: GuestCame = { type: 'GuestCame', data: { guest, word, ...(due === undefined ? {} : { due }) } };
    return { ...recorded(event, { aggregateType: 'Guest', aggregateId: guest, nth }), position: BigInt(nth * 10) };
  }

  function start(): void {
    const engine = new ProcessManagerEngine({
      database,
      managers: [greeting],
      openFeed: log.feeds(),
      clock: new MovableClock(),
      commands: {
        send: async (message) => {
          const { guest } = message.data as { guest: string };
          await answer({ type: message.type, data: { guest } });
          greeted.push(guest);
          return { id: 'x', revision: 0, position: '0', events: [] };
        },
      },
      effects: [],
      load: () => Promise.reject(new Error('nothing to load')),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: (error) => errors.push(error),
      pollMs: 50,
    });
    engine.start();
    running.push(engine);
  }

  async function untilGreeted(...guests: readonly string[]): Promise<void> {
    while (!guests.every((guest) => greeted.includes(guest))) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  const unstorable = [
    ['a zero character', came('ada', 'zero \u0000')],
    ['half a character', came('ada', 'half \ud83d')],
    ['a time that no calendar has', came('ada', 'hello', '+275000-01-01T00:00:00.000Z')],
    ['a name that is too long', came('ada', 'long')],
  ] as const;

  it.each(unstorable)('holds back nobody else when its reaction has %s', async (_, poison) => {
    start();
    log.append({ ...poison, position: log.head + 10n });
    log.append({ ...came('ada'), position: log.head + 20n }, { ...came('bob'), position: log.head + 30n });
    await untilGreeted('bob');
    expect(await new OutboxOperations(database).troubled()).toMatchObject([
      { instance: 'ada', state: 'parked', commandType: null, behind: 1 },
    ]);
    expect(greeted).toEqual(['bob']);
  });

  it('takes texts that only look like a zero character', async () => {
    start();
    log.append(came('ada', '\\u0000 and \\\\u0000'), came('bob', 'pair \u{1f600}'));
    await untilGreeted('ada', 'bob');
  });

  it('holds up nobody else when it hangs, however many do', async () => {
    const hanging = Array.from({ length: 40 }, (_, guest) => `slow ${guest}`);
    const release = Promise.withResolvers<void>();
    answer = ({ data }) => (data.guest.startsWith('slow') ? release.promise : Promise.resolve());
    start();
    log.append(...hanging.map((guest) => came(guest)), came('ada'), came('bob'));
    await untilGreeted('ada', 'bob');
    expect(greeted.toSorted()).toEqual(['ada', 'bob']);
    release.resolve();
    await untilGreeted(...hanging);
    expect(greeted).toHaveLength(42);
  });
});
