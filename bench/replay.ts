/**
 * Events per second from the log into Postgres, beside the vendor client's own reading of the same log, interleaved in one run: one read model,
 * and all of them at once; and the memory that it takes. `BENCH_EVENTS` (default 100,000) events of a made-up log, `BENCH_ROUNDS` (default 3) rounds.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deciders } from '#domain/deciders.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { disposableServer } from '#infra/postgres/disposable.ts';
import { PostgresVault } from '#infra/vault/postgres-vault.ts';
import { readModels } from '#projections/read-models.ts';
import { writeLog } from './made-up-log.ts';
import { interleaved, median, printRows, ratio, type Sample } from './measure.ts';
import type { Replayed, Task } from './replay-subject.ts';

const events = Number(process.env['BENCH_EVENTS'] ?? 100_000);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const subjectFile = fileURLToPath(new URL('./replay-subject.ts', import.meta.url));

const began = performance.now();
const dir = mkdtempSync(join(tmpdir(), 'chalkstream-replay-'));
const postgres = await disposableServer();
const vaultDatabase = await postgres.create();
const masterKey = randomBytes(32);
const vault = new PostgresVault(vaultDatabase.database, masterKey);
await vault.prepare();
await writeLog(dir, events, new Codec({ deciders, vault }));
const writing = (performance.now() - began) / 1_000;
console.log(
  `${events.toLocaleString('en')} events written in ${writing.toFixed(0)} s; load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
);

const store = await launchEventStore({ dir });
const client = new EventStoreClient({ connectionString: store.connectionString });
const head = await client.head();
await client.close();
const peaks: Record<Task['subject'], (readonly number[])[]> = { client: [], clientOfOne: [], one: [], all: [] };

async function run(subject: Task['subject']): Promise<Sample> {
  const { url } = await postgres.create();
  const task: Task = {
    subject,
    connectionString: store.connectionString,
    vaultUrl: vaultDatabase.url,
    masterKey: masterKey.toString('hex'),
    databaseUrl: url,
    head: String(head),
    events,
  };
  const child = fork(subjectFile, [JSON.stringify(task)]);
  const answers: Replayed[] = [];
  child.on('message', (message) => answers.push(message as Replayed));
  await once(child, 'exit');
  const [replayed] = answers;
  if (replayed === undefined || child.exitCode !== 0) throw new Error(`${subject} ended with ${child.exitCode}.`);
  // So that nothing is cleaned up behind the scenes while the next one runs.
  await vaultDatabase.database.execute(`drop database "${new URL(url).pathname.slice(1)}" with (force)`);
  peaks[subject].push(replayed.peakMiB);
  return { perSecond: events / replayed.seconds, p50: 0, p99: 0, p999: 0, cpuMicros: (replayed.cpuSeconds * 1e6) / events };
}

try {
  const samples = await interleaved(
    { client: () => run('client'), clientOfOne: () => run('clientOfOne'), one: () => run('one'), all: () => run('all') },
    rounds,
  );
  const bare = samples.client;
  const line = (name: string, subject: Task['subject']): string[] => {
    const rate = Math.round(median(samples[subject].map(({ perSecond }) => perSecond)));
    const cpu = median(samples[subject].map(({ cpuMicros }) => cpuMicros)).toFixed(1);
    const memory = peaks[subject][0]!.map((_, nth) => median(peaks[subject].map((each) => each[nth]!)));
    return [name, rate.toLocaleString('en'), cpu, ratio(samples[subject], bare).toFixed(2), ...memory.map(String)];
  };
  printRows([
    ['', 'events/s', 'us CPU each', 'of the client', 'MiB at 1/4', 'at 1/2', 'at 3/4', 'at 4/4'],
    line('client alone', 'client'),
    line('client, streams of one', 'clientOfOne'),
    line('one read model', 'one'),
    line(`all ${readModels.length}`, 'all'),
  ]);
  console.log(
    `load average ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}; ${((performance.now() - began) / 1_000).toFixed(0)} s in all`,
  );
  console.log(
    JSON.stringify({
      bench: 'replay',
      events,
      readModels: readModels.length,
      oneReadModelToClient: ratio(samples.one, bare),
      oneReadModelToClientOfItsStreams: ratio(samples.one, samples.clientOfOne),
      allReadModelsToClient: ratio(samples.all, bare),
      mostMemoryMiB: Math.max(...peaks.one.flat(), ...peaks.all.flat()),
    }),
  );
} finally {
  await store.stop();
  await postgres.dispose();
  rmSync(dir, { recursive: true });
}
