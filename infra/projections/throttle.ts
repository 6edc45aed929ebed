import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import { readReports } from '#infra/postgres/reports.ts';
import type { SessionReport } from './session.ts';

/** How far the live read models may be behind, in seconds, before work beside them waits. */
export const LAG_LIMIT_SECONDS = 1;
const WAIT_MS = 250;

/** A place to wait, before each page of work beside the live read models: it lets through while they lag by no more than the limit. */
export function whileLiveKeepsUp(database: Database, limitSeconds: number, signal: AbortSignal | undefined): () => Promise<void> {
  let lookedAt = -Infinity;
  return async () => {
    if (performance.now() - lookedAt < WAIT_MS) return;
    while ((await liveLag(database)) > limitSeconds && !(signal?.aborted ?? false)) await delay(WAIT_MS);
    lookedAt = performance.now();
  };
}

/** The worst lag of the live read models in seconds, as their engine told it last; 0 when none tells. */
async function liveLag(database: Database): Promise<number> {
  const told = (await readReports(database)).get('projections');
  if (told === undefined || told.ageSeconds > 5) return 0;
  const { models } = told.report as SessionReport;
  return Math.max(0, ...models.filter(({ state }) => state === 'live').map(({ lagSeconds }) => lagSeconds));
}
