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
import { addOneByOne, close, contextOf, tallyDeciders, tallyFacts } from '#infra/event-store/tally.examples.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { AnotherLog } from './feed.ts';
import { afterwards, clientOf, codec, endAll, following } from './following.examples.ts';

afterEach(endAll);

describe('A feed', () => {
  async function embedded() {
    const dir = mkdtempSync(join(tmpdir(), 'feed-'));
    const servers: LaunchedEventStore[] = [];
    const launch = async (port = 0): Promise<LaunchedEventStore> => {
      const server = await launchEventStore({ dir, port });
      servers.push(server);
      return server;
    };
    afterwards(async () => {
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
