import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppendLedger } from './append-ledger.ts';
import { GroupLedger } from './group-ledger.ts';
import type { LaunchedEventStore } from '../launch.ts';
import { launchEventStore } from '../launch.ts';
import { verify } from '../tools/verify.ts';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 15);
const appenders = 64;
/** Few enough that writers meet on a stream, many enough that they do not only fight. */
const streams = 40;

async function readInto(ledger: AppendLedger, client: EventStoreDBClient): Promise<void> {
  const from = ledger.position;
  for await (const { event } of client.readAll({ fromPosition: from === 0n ? 'start' : { commit: from + 1n, prepare: from + 1n } })) {
    if (event) ledger.read(event.streamId, event.id, Number(event.revision), event.position?.commit ?? 0n);
  }
  ledger.settle();
}

async function appendUntil(dead: Promise<unknown>, client: EventStoreDBClient, ledger: AppendLedger): Promise<void> {
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
      const ledger = new AppendLedger();
      const group = new GroupLedger('Crash-0');
      for (let round = 0; round <= rounds; round += 1) {
        const running = await launchEventStore({ dir });
        server = running;
        const client = EventStoreDBClient.connectionString(running.connectionString);
        await readInto(ledger, client);
        if (round === 0) await group.create(client);
        await group.verify(client);
        if (round < rounds) {
          group.consume(client);
          const load = appendUntil(running.exited, client, ledger);
          await wait(Math.random() * 150);
          running.kill();
          await load;
        }
        await client.dispose();
      }
      expect(ledger.acknowledged).toBeGreaterThan(0);

      const whole = new AppendLedger();
      const client = EventStoreDBClient.connectionString(server?.connectionString ?? '');
      await readInto(whole, client);
      await group.drain(client);
      await client.dispose();
      expect(whole.position).toBe(ledger.position);
      await server?.stop();
      expect(verify(dir).faults).toEqual([]);
    },
    60_000 + rounds * 5_000,
  );
});
