import type {
  AllStreamSubscription,
  JSONEventType,
  PersistentSubscriptionToStream,
  ResolvedEvent,
  StreamSubscription,
} from '@eventstore/db-client';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { RunningServer } from './servers.ts';
import { targets } from './servers.ts';

/** What a case of the contract works with. */
export interface Peer {
  readonly client: EventStoreDBClient;
  readonly server: RunningServer;
  /** A stream name that nobody used before. */
  fresh(prefix?: string): string;
}

const available = await targets();

type Statements = Readonly<Record<string, (peer: Peer) => Promise<void>>>;

/** One test per statement and per server; the statements are the keys. Those of an unused server are left out where every suite gets the same one. */
export function contract(section: string, statements: Statements, { unused = false } = {}): void {
  describe.each(available.filter(({ shared }) => !(unused && shared)))(`${section} ($name)`, (target) => {
    let server: RunningServer;
    let client: EventStoreDBClient;
    beforeAll(async () => {
      server = await target.start();
      client = EventStoreDBClient.connectionString(server.connectionString);
    }, 120_000);
    afterAll(async () => {
      await client.dispose();
      await server.stop();
    });
    it.each(Object.entries(statements))('%s', async (_statement, check) => {
      await check({ client, server, fresh: (prefix = 'Contract') => `${prefix}-${randomUUID()}` });
    });
  });
}

export type Happened = JSONEventType<string, Record<string, unknown>>;

export const happened = (type = 'Happened', data: Record<string, unknown> = { at: 1 }) => jsonEvent<Happened>({ type, data });

export const several = (count: number, type = 'Happened') => Array.from({ length: count }, (_, number) => happened(type, { number }));

/** Makes the client append by the classic call instead of the batch. */
export const classic = { credentials: { username: 'admin', password: 'changeit' } } as const;

export async function collect(events: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> {
  const all: ResolvedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What an awaited failure is; fails the test when there is none. */
export async function failureOf(attempt: Promise<unknown>): Promise<Record<string, unknown> & Error> {
  const outcome = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('It should have failed.');
  return outcome as Record<string, unknown> & Error;
}

export const revisionsOf = (events: readonly ResolvedEvent[]): number[] => events.map(({ event }) => Number(event?.revision ?? -1n));

type AnySubscription = StreamSubscription | AllStreamSubscription | PersistentSubscriptionToStream;

/** Notes everything that a subscription says, in order: events as objects, the rest as words. */
export class Recorder {
  readonly log: (ResolvedEvent | string)[] = [];
  error: (Error & Record<string, unknown>) | undefined;
  private readonly subscription: AnySubscription;
  private check: () => void = () => undefined;

  constructor(subscription: AnySubscription) {
    this.subscription = subscription;
    const note = (what: ResolvedEvent | string): void => {
      this.log.push(what);
      this.check();
    };
    const listen = subscription.on.bind(subscription) as (name: string, listener: (what: unknown) => void) => void;
    listen('data', (event) => note(event as ResolvedEvent));
    for (const word of ['confirmation', 'caughtUp', 'end']) listen(word, () => note(word));
    listen('error', (error) => {
      this.error = error as Error & Record<string, unknown>;
      note('error');
    });
  }

  get events(): ResolvedEvent[] {
    return this.log.filter((entry) => typeof entry !== 'string');
  }

  /** Resolves once the condition holds for what was noted. */
  until(condition: (recorder: Recorder) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.check = () => {
        if (condition(this)) resolve();
      };
      this.check();
    });
  }

  async has(count: number): Promise<ResolvedEvent[]> {
    await this.until(() => this.events.length >= count);
    expect(this.events).toHaveLength(count);
    return this.events;
  }

  async said(word: string): Promise<void> {
    await this.until(() => this.log.includes(word));
  }

  async close(): Promise<void> {
    await this.subscription.unsubscribe();
  }
}
