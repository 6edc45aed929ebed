import { jsonEvent } from '@eventstore/db-client';
import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec, UndecodableEvent } from '#infra/event-store/codec.ts';
import {
  checkpoint,
  confirmed,
  sent,
  startScriptedServer,
  subscriptionOf,
  type ReadCall,
  type ScriptedServer,
} from '#infra/event-store/scripted-server.ts';
import { addOneByOne, close, contextOf, tallyDeciders, tallyFacts } from '#infra/event-store/tally.examples.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { AnotherLog, Feed, SilentSubscription, type FeedOptions, type FeedPage } from './feed.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const codec = new Codec({ deciders: tallyDeciders, vault: new InMemoryVault() });
const TALLY = 'Tally-01939a00-0000-7000-8000-0000000000c1';

function clientOf(server: { connectionString: string }): EventStoreClient {
  const client = new EventStoreClient({ connectionString: server.connectionString, readTimeoutMs: 500 });
  cleanUp.push(() => client.close());
  return client;
}

/** A feed that writes down what it is given, and lets a spec wait for it. */
function following(client: EventStoreClient, options: Partial<FeedOptions> = {}) {
  const pages: FeedPage[] = [];
  const troubles: unknown[] = [];
  const failures: UndecodableEvent[] = [];
  let look: () => void = () => undefined;
  const feed = new Feed({
    client,
    codec,
    from: undefined,
    watchEveryMs: 50,
    onFailure: (error) => {
      failures.push(error);
      look();
    },
    onTrouble: (error) => {
      troubles.push(error);
      look();
    },
    ...options,
    onPage: async (page) => {
      await options.onPage?.(page);
      pages.push(page);
      // The feed has noted the position when this turn is over.
      setImmediate(() => look());
    },
  });
  cleanUp.push(() => feed.stop());
  feed.start();
  const events = () => pages.flatMap((page) => page.events);
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (condition()) resolve();
      };
      look();
    });
  return { feed, pages, troubles, failures, events, until, revisions: () => events().map(({ revision }) => revision) };
}

describe('A feed', () => {
  async function embedded() {
    const dir = mkdtempSync(join(tmpdir(), 'feed-'));
    const servers: LaunchedEventStore[] = [];
    const launch = async (port = 0): Promise<LaunchedEventStore> => {
      const server = await launchEventStore({ dir, port });
      servers.push(server);
      return server;
    };
    cleanUp.push(async () => {
      for (const server of servers) await server.stop();
      rmSync(dir, { recursive: true, force: true });
    });
    const server = await launch();
    const client = clientOf(server);
    const vault = new InMemoryVault();
    const aggregates = new Aggregates({
      deciders: tallyDeciders,
      factProviders: tallyFacts,
      client,
      codec,
      vault,
      clock: new SystemClock(),
    });
    const addTo = (tallyId: string, times: number) => aggregates.execute(command(addOneByOne, { tallyId, times }), contextOf(newId()));
    return { server, client, aggregates, addTo, launch };
  }

  it('brings what was, then what comes, in the order of the log', async () => {
    const { client, addTo } = await embedded();
    const [one, two] = [newId(), newId()];
    await addTo(one, 3);
    await addTo(two, 2);
    const { events, until, feed } = following(client);
    await until(() => events().length === 5);
    await addTo(one, 1);
    await until(() => events().length === 6);
    expect(events().map(({ aggregateId, revision }) => [aggregateId, revision])).toEqual([
      [one, 0],
      [one, 1],
      [one, 2],
      [two, 0],
      [two, 1],
      [one, 3],
    ]);
    const positions = events().map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)));
    expect(feed.position).toBe(positions.at(-1));
  });

  it('goes on after the position that it is given', async () => {
    const { client, addTo } = await embedded();
    const { position } = await addTo(newId(), 3);
    const { events } = await addTo(newId(), 1);
    const second = following(client, { from: BigInt(position) });
    await second.until(() => second.events().length > 0);
    expect(second.events().map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  it('moves on past events that nobody asked for, and past those of others', async () => {
    const { client, aggregates, addTo } = await embedded();
    const tallyId = newId();
    const { feed, events, until, pages } = following(client, { types: ['TallyClosed'] });
    const { position } = await addTo(tallyId, 1);
    await until(() => (feed.position ?? 0n) >= BigInt(position));
    expect(events()).toEqual([]);
    const others = await client.append('Other-1', [jsonEvent({ type: 'SomethingElse', data: {} })], 'no_stream');
    await until(() => (feed.position ?? 0n) >= others.position!);
    await aggregates.execute(command(close, { tallyId }), contextOf(newId()));
    await until(() => events().length === 1);
    expect(pages.every((page, i) => i === 0 || page.position > pages[i - 1]!.position)).toBe(true);
  });

  it('takes together whatever has arrived, up to the size of a page', async () => {
    const { client, addTo } = await embedded();
    await addTo(newId(), 250);
    const { pages, events, until } = following(client, { pageSize: 100 });
    await until(() => events().length === 250);
    expect(Math.max(...pages.map((page) => page.events.length))).toBeLessThanOrEqual(100);
    expect(pages.length).toBeLessThan(100);
  });

  it('brings a rejected page again', async () => {
    const { client, addTo } = await embedded();
    let rejections = 0;
    const { events, until, troubles } = following(client, {
      onPage: () => (rejections++ < 2 ? Promise.reject(new Error('no room')) : Promise.resolve()),
    });
    await addTo(newId(), 3);
    await until(() => events().length === 3);
    expect(troubles).toHaveLength(2);
  });

  it('finishes the page under way when it is stopped, and takes no other', async () => {
    const { client, addTo } = await embedded();
    await addTo(newId(), 30);
    let goOn: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let finish: () => void = () => undefined;
    const { feed, pages } = following(client, {
      pageSize: 10,
      onPage: () =>
        new Promise((resolve) => {
          finish = resolve;
          goOn();
        }),
    });
    await entered;
    const stopped = feed.stop();
    finish();
    await stopped;
    expect(pages).toHaveLength(1);
    expect(feed.position).toBe(pages[0]?.position);
  });

  it('is caught up when nothing is left, and says how far it lags when something is', async () => {
    const { client, addTo } = await embedded();
    let finish: () => void = () => undefined;
    let entered: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => (entered = resolve));
    const { feed, until, pages, events } = following(client, {
      onPage: async (page) => {
        if (page.events.length === 0) return;
        entered();
        await new Promise<void>((resolve) => (finish = resolve));
      },
    });
    while (!feed.caughtUp || pages.length === 0) await new Promise(setImmediate);
    expect(feed.lagSeconds).toBe(0);
    await addTo(newId(), 1);
    await busy;
    while (feed.lagSeconds === 0) await new Promise(setImmediate);
    finish();
    await until(() => events().length === 1);
    await new Promise(setImmediate);
    expect(feed.lagSeconds).toBe(0);
  });

  it('outlives kill -9 of the store, nothing twice and nothing lost', async () => {
    const { server, client, addTo, launch } = await embedded();
    const tallyId = newId();
    const { until, revisions } = following(client, { pageSize: 7 });
    await addTo(tallyId, 20);
    await until(() => revisions().length >= 7);
    server.kill();
    await server.exited;
    await launch(server.port);
    await addTo(tallyId, 20);
    await until(() => revisions().length >= 40);
    expect(revisions()).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it('notices that the log is not the one that it has read', async () => {
    const { client, addTo } = await embedded();
    const { position } = await addTo(newId(), 1);
    const { until, troubles } = following(client, { from: BigInt(position) + 1_000_000n });
    await until(() => troubles.length > 0);
    expect(troubles.some((trouble) => trouble instanceof AnotherLog)).toBe(true);
  });

  it('brings every event exactly once, however often it is stopped and started', async () => {
    const { client, addTo } = await embedded();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (batches, pageSize) => {
          const tallyId = newId();
          const seen: number[] = [];
          let from: bigint | undefined = await client.head();
          let written = 0;
          for (const times of batches) {
            await addTo(tallyId, times);
            written += times;
            const { feed, until } = following(client, {
              from,
              pageSize,
              onPage: (page) => {
                seen.push(...page.events.map(({ revision }) => revision));
                return Promise.resolve();
              },
            });
            const enough = Math.max(1, Math.floor(written / 2));
            await until(() => seen.length >= enough);
            await feed.stop();
            from = feed.position;
          }
          const { until } = following(client, {
            from,
            onPage: (page) => {
              seen.push(...page.events.map(({ revision }) => revision));
              return Promise.resolve();
            },
          });
          await until(() => seen.length >= written);
          expect(seen).toEqual(Array.from({ length: written }, (_, i) => i));
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('A feed on a server that misbehaves', () => {
  interface Subscribed {
    readonly call: ReadCall;
    readonly after: number | undefined;
    readonly nth: number;
  }

  /** A log of `length` events at the positions 100, 200 ...; subscriptions do as the script says. */
  async function scripted(
    length: number,
    onSubscription: (subscribed: Subscribed) => void,
  ): Promise<{ server: ScriptedServer; afters: (number | undefined)[] }> {
    const afters: (number | undefined)[] = [];
    const server = await startScriptedServer({
      read: (call) => {
        const subscription = subscriptionOf(call.request);
        if (subscription === undefined) {
          for (let n = length - 1; n >= 0; n--) call.write(sent(TALLY, n, 100 * (n + 1)));
          call.end();
          return;
        }
        afters.push(subscription.after);
        call.write(confirmed());
        onSubscription({ call, after: subscription.after, nth: afters.length });
      },
    });
    cleanUp.push(() => server.stop());
    return { server, afters };
  }

  const send = (call: ReadCall, after: number | undefined, to: number): void => {
    for (let n = (after ?? 0) / 100; n < to; n++) call.write(sent(TALLY, n, 100 * (n + 1)));
  };
  const fail = (call: ReadCall, code: number, details: string): boolean =>
    call.emit('error', Object.assign(new Error(details), { code, details }));
  const subscriptions = (server: ScriptedServer): number =>
    [...server.open].filter((call) => 'request' in call && subscriptionOf(call.request) !== undefined).length;

  it.each([
    ['is unavailable', 14, 'gone'],
    ['gives up a slow consumer', 10, 'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.'],
    ['shuts down', 1, 'Call cancelled'],
  ])(
    'resumes after what it has processed when the server %s, though the dead subscription goes on delivering',
    async (_what, code, details) => {
      const { server, afters } = await scripted(60, ({ call, after, nth }) => {
        send(call, after, nth === 1 ? 40 : 60);
        if (nth === 1) fail(call, code, details);
      });
      const { revisions, until } = following(clientOf(server), { pageSize: 5 });
      await until(() => revisions().length >= 60);
      expect(revisions()).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(afters).toHaveLength(2);
      await server.until(() => subscriptions(server) === 1);
    },
  );

  it('takes an end that nobody asked for as a drop', async () => {
    const { server, afters } = await scripted(4, ({ call, after, nth }) => {
      send(call, after, nth === 1 ? 2 : 4);
      if (nth === 1) call.end();
    });
    const { revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 4);
    expect(revisions()).toEqual([0, 1, 2, 3]);
    expect(afters.length).toBe(2);
  });

  it('replaces a subscription that falls silent without an error, and ends its call', async () => {
    const { server } = await scripted(5, ({ call, after, nth }) => send(call, after, nth === 1 ? 2 : 5));
    const { revisions, until, troubles } = following(clientOf(server));
    await until(() => revisions().length >= 5);
    expect(revisions()).toEqual([0, 1, 2, 3, 4]);
    expect(troubles[0]).toBeInstanceOf(SilentSubscription);
    await server.until(() => subscriptions(server) === 1);
  });

  it('replaces one that never even began', async () => {
    const { server } = await scripted(2, ({ call, after, nth }) => {
      if (nth > 1) send(call, after, 2);
    });
    const { revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 2);
  });

  it('moves on with the checkpoints of the server, and never ahead of an event', async () => {
    const { server } = await scripted(30, ({ call }) => {
      send(call, undefined, 30);
      call.write(checkpoint(9_000));
      call.write(checkpoint(9_500));
    });
    const seenBefore: number[] = [];
    let seen = 0;
    const { pages, until } = following(clientOf(server), {
      pageSize: 2,
      watchEveryMs: 60_000,
      onPage: async (page) => {
        for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
        seen += page.events.length;
        if (page.position >= 9_000n) seenBefore.push(seen);
      },
    });
    await until(() => pages.at(-1)?.position === 9_500n);
    expect(new Set(seenBefore)).toEqual(new Set([30]));
  });

  it('holds the server back while a page takes its time', async () => {
    let accepted = 0;
    const { server } = await scripted(20_000, ({ call }) => {
      const push = (): void => {
        let more = true;
        while (more && accepted < 20_000) more = call.write(sent(TALLY, accepted, 100 * ++accepted));
        if (accepted < 20_000) call.once('drain', push);
      };
      push();
    });
    let finish: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (finish = resolve));
    let entered: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => (entered = resolve));
    const { revisions, until } = following(clientOf(server), {
      pageSize: 10,
      watchEveryMs: 60_000,
      onPage: () => {
        entered();
        return first;
      },
    });
    await busy;
    let before = -1;
    while (before !== accepted) {
      before = accepted;
      for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate);
    }
    expect(accepted).toBeLessThan(2_000);
    finish();
    await until(() => revisions().length >= 3_000);
    expect(revisions().slice(0, 3_000)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  });

  it('stops before an event that cannot be read, says which, and has processed all before it', async () => {
    const { server } = await scripted(6, ({ call }) => {
      send(call, undefined, 3);
      call.write(sent(TALLY, 3, 400, 'TallyTurnedIntoGold'));
      send(call, 400, 6);
    });
    const { feed, failures, until, revisions } = following(clientOf(server));
    await until(() => failures.length > 0);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(UndecodableEvent);
    expect(failures[0]?.event).toMatchObject({ type: 'TallyTurnedIntoGold', revision: 3n });
    expect(revisions()).toEqual([0, 1, 2]);
    expect(feed.position).toBe(300n);
    await server.until(() => subscriptions(server) === 0);
  });

  it('leaves no call open when it is stopped', async () => {
    const { server } = await scripted(3, ({ call, after }) => send(call, after, 3));
    const { feed, revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 3);
    await feed.stop();
    await server.until(() => subscriptions(server) === 0);
  });
});
