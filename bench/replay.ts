/**
 * Events per second from the log into Postgres, beside the vendor client's own reading of the same log, interleaved in one run: one read model,
 * and all of them at once. `BENCH_EVENTS` (default 100,000) events of a made-up mix, `BENCH_ROUNDS` (default 3) rounds.
 */
import { EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deciders } from '#domain/deciders.ts';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { EventMetadata, RecordedEvent } from '#domain/kernel/event.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { disposableServer } from '#infra/postgres/disposable.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { feedsFrom } from '#infra/subscriptions/open-feed.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { Storyteller } from '#infra/verify/story.ts';
import { lessons } from '#projections/lessons/lessons.ts';
import { readModels } from '#projections/read-models.ts';
import { interleaved, median, ratio, type Sample } from './measure.ts';

const events = Number(process.env['BENCH_EVENTS'] ?? 100_000);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** Appends under way while the log is filled. */
const FILLERS = 32;
const CHAPTER = 5_000;

const dir = mkdtempSync(join(tmpdir(), 'chalkstream-replay-'));
const store = await launchEventStore({ dir });
const postgres = await disposableServer();
const client = new EventStoreClient({ connectionString: store.connectionString });
const codec = new Codec({ deciders, vault: new InMemoryVault() });

/** Fills the log; the position of its last event. */
async function fillLog(): Promise<bigint> {
  const types = new Set(deciders.flatMap((decider) => decider.events.map(({ type }) => type)));
  const teller = new Storyteller(deciders, 1, { ids: Math.max(100, Math.round(events / 20)) });
  for (let told = 0; told < events; told += CHAPTER) {
    const streams = new Map<string, RecordedEvent[]>();
    for (const event of teller.tell(Math.min(CHAPTER, events - told), types)) {
      const stream = streams.get(event.stream);
      if (stream === undefined) streams.set(event.stream, [event]);
      else stream.push(event);
    }
    const waiting = [...streams];
    await Promise.all(
      Array.from({ length: FILLERS }, async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          const [stream, chapter] = next;
          const encoded = [];
          for (const event of chapter) encoded.push((await codec.encode(event.id, event, event.metadata as EventMetadata)).stored);
          await client.append(stream, encoded, 'any');
        }
      }),
    );
    process.stderr.write(`\r${told + CHAPTER} of ${events} events written`);
  }
  process.stderr.write('\n');
  return client.head();
}

const head = await fillLog();
let mostMemory = 0;

async function timed(work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await work();
  const elapsed = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  mostMemory = Math.max(mostMemory, process.memoryUsage().rss);
  return { perSecond: (events * 1_000) / elapsed, p50: 0, p99: 0, p999: 0, cpuMicros: (user + system) / events };
}

/** The vendor's client, with a filter as ours, and nothing done with what it delivers. */
async function bareRead(): Promise<void> {
  const bare = EventStoreDBClient.connectionString(store.connectionString);
  const subscription = bare.subscribeToAll({
    fromPosition: 'start',
    filter: streamNameFilter({ prefixes: codec.aggregateTypes.map((type) => `${type}-`) }),
  });
  let read = 0;
  for await (const { event } of subscription) {
    if (event !== undefined && ++read === events) break;
  }
  await subscription.unsubscribe();
  await bare.dispose();
}

/** From an empty database with the engine's own tables to rows of the whole log, indexes and views included. */
async function replay(models: readonly ReadModel[]): Promise<Sample> {
  const { database } = await postgres.create();
  const engine = new ProjectionEngine({
    database,
    models,
    openFeed: feedsFrom({ client, codec, onTrouble: (error) => console.error(error) }),
    readEvent: () => Promise.reject(new Error('nothing is tried again here')),
    onError: (error) => console.error(error),
  });
  const sample = await timed(async () => {
    engine.start();
    if (!(await engine.positions.waitFor(models.map(consumerOf), head, 600_000)))
      throw new Error('The read models did not come to the end.');
  });
  await engine.stop();
  const [parked] = await database.query<{ letters: number }>('select count(*) as letters from engine.dead_letters');
  if (parked!.letters > 0) throw new Error(`${parked!.letters} events were parked.`);
  return sample;
}

try {
  const samples = await interleaved(
    {
      'client alone': () => timed(bareRead),
      'one read model': () => replay([lessons]),
      'all read models': () => replay(readModels),
    },
    rounds,
  );
  const bare = samples['client alone'];
  for (const [name, list] of Object.entries(samples)) {
    const rate = Math.round(median(list.map(({ perSecond }) => perSecond)));
    const cpu = median(list.map(({ cpuMicros }) => cpuMicros)).toFixed(1);
    console.log(
      `${name.padEnd(16)} ${rate.toLocaleString('en').padStart(9)} events/s ${cpu.padStart(6)} us CPU each   ${ratio(list, bare)} of the client`,
    );
  }
  console.log(
    JSON.stringify({
      bench: 'replay',
      events,
      readModels: readModels.length,
      oneReadModelToClient: ratio(samples['one read model'], bare),
      allReadModelsToClient: ratio(samples['all read models'], bare),
      mostMemoryMiB: Math.round(mostMemory / 2 ** 20),
    }),
  );
} finally {
  await client.close();
  await store.stop();
  await postgres.dispose();
  rmSync(dir, { recursive: true });
}
