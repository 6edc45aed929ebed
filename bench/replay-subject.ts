/** One subject of bench/replay.ts in a process of its own, so that its memory is its own too: told what to do as JSON, answers with a {@link Replayed}. */
import { EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import { deciders } from '#domain/deciders.ts';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { Database } from '#infra/postgres/database.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { feedsFrom, type OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { PostgresVault } from '#infra/vault/postgres-vault.ts';
import { InMemoryVault, type Vault } from '#infra/vault/vault.ts';
import { lessons } from '#projections/lessons/lessons.ts';
import { readModels } from '#projections/read-models.ts';

export interface Task {
  readonly subject: 'client' | 'clientOfOne' | 'one' | 'all';
  readonly connectionString: string;
  readonly vaultUrl: string;
  /** Hexadecimal. */
  readonly masterKey: string;
  /** An empty database. */
  readonly databaseUrl: string;
  /** Commit position of the log's last event, and how many events it has. */
  readonly head: string;
  readonly events: number;
}

export interface Replayed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Most memory of the process so far, in MiB, after each quarter of the log. */
  readonly peakMiB: readonly number[];
}

const QUARTERS = 4;
const task = JSON.parse(process.argv[2]!) as Task;
const head = BigInt(task.head);
const peakMiB: number[] = [];

/** Notes the memory each time another quarter of the log has been read; that of the last is noted when all is done. */
function reached(position: bigint): void {
  while (peakMiB.length < QUARTERS - 1 && position * BigInt(QUARTERS) >= head * BigInt(peakMiB.length + 1)) peakMiB.push(peak());
}

const peak = (): number => Math.round(process.resourceUsage().maxRSS / 1024);

async function timed(work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await work();
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const replayed: Replayed = { seconds, cpuSeconds: (user + system) / 1e6, peakMiB: [...peakMiB, peak()] };
  process.send!(replayed);
}

/** The vendor's client, with a filter as ours, and nothing done with what it delivers. */
async function readOnly(aggregateTypes: readonly string[]): Promise<void> {
  const bare = EventStoreDBClient.connectionString(task.connectionString);
  const filter = streamNameFilter({ prefixes: aggregateTypes.map((type) => `${type}-`) });
  let read = 0;
  await timed(async () => {
    const subscription = bare.subscribeToAll({ fromPosition: 'start', filter });
    // Listening is quicker than `for await`.
    await new Promise<void>((resolve, reject) => {
      subscription.on('error', reject);
      subscription.on('data', ({ event }) => {
        if (event === undefined) return;
        reached(event.position.commit);
        read++;
      });
      subscription.on('caughtUp', resolve);
    });
    await subscription.unsubscribe();
  });
  if (task.subject === 'client' && read !== task.events) throw new Error(`The client read ${read} of ${task.events} events.`);
  await bare.dispose();
}

/** From an empty database with the engine's own tables to rows of the whole log, indexes and views included. */
async function replay(models: readonly ReadModel[]): Promise<void> {
  const [database, vaultDatabase] = [new Database(task.databaseUrl), new Database(task.vaultUrl)];
  const client = new EventStoreClient({ connectionString: task.connectionString });
  const codec = codecWith(new PostgresVault(vaultDatabase, Buffer.from(task.masterKey, 'hex')));
  const feeds = feedsFrom({ client, codec, onTrouble: (error) => console.error(error) });
  const openFeed: OpenFeed = (request) =>
    feeds({
      ...request,
      onPage: (page) => {
        reached(page.position);
        return request.onPage(page);
      },
    });
  const engine = new ProjectionEngine({
    database,
    models,
    openFeed,
    readEvent: () => Promise.reject(new Error('nothing is tried again here')),
    onError: (error) => console.error(error),
  });
  await timed(async () => {
    engine.start();
    if (!(await engine.positions.waitFor(models.map(consumerOf), head, 600_000)))
      throw new Error('The read models did not come to the end.');
  });
  await engine.stop();
  const [parked] = await database.query<{ letters: number }>('select count(*) as letters from engine.dead_letters');
  if (parked!.letters > 0) throw new Error(`${parked!.letters} events were parked.`);
  await Promise.all([client.close(), database.close(), vaultDatabase.close()]);
}

const codecWith = (vault: Vault): Codec => new Codec({ deciders, vault });
const reader = codecWith(new InMemoryVault());
const subjects: Readonly<Record<Task['subject'], () => Promise<void>>> = {
  client: () => readOnly(reader.aggregateTypes),
  clientOfOne: () => readOnly(reader.aggregateTypesOf(new Set(Object.keys(lessons.on)))),
  one: () => replay([lessons]),
  all: () => replay(readModels),
};
await subjects[task.subject]();
