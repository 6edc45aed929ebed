import type { Logger } from 'pino';
import type { Database } from '#infra/postgres/database.ts';

/** Milliseconds between two looks. */
const EVERY_MS = 10_000;

/**
 * Watches what the engines hold back because it failed: events by read model, reactions by policy. It says in the log when there is more of it than
 * before, and keeps the numbers for a metric. Any process that works for the engines may watch.
 */
export class HeldBack {
  readonly #parts: { readonly database: Database; readonly log: Logger };
  #counts: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: { readonly database: Database; readonly log: Logger }) {
    this.#parts = parts;
  }

  /** How many are held back by whom, as of the last look; who holds nothing back is not in it. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.look().catch((error: unknown) => this.#parts.log.warn({ err: error }, 'could not look for what is held back'));
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks once. Throws what the database throws. */
  async look(): Promise<void> {
    const found = await this.#parts.database.query<{ name: string; count: number; command: string }>(
      `select consumer as name, count(*)::int as count, 'npm run projections -- letters' as command
         from engine.dead_letters letter
         where not skipped and version = (select max(version) from engine.checkpoints held where held.consumer = letter.consumer)
         group by consumer
       union all
       select 'process-manager.' || manager, count(*)::int, 'npm run outbox -- list' from engine.outbox where state = 'parked' group by manager`,
    );
    for (const { name, count, command } of found)
      if (count > (this.#counts.get(name) ?? 0))
        this.#parts.log.error({ consumer: name, heldBack: count, command }, 'something is held back');
    this.#counts = new Map(found.map(({ name, count }) => [name, count]));
  }
}
