import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import type { Life } from './life.ts';

/** So long that no renewal is among the awaits; {@link finishes} lets the lease run out. */
export const LEASE_TIMES = { lifetime: 600_000, beat: 60_000 };

const LOOK_MS = 4;
const PATIENCE_MS = 20_000;

/**
 * Resolves when a process has done its work, or has died; then nothing of it goes on and its lease has run out. Throws what `isDone` throws, and
 * when the work is not done in time.
 */
export async function finishes(parts: {
  life: Life;
  database: Database;
  isDone: () => Promise<boolean>;
  stop: () => Promise<void>;
}): Promise<'finished' | 'died'> {
  const { life, database, isDone, stop } = parts;
  let dead = false;
  const died = life.died.then(() => (dead = true));
  try {
    for (const deadline = performance.now() + PATIENCE_MS; !dead; await Promise.race([delay(LOOK_MS), died])) {
      if (await isDone()) return 'finished';
      if (performance.now() > deadline) throw new Error('The process has neither finished nor died.');
    }
    return 'died';
  } finally {
    await stop();
    await life.quiet();
    // Long ago, and not now: a clock that is set back between two processes would keep the second waiting.
    await database.execute(`update engine.leases set expires_at = '-infinity'`);
  }
}
