import type { EventData } from '@eventstore/db-client';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { LaunchedEventStore } from './launch.ts';
import { launchEventStore } from './launch.ts';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 15);
const appenders = 64;
/** Few enough that writers meet on a stream, many enough that they do not only fight. */
const streams = 40;

/** Everything that was sent, and what the server said to it. */
class Ledger {
  private readonly batchOf = new Map<string, { readonly ids: readonly string[]; acknowledged: boolean; found: boolean }>();
  private readonly heads = new Map<string, number>();
  private lastPosition = 0n;
  private open: { ids: readonly string[]; stream: string; next: number } | undefined;
  acknowledged = 0;

  sent(events: readonly EventData[]): void {
    const ids = events.map(({ id }) => id);
    for (const id of ids) this.batchOf.set(id, { ids, acknowledged: false, found: false });
  }

  confirmed(events: readonly EventData[]): void {
    for (const { id } of events) {
      const batch = this.batchOf.get(id);
      if (batch) batch.acknowledged = true;
    }
    this.acknowledged += 1;
  }

  /** The next event of `$all`: it continues its stream, and its batch. */
  read(stream: string, id: string, revision: number, position: bigint): void {
    if (position <= this.lastPosition) throw new Error(`Position ${position} comes after ${this.lastPosition}.`);
    this.lastPosition = position;
    const head = this.heads.get(stream) ?? -1;
    if (revision !== head + 1) throw new Error(`${stream} goes from ${head} to ${revision}.`);
    this.heads.set(stream, revision);
    const batch = this.batchOf.get(id);
    if (!batch) return;
    if (batch.found) throw new Error(`${id} is there twice.`);
    batch.found = true;
    this.open ??= { ids: batch.ids, stream, next: 0 };
    if (this.open.ids[this.open.next] !== id || this.open.stream !== stream) throw new Error(`The batch of ${id} is torn apart.`);
    this.open.next += 1;
    if (this.open.next === this.open.ids.length) this.open = undefined;
  }

  /** The end of `$all` after a crash: nothing half written, nothing acknowledged missing. */
  settle(): void {
    if (this.open) throw new Error(`Of a batch of ${this.open.ids.length} only ${this.open.next} are there.`);
    for (const [id, { acknowledged, found }] of this.batchOf)
      if (acknowledged && !found) throw new Error(`The acknowledged ${id} is lost.`);
    // What was neither acknowledged nor found in the crashed log can never appear any more.
    this.batchOf.clear();
  }

  get position(): bigint {
    return this.lastPosition;
  }
}

async function readInto(ledger: Ledger, client: EventStoreDBClient): Promise<void> {
  const from = ledger.position;
  for await (const { event } of client.readAll({ fromPosition: from === 0n ? 'start' : { commit: from + 1n, prepare: from + 1n } })) {
    if (event) ledger.read(event.streamId, event.id, Number(event.revision), event.position?.commit ?? 0n);
  }
  ledger.settle();
}

async function appendUntil(dead: Promise<unknown>, client: EventStoreDBClient, ledger: Ledger): Promise<void> {
  let alive = true;
  void dead.then(() => {
    alive = false;
  });
  const known = new Map<string, bigint>();
  await Promise.all(
    Array.from({ length: appenders }, async () => {
      while (alive) {
        const stream = `Crash-${Math.floor(Math.random() * streams)}`;
        const events = Array.from({ length: 1 + Math.floor(Math.random() * 10) }, (_, number) =>
          jsonEvent({ type: 'Written', data: { number, filler: 'x'.repeat(Math.floor(Math.random() * 400)) } }),
        );
        const expected = Math.random() < 0.5 ? known.get(stream) : undefined;
        ledger.sent(events);
        const outcome = await Promise.race([
          dead,
          client.appendToStream(stream, events, { expectedRevision: expected ?? 'any' }).catch(() => undefined),
        ]);
        if (typeof outcome !== 'object' || outcome === null || !('nextExpectedRevision' in outcome)) continue;
        ledger.confirmed(events);
        known.set(stream, outcome.nextExpectedRevision as bigint);
      }
    }),
  );
}

describe('kill -9 under load', () => {
  let dir: string;
  let server: LaunchedEventStore | undefined;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'eventstore-crash-'));
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it(
    `loses nothing acknowledged and keeps nothing half written, ${rounds} times`,
    async () => {
      const ledger = new Ledger();
      for (let round = 0; round <= rounds; round += 1) {
        const running = await launchEventStore({ dir });
        server = running;
        const client = EventStoreDBClient.connectionString(running.connectionString);
        await readInto(ledger, client);
        if (round < rounds) {
          const load = appendUntil(running.exited, client, ledger);
          await wait(Math.random() * 150);
          running.kill();
          await load;
        }
        await client.dispose();
      }
      expect(ledger.acknowledged).toBeGreaterThan(0);

      const whole = new Ledger();
      const client = EventStoreDBClient.connectionString(server?.connectionString ?? '');
      await readInto(whole, client);
      await client.dispose();
      expect(whole.position).toBe(ledger.position);
    },
    60_000 + rounds * 5_000,
  );
});
