import type { AllStreamSubscription } from '@eventstore/db-client';
import { binaryEvent, END, EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchedEventStore } from './launch.ts';
import { launchEventStore } from './launch.ts';

const subscribers = 50;
const batches = 10;
const batchSize = 50;
const total = batches * batchSize;
/** Besides what all get, the stuck ones have large events to get: together more than the server may take, did it queue them. */
const stuckSubscribers = 10;
const heavyEvents = 300;
const heavyBytes = 100_000;
const mostMemory = 300 * 1024 * 1024;

/** Bytes of memory that a process has resident. */
function residentMemory(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
}

describe('fifty subscribers, some of them stuck', () => {
  let dir: string;
  let server: LaunchedEventStore;
  const clients: EventStoreDBClient[] = [];
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'eventstore-fifty-'));
    server = await launchEventStore({ dir });
  });
  afterAll(async () => {
    for (const client of clients) await client.dispose();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  function client(): EventStoreDBClient {
    const made = EventStoreDBClient.connectionString(server.connectionString);
    clients.push(made);
    return made;
  }

  const subscribe = (from: EventStoreDBClient, prefixes: string[]): AllStreamSubscription =>
    from.subscribeToAll({ fromPosition: END, filter: streamNameFilter({ prefixes }) });

  const caughtUp = (subscription: AllStreamSubscription) =>
    new Promise<void>((resolve) => void subscription.once('caughtUp', () => resolve()));

  /** Reads in order, a turn of the loop or two per event for the slower ones; resolves when all are there. */
  async function follow(subscription: AllStreamSubscription, pace: number, enough = total): Promise<number> {
    let seen = 0;
    let last = -1n;
    for await (const { event } of subscription) {
      const position = event?.position.commit ?? 0n;
      expect(position).toBeGreaterThan(last);
      last = position;
      seen += 1;
      for (let turn = 0; turn < pace; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (seen === enough) break;
    }
    await subscription.unsubscribe();
    return seen;
  }

  it('the others get everything, memory stays bounded, and the stuck ones get everything when they resume', async () => {
    const writer = client();
    const shared = [client(), client(), client()];
    const stuck = Array.from({ length: stuckSubscribers }, () => subscribe(client(), ['Fifty-', 'Heavy-']));
    const others = Array.from({ length: subscribers - stuckSubscribers }, (_, index) =>
      subscribe(shared[index % shared.length] ?? writer, ['Fifty-']),
    );
    // A subscription only flows once somebody reads it; the stuck ones are read up to here and no further.
    const ready = [...stuck, ...others].map(caughtUp);
    for (const subscription of stuck) subscription.resume();
    const following = others.map((subscription, index) => follow(subscription, index % 4));
    await Promise.all(ready);
    for (const subscription of stuck) subscription.pause();

    const fill = (stream: string, count: number, bytes: number) =>
      writer.appendToStream(
        stream,
        Array.from({ length: count }, () => binaryEvent({ type: 'Filler', data: Buffer.alloc(bytes, 1) })),
      );
    let largest = 0;
    for (let batch = 0; batch < batches; batch += 1) {
      await fill(`Fifty-${batch % 5}`, batchSize, 2000);
      for (let heavy = 0; heavy < heavyEvents / batches; heavy += 10) await fill('Heavy-1', 10, heavyBytes);
      largest = Math.max(largest, residentMemory(server.pid));
    }
    expect(await Promise.all(following)).toEqual(others.map(() => total));
    largest = Math.max(largest, residentMemory(server.pid));
    expect(largest).toBeLessThan(mostMemory);

    const all = total + heavyEvents;
    for (const subscription of stuck) expect(await follow(subscription, 0, all)).toBe(all);
  }, 120_000);
});
