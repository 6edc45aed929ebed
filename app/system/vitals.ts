import type { Logger } from 'pino';
import type { Database } from '#infra/postgres/database.ts';
import { tellReport } from '#infra/postgres/reports.ts';
import { BACKLOG, type BacklogReport, type ConsumerReport, operations, type OperationsReport } from '../operations/report.ts';

export interface VitalsParts {
  readonly database: Database;
  readonly log: Logger;
  /** Counts what waits for each consumer; undefined in a process that leads no group, where another one counts. */
  readonly countBacklog?: () => Promise<BacklogReport['backlog'] | undefined>;
}

/** Milliseconds between two looks, and between two counts of what waits. */
const EVERY_MS = 5_000;
const COUNT_EVERY_MS = 20_000;

/**
 * Watches how the engines are doing, for metrics and readiness, from any process: lags, backlogs, rates, what is held back, the outbox. It says in the
 * log when there is more held back than before.
 */
export class Vitals {
  readonly #parts: VitalsParts;
  #report: OperationsReport | undefined;
  #heldBack: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isLooking = false;
  #countedAt = -Infinity;

  constructor(parts: VitalsParts) {
    this.#parts = parts;
  }

  /** As of the last look; undefined before the first. */
  get report(): OperationsReport | undefined {
    return this.#report;
  }

  /** Each consumer in the version that queries see; where they see none, in the newest. */
  get consumers(): readonly ConsumerReport[] {
    return this.#report?.consumers.filter(({ served }) => served) ?? [];
  }

  start(): void {
    this.#lookInTheBackground();
    this.#timer = setInterval(() => this.#lookInTheBackground(), EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks once. Throws what the database throws. */
  async look(): Promise<void> {
    const { database } = this.#parts;
    await this.#count();
    this.#report = await operations(database);
    const heldBack = new Map(this.consumers.filter(({ parked }) => parked > 0).map(({ consumer, parked }) => [consumer, parked]));
    for (const [consumer, count] of heldBack)
      if (count > (this.#heldBack.get(consumer) ?? 0))
        this.#parts.log.error({ consumer, heldBack: count, command: 'npm run dead-letters -- list' }, 'something is held back');
    this.#heldBack = heldBack;
  }

  async #count(): Promise<void> {
    const { database, countBacklog } = this.#parts;
    if (countBacklog === undefined || performance.now() - this.#countedAt < COUNT_EVERY_MS) return;
    const backlog = await countBacklog();
    if (backlog === undefined) return;
    this.#countedAt = performance.now();
    await tellReport(database, BACKLOG, { backlog } satisfies BacklogReport);
  }

  #lookInTheBackground(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#looking = this.look()
      .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'could not look how the engines are doing'))
      .finally(() => {
        this.#isLooking = false;
      });
  }
}
