import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Operator } from '#app/demo/operator.ts';
import { play } from '#app/demo/story.ts';
import { startEmbedded, type EmbeddedSystem } from '#app/embedded/embedded.ts';
import { Database } from '#infra/postgres/database.ts';
import { Evidence } from './evidence.ts';

let dir: string;
let embedded: EmbeddedSystem;
const operator = new Operator(() => embedded.addresses);

const start = () => {
  const unlimited = { RATE_LIMIT_PER_IP: '0', RATE_LIMIT_PER_CALLER: '0', RATE_LIMIT_STRICT: '0' };
  return startEmbedded({ dir, environment: { PUBLIC_PORT: '0', INTERNAL_PORT: '0', LOG_LEVEL: 'error', ...unlimited } });
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rebuild-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  embedded = await start();
}, 60_000);
afterAll(async () => {
  await embedded?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** All that there is once the system has come to rest. */
async function everything() {
  const evidence = new Evidence(embedded.addresses, operator);
  try {
    await evidence.settled();
    return {
      rows: await evidence.rows(),
      timers: await evidence.timers(),
      parked: await evidence.parked(),
      events: (await evidence.events()).map(({ id, type, streamId }) => ({ id, type, streamId })),
      mails: await evidence.mails(),
      stripeRequests: await evidence.stripeRequests(),
    };
  } finally {
    await evidence.close();
  }
}

/** Stops the system and drops its database; the keys of personal data, in a database of their own, stay. */
async function loseTheDatabase(): Promise<void> {
  await embedded.system.stop();
  const server = new URL(embedded.addresses.databaseUrl);
  const name = server.pathname.slice(1);
  server.pathname = '/postgres';
  const postgres = new Database(server.href);
  await postgres.execute(`drop database "${name}" with (force)`);
  await postgres.close();
  await embedded.peers.stop();
}

describe('The database of read models, outbox and timers', () => {
  it('comes back the same from the log: no mail, no call to Stripe, no event follows', async () => {
    for (const variant of ['lesson', 'declined', 'lost-slot'] as const) {
      const { publicUrl, admin } = embedded.addresses;
      const ending = await play(variant, { publicUrl, operator, run: `rebuild-${variant}` }, admin, () => Promise.resolve());
      expect(ending).toMatchObject({ faults: [] });
    }
    // The clients have gone, which the platform notes when it stops at the latest: from here on nobody does anything.
    await embedded.stop();
    embedded = await start();
    const before = await everything();
    await loseTheDatabase();
    embedded = await start();
    const after = await everything();

    for (const [table, rows] of Object.entries(before.rows)) expect({ table, rows: after.rows[table] }).toEqual({ table, rows });
    expect(Object.values(before.rows).filter((rows) => rows.length > 0).length).toBeGreaterThan(20);
    expect(after.events).toEqual(before.events);
    expect(after.mails).toEqual(before.mails);
    expect(after.stripeRequests).toEqual(before.stripeRequests);
    expect(after.parked).toEqual([]);
    expect(before.timers.length).toBeGreaterThan(0);
    expect(after.timers).toEqual(before.timers);
  }, 200_000);
});
