import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import { readReports, tellReport } from '#infra/postgres/reports.ts';

const NAME = 'webhooks';
const TELL_EVERY_MS = 1_000;
/** What was told longer ago than this was told by a process that is gone. */
const STALE_SECONDS = 5;

/**
 * Since when the platform has been able to hear webhooks: told by a process that takes them, for those that do not. What nobody could be told of
 * may still have happened.
 */
export class Listening {
  readonly #stopping = new AbortController();
  #since = Infinity;
  /** The same of the platform, as far as this process knows. */
  #platformSince = Infinity;
  #telling: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** From now on webhooks reach this process. */
  begin(): void {
    this.#since = performance.now();
    this.#platformSince = this.#since;
    this.#telling = this.#tell();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#telling;
  }

  /** Milliseconds for which webhooks have reached this process. */
  get milliseconds(): number {
    return Math.max(0, performance.now() - this.#since);
  }

  async #tell(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#tellOnce().catch(this.onError);
      await wait(TELL_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Another process that has listened for longer, and still did when this one began, hands on since when; until that is known it is not talked over. */
  async #tellOnce(): Promise<void> {
    const told = await lastTold(this.database);
    const own = performance.now() - this.#platformSince;
    if (told !== undefined && told.milliseconds > own) {
      if (told.ageSeconds * 1_000 >= this.milliseconds) return;
      this.#platformSince = performance.now() - told.milliseconds;
    }
    await tellReport(this.database, NAME, { milliseconds: performance.now() - this.#platformSince });
  }
}

/** Milliseconds for which webhooks have reached some process of the platform; 0 when they reach none now. */
export async function platformListensFor(database: Database): Promise<number> {
  return (await lastTold(database))?.milliseconds ?? 0;
}

async function lastTold(database: Database): Promise<{ readonly milliseconds: number; readonly ageSeconds: number } | undefined> {
  const told = (await readReports(database)).get(NAME);
  if (told === undefined || told.ageSeconds > STALE_SECONDS) return undefined;
  return { ...(told.report as { milliseconds: number }), ageSeconds: told.ageSeconds };
}
