/**
 * The embedded event store beside the same server with its storage switched to memory, in one run, interleaved.
 * `BENCH_EVENTS` is the size of the large log (default 1000000), `BENCH_SECONDS` the length of a round (default 2).
 */
import { binaryEvent, EventStoreDBClient } from '@eventstore/db-client';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { fileLog } from '#infra/embedded/eventstoredb/log/file-log.ts';
import { EventStore } from '#infra/embedded/eventstoredb/store/event-store.ts';

const many = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
const few = 1000;
const seconds = Number(process.env['BENCH_SECONDS'] ?? 2);
const rounds = 9;
const streamCount = 20_000;
const readCount = Math.min(100_000, many);
const data = randomBytes(500);

interface Running {
  readonly server: LaunchedEventStore;
  readonly client: EventStoreDBClient;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const anyStream = (): string => `Bench-${Math.floor(Math.random() * streamCount)}`;
const event = () => binaryEvent({ type: 'BenchHappened', data });

/** Writes events straight into a folder, a hundred at a time. */
async function seed(dir: string, count: number): Promise<void> {
  const log = fileLog(dir);
  const store = new EventStore(log);
  const proposed = () => ({ id: randomUUID(), type: 'BenchHappened', isJson: false, data, customMetadata: Buffer.alloc(0) });
  for (let written = 0; written < count;) {
    const appends = Array.from({ length: 200 }, () => {
      const events = Array.from({ length: Math.min(5, count - written) }, proposed);
      written += events.length;
      return events.length > 0 ? store.append(anyStream(), 'any', events) : Promise.resolve();
    });
    await Promise.all(appends);
  }
  await store.close();
}

async function start(dir: string, args: readonly string[] = []): Promise<Running> {
  const server = await launchEventStore({ dir, args });
  return { server, client: EventStoreDBClient.connectionString(server.connectionString) };
}

async function stop({ server, client }: Running): Promise<void> {
  await client.dispose();
  await server.stop();
}

/** Appends per second with so many in flight. */
async function appendRate({ client }: Running, inFlight: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let count = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < end) {
        await client.appendToStream(anyStream(), event());
        count += 1;
      }
    }),
  );
  return (count / (performance.now() - started)) * 1000;
}

/** Milliseconds of single appends, one after the other. */
async function appendLatencies({ client }: Running, count: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const before = performance.now();
    await client.appendToStream(anyStream(), event());
    latencies.push(performance.now() - before);
  }
  return latencies;
}

/** Events per second of one long read of `$all`. */
async function readRate({ client }: Running): Promise<number> {
  const before = performance.now();
  let count = 0;
  for await (const _event of client.readAll({ maxCount: readCount })) count += 1;
  return (count / (performance.now() - before)) * 1000;
}

/** Rates of two servers, taken in turns, each first in every other round; the ratio is the median of those of the rounds. */
async function compare(measure: (running: Running) => Promise<number>, ours: Running, baseline: Running) {
  const taken: { own: number; base: number }[] = [];
  // The first rounds warm up: a log that was just opened knows none of its streams.
  for (const running of [ours, baseline]) await measure(running);
  for (let round = 0; round < rounds; round += 1) {
    const early = round % 2 === 0 ? await measure(ours) : undefined;
    const base = await measure(baseline);
    taken.push({ own: early ?? (await measure(ours)), base });
  }
  return {
    ours: median(taken.map(({ own }) => own)),
    baseline: median(taken.map(({ base }) => base)),
    ratio: median(taken.map(({ own, base }) => own / base)),
  };
}

const residentMegabytes = ({ server }: Running): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.pid)], { encoding: 'utf8' })) / 1024;

function row(what: string, ours: string, baseline = '', ratio = ''): void {
  console.log(`${what.padEnd(46)} ${ours.padStart(14)} ${baseline.padStart(14)} ${ratio.padStart(7)}`);
}
const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;
const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;

/** What the disk takes for one small synced write, in milliseconds: the floor under a single append, and a sign of busy neighbours. */
async function diskLatency(): Promise<number> {
  const file = await open(join(root, 'disk'), 'w');
  const block = Buffer.alloc(16 * 1024);
  const latencies: number[] = [];
  for (let index = 0; index < 500; index += 1) {
    const before = performance.now();
    await file.write(block, 0, block.length, (index % 100) * block.length);
    await file.datasync();
    latencies.push(performance.now() - before);
  }
  await file.close();
  return median(latencies);
}

const root = mkdtempSync(join(tmpdir(), 'eventstore-bench-'));
const folders = { small: join(root, 'small'), large: join(root, 'large'), memory: join(root, 'memory') };
try {
  for (const dir of [folders.small, folders.large]) await stop(await start(dir));
  await seed(folders.small, few);
  const seedingStarted = performance.now();
  await seed(folders.large, many);
  const seedingRate = (many / (performance.now() - seedingStarted)) * 1000;

  // What seeding left in the caches goes to disk first, so that it is not measured with the appends.
  execFileSync('sync');

  const starts: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = performance.now();
    const running = await start(folders.large);
    starts.push(performance.now() - before);
    await stop(running);
  }

  const [small, large, memory] = [await start(folders.small), await start(folders.large), await start(folders.memory, ['--memory'])];
  // The same mix as in the large log: five events an append.
  for (let written = 0; written < readCount; written += 500) {
    await Promise.all(Array.from({ length: 100 }, () => memory.client.appendToStream(anyStream(), Array.from({ length: 5 }, event))));
  }
  const disk = [await diskLatency()];
  const read = await compare(readRate, large, memory);
  const append64 = await compare((running) => appendRate(running, 64), large, memory);
  const append1 = await compare((running) => appendRate(running, 1), large, memory);
  const latencies: { small: number[]; large: number[] } = { small: [], large: [] };
  await appendLatencies(small, 200);
  for (let round = 0; round < 10; round += 1) {
    latencies.small.push(...(await appendLatencies(small, 200)));
    latencies.large.push(...(await appendLatencies(large, 200)));
  }
  const flatness = median(latencies.large) / median(latencies.small);
  disk.push(await diskLatency());
  const memoryAfter = residentMegabytes(large);
  for (const running of [small, large, memory]) await stop(running);

  row(`${many.toLocaleString('en')} events of ${data.length} bytes`, 'durable', 'in memory', 'ratio');
  row('written in process, five an append', rate(seedingRate));
  row('one synced write, before and after', milliseconds(disk[0] ?? 0), milliseconds(disk[1] ?? 0));
  row('start to ready (limit 3 s)', milliseconds(median(starts)));
  row('resident memory after all of this (limit 300 MB)', `${Math.round(memoryAfter)} MB`);
  row(`$all read, ${readCount.toLocaleString('en')} events (goal 0.9)`, rate(read.ours), rate(read.baseline), read.ratio.toFixed(2));
  row('appends, 64 in flight (goal 0.8)', rate(append64.ours), rate(append64.baseline), append64.ratio.toFixed(2));
  row('appends, 1 in flight', rate(append1.ours), rate(append1.baseline), append1.ratio.toFixed(2));
  row(
    `append median at ${few} and at ${many} events (limit 1.3)`,
    milliseconds(median(latencies.large)),
    milliseconds(median(latencies.small)),
    flatness.toFixed(2),
  );
  console.log(
    JSON.stringify({
      bench: 'eventstore',
      events: many,
      startMs: Math.round(median(starts)),
      residentMb: Math.round(memoryAfter),
      readAllRatio: Number(read.ratio.toFixed(3)),
      append64Ratio: Number(append64.ratio.toFixed(3)),
      append1Ratio: Number(append1.ratio.toFixed(3)),
      appendLatencyGrowth: Number(flatness.toFixed(3)),
    }),
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
