import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { at, defineEffect, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import type { DomainEvent, RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { CommandContext, CommandResult } from '#infra/cqrs/commands.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { MovableClock } from '#infra/time/clock.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import { type MemoryFeedOptions, MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import type { RetryPolicy } from './dispatcher.ts';
import { handleEffect } from './effect.ts';
import { ProcessManagerEngine } from './engine.ts';
import { OutboxOperations, ReactionActs } from './operations.ts';

class SlotTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Taken.';
}
class TooLate extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Too late.';
}

type GuestEvent =
  | { type: 'GuestCame'; data: { guest: string; step: number } }
  | { type: 'GuestBooked'; data: { guest: string; due: string } }
  | { type: 'GuestPaid'; data: { guest: string } };
type GuestEvents = { [E in GuestEvent as E['type']]: E };

const sendBill = defineEffect('SendBill', {
  sentence: 'Send the bill.',
  data: z.object({ guest: z.string() }),
  undo: { irreversible: 'A letter cannot be called back.' },
});

const reception: ProcessManager<GuestEvents> = {
  name: 'reception',
  context: 'hotel',
  sentence: 'Looks after guests.',
  instance: (event) => event.data.guest,
  on: {
    GuestCame: ({ data }) => {
      if (data.step < 0) throw new Error('no such step');
      return now(
        { type: 'Greet', data: { guest: data.guest, step: data.step } },
        { settledBy: ['too_late'], otherwise: { slot_taken: { type: 'Apologise', data: { guest: data.guest } } } },
      );
    },
    GuestBooked: ({ data }) => [
      at(data.due, { type: 'Wake', data: { guest: data.guest } }),
      now({ type: 'NoteBooking', data: { guest: data.guest } }),
    ],
    GuestPaid: ({ data }) => now(effect(sendBill, { guest: data.guest })),
  },
};

interface Sent {
  readonly message: CommandMessage;
  readonly context: CommandContext;
}

const quickLease = { lifetime: 1_000, beat: 100 };
const quickRetry: RetryPolicy = { attempts: 3, firstWaitMs: 5, longestWaitMs: 20 };
const operator = { who: 'ada', why: 'the cause is mended' };

describe('the process-manager engine', () => {
  let postgres: DisposableServer;
  let database: Database;
  let operations: OutboxOperations;
  let acts: ReactionActs;
  let record: OperationsRecord;
  let onRecord: DomainEvent[];
  let log: MemoryLog;
  let clock: MovableClock;
  let sent: Sent[];
  let listeners: Array<() => void>;
  /** Says how a command ends; by default well. */
  let answer: (message: CommandMessage) => Promise<void>;
  const running: ProcessManagerEngine[] = [];
  let nth = 0;

  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    operations = new OutboxOperations(database);
    ({ record, events: onRecord } = memoryOperations());
    acts = new ReactionActs({ database, record, subjectOf: () => Promise.resolve(undefined) });
    log = new MemoryLog();
    clock = new MovableClock();
    sent = [];
    listeners = [];
    answer = async () => undefined;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
  });

  function happened(event: GuestEvent): RecordedEvent<GuestEvent> {
    nth++;
    return { ...recorded(event, { aggregateType: 'Guest', aggregateId: event.data.guest, nth }), position: BigInt(nth * 10) };
  }

  async function send(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    sent.push({ message, context });
    for (const listener of listeners) listener();
    await answer(message);
    return { id: 'x', revision: 0, position: '0', events: [] };
  }

  function engineOf(
    parts: { feed?: MemoryFeedOptions; openFeed?: OpenFeed; managers?: readonly ProcessManager[] } = {},
  ): ProcessManagerEngine {
    const engine = new ProcessManagerEngine({
      database,
      managers: parts.managers ?? [reception],
      openFeed: parts.openFeed ?? log.feeds(parts.feed),
      clock,
      commands: { send },
      effects: [
        handleEffect(sendBill, async ({ guest }, { commands, cause }) => {
          await commands.send({ type: 'NoteBillSent', data: { guest, key: cause.id } });
        }),
      ],
      load: () => Promise.reject(new Error('nothing to load')),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
      leaseTimes: quickLease,
      retry: quickRetry,
      pollMs: 50,
      record,
    });
    engine.start();
    running.push(engine);
    return engine;
  }

  /** Resolves when what has been sent fulfils a condition. */
  async function until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => listeners.push(() => condition() && resolve()));
  }

  /** Resolves when no row of these states is left, or as many as told. */
  async function untilRows(state: string, count: number): Promise<void> {
    for (;;) {
      const rows = await database.query('select 1 from engine.outbox where state = $1', [state]);
      if (rows.length === count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const typesOf = (guest: string): string[] =>
    sent.filter(({ message }) => (message.data as { guest: string }).guest === guest).map(({ message }) => message.type);

  it('sends what follows, once, in the order of the log, with ids that follow from the cause, though pages come twice', async () => {
    const came = [0, 1, 2, 3].map((step) => happened({ type: 'GuestCame', data: { guest: 'ada', step } }));
    engineOf({ feed: { everyPageTwice: true, pageSize: 2 } });
    log.append(...came);
    await untilRows('done', 4);
    expect(sent.map(({ message }) => message)).toEqual([0, 1, 2, 3].map((step) => ({ type: 'Greet', data: { guest: 'ada', step } })));
    expect(sent[0]!.context).toEqual({
      commandId: followUpId('reaction', 'reception', came[0]!.id, '0'),
      correlationId: came[0]!.metadata.correlationId,
      causationId: came[0]!.id,
      source: 'reception',
      by: { role: 'system' },
    });
  });

  it('does not send again what it sent before a restart', async () => {
    const first = engineOf();
    log.append(happened({ type: 'GuestCame', data: { guest: 'ada', step: 0 } }));
    await untilRows('done', 1);
    await first.stop();
    engineOf();
    log.append(happened({ type: 'GuestCame', data: { guest: 'ada', step: 1 } }));
    await untilRows('done', 2);
    expect(sent).toHaveLength(2);
  });

  it('carries out different instances beside each other: one that hangs does not hold up the rest', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    answer = (message) => ((message.data as { guest: string }).guest === 'slow' ? gate : Promise.resolve());
    engineOf();
    log.append(
      happened({ type: 'GuestCame', data: { guest: 'slow', step: 0 } }),
      happened({ type: 'GuestCame', data: { guest: 'slow', step: 1 } }),
      ...['a', 'b', 'c'].map((guest) => happened({ type: 'GuestCame', data: { guest, step: 0 } })),
    );
    await untilRows('done', 3);
    expect(typesOf('slow')).toEqual(['Greet']);
    release();
    await untilRows('done', 5);
  });

  it('reads refusals as the reaction says: settled, or the other command instead', async () => {
    answer = async (message) => {
      if (message.type !== 'Greet') return;
      throw (message.data as { guest: string }).guest === 'late' ? new TooLate() : new SlotTaken();
    };
    engineOf();
    log.append(
      happened({ type: 'GuestCame', data: { guest: 'late', step: 0 } }),
      happened({ type: 'GuestCame', data: { guest: 'ada', step: 0 } }),
    );
    await untilRows('settled', 1);
    await untilRows('compensated', 1);
    expect(typesOf('ada')).toEqual(['Greet', 'Apologise']);
    const [greet, apologise] = sent.filter(({ message }) => (message.data as { guest: string }).guest === 'ada');
    expect(apologise!.context.commandId).toBe(followUpId('reaction', 'reception', greet!.context.causationId, '0', 'otherwise'));
  });

  it('tries again with pauses, then parks that instance only; what is behind it waits until an operator retries', async () => {
    let broken = true;
    answer = async (message) => {
      if (broken && (message.data as { guest: string }).guest === 'ada') throw new Error('mail to ada@example.org failed');
    };
    engineOf();
    log.append(
      happened({ type: 'GuestCame', data: { guest: 'ada', step: 0 } }),
      happened({ type: 'GuestCame', data: { guest: 'ada', step: 1 } }),
      happened({ type: 'GuestCame', data: { guest: 'bob', step: 0 } }),
    );
    await untilRows('parked', 1);
    await untilRows('done', 1);
    expect(typesOf('ada')).toHaveLength(quickRetry.attempts);
    const [row] = await operations.troubled();
    expect(row).toMatchObject({
      instance: 'ada',
      attempts: 3,
      lastError: 'Error: mail to [address] failed',
      behind: 1,
      commandType: 'Greet',
    });
    expect(await operations.depths()).toMatchObject([{ manager: 'reception', waiting: 1, parked: 1, timers: 0 }]);

    broken = false;
    await acts.retry(row!.id, operator);
    await untilRows('done', 3);
    expect(onRecord).toMatchObject([
      { type: 'ReactionRetryRequested', data: { ...operator, manager: 'reception', instance: 'ada', reactionId: row!.id } },
      { type: 'OperatorActDone', data: { group: 'process-managers' } },
    ]);
  });

  it('lets an operator edit and retry, skip, or compensate; never what has ended', async () => {
    answer = async (message) => {
      if (message.type === 'Greet' && (message.data as { step: number }).step < 10) throw new Error('no');
    };
    engineOf();
    log.append(...['edit', 'skip', 'sorry'].map((guest) => happened({ type: 'GuestCame', data: { guest, step: 1 } })));
    log.append(happened({ type: 'GuestCame', data: { guest: 'skip', step: 10 } }));
    await untilRows('parked', 3);
    const rows = new Map((await operations.troubled()).map((row) => [row.instance, row.id]));
    await acts.editAndRetry(rows.get('edit')!, { guest: 'edit', step: 11 }, operator);
    await acts.skip(rows.get('skip')!, operator);
    await acts.compensate(rows.get('sorry')!, operator);
    await untilRows('parked', 0);
    await untilRows('pending', 0);
    expect(typesOf('sorry').at(-1)).toBe('Apologise');
    expect(sent.find(({ message }) => (message.data as { step?: number }).step === 11)).toBeDefined();
    expect(typesOf('skip')).toHaveLength(quickRetry.attempts + 1);
    await expect(acts.skip(rows.get('edit')!, operator)).rejects.toThrow('Only a reaction that failed');
    expect(await database.query('select command from engine.outbox where command is not null')).toEqual([]);
  });

  it('holds back an instance whose event cannot be handled, and handles it again on request, before what followed', async () => {
    const mended: ProcessManager<GuestEvents> = {
      ...reception,
      on: { ...reception.on, GuestCame: ({ data }) => now({ type: 'Greet', data: { guest: data.guest, step: data.step } }) },
    };
    const broken = engineOf();
    log.append(
      happened({ type: 'GuestCame', data: { guest: 'ada', step: -1 } }),
      happened({ type: 'GuestCame', data: { guest: 'ada', step: 0 } }),
      happened({ type: 'GuestCame', data: { guest: 'bob', step: 0 } }),
    );
    await untilRows('done', 1);
    expect(await operations.troubled()).toMatchObject([
      { instance: 'ada', lastError: 'Error: no such step', commandType: null, behind: 1 },
    ]);
    await broken.stop();
    engineOf({ managers: [mended] });
    await acts.retry((await operations.troubled())[0]!.id, operator);
    await untilRows('done', 3);
    expect(sent.filter(({ message }) => (message.data as { guest: string }).guest === 'ada').map(({ message }) => message.data)).toEqual([
      { guest: 'ada', step: -1 },
      { guest: 'ada', step: 0 },
    ]);
  });

  it('sends a timer when its time has come by the business clock, and holds nothing else up until then', async () => {
    const due = new Date(Date.now() + 86_400_000).toISOString();
    const first = engineOf();
    log.append(
      happened({ type: 'GuestBooked', data: { guest: 'ada', due } }),
      happened({ type: 'GuestCame', data: { guest: 'ada', step: 0 } }),
    );
    await untilRows('done', 2);
    expect(typesOf('ada')).toEqual(['NoteBooking', 'Greet']);
    await first.stop();
    engineOf();
    clock.moveTo(new Date(Date.parse(due) - 100).toISOString());
    await until(() => typesOf('ada').includes('Wake'));
    expect(clock.now() >= due).toBe(true);
    await untilRows('done', 3);
    expect(typesOf('ada')).toEqual(['NoteBooking', 'Greet', 'Wake']);
  });

  it('runs effects with a cause of their own, whose steps have ids that follow from it', async () => {
    engineOf();
    const paid = happened({ type: 'GuestPaid', data: { guest: 'ada' } });
    log.append(paid);
    await untilRows('done', 1);
    const cause = followUpId('reaction', 'reception', paid.id, '0');
    expect(sent).toMatchObject([
      {
        message: { type: 'NoteBillSent', data: { key: cause } },
        context: { commandId: followUpId('effect', cause, 'NoteBillSent'), causationId: paid.id },
      },
    ]);
  });

  it('does not let the others wait for one that is new, which then goes on with them', async () => {
    const old = engineOf();
    log.append(...[0, 1].map((step) => happened({ type: 'GuestCame', data: { guest: 'ada', step } })));
    await untilRows('done', 2);
    await old.stop();
    const porter: ProcessManager<GuestEvents> = {
      ...reception,
      name: 'porter',
      on: { GuestCame: ({ data }) => now({ type: 'CarryBags', data: { guest: data.guest, step: data.step } }) },
    };
    const mayCatchUp = Promise.withResolvers<void>();
    const feeds = log.feeds({ pageSize: 1 });
    engineOf({
      managers: [reception, porter],
      openFeed: (request) =>
        feeds({
          ...request,
          onPage: (page) => (request.from === undefined ? mayCatchUp.promise : Promise.resolve()).then(() => request.onPage(page)),
        }),
    });
    log.append(happened({ type: 'GuestCame', data: { guest: 'bob', step: 0 } }));
    await until(() => typesOf('bob').includes('Greet'));
    expect(sent.map(({ message }) => message.type)).not.toContain('CarryBags');
    mayCatchUp.resolve();
    await until(() => typesOf('bob').includes('CarryBags'));
    log.append(happened({ type: 'GuestCame', data: { guest: 'cleo', step: 0 } }));
    await until(() => typesOf('cleo').length === 2);
    await untilRows('done', 8);
    expect(typesOf('ada')).toEqual(['Greet', 'Greet', 'CarryBags', 'CarryBags']);
    expect(typesOf('bob')).toEqual(['Greet', 'CarryBags']);
  });
});
