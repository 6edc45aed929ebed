import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { Leadership, type LeasedWork } from '#infra/leases/leadership.ts';
import type { Lease, LeaseTimes } from '#infra/leases/lease.ts';
import type { Level } from '#infra/leases/level.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { Positions } from './positions.ts';
import { Session, type SessionReport } from './session.ts';
import { consumerOf } from './tables.ts';

export interface ProjectionEngineOptions {
  readonly database: Database;
  readonly models: readonly ReadModel[];
  readonly openFeed: OpenFeed;
  /** Hears of every failure. The engine goes on by itself. */
  readonly onError: (error: unknown) => void;
  readonly leaseTimes?: LeaseTimes;
  /** One event of the log, for what is held back and tried again. */
  readonly readEvent: (stream: string, revision: number) => Promise<RecordedEvent>;
  /** What operators ask for. Without it nobody can ask for anything. */
  readonly record?: OperationsRecord;
}

/**
 * Keeps the tables of all read models as the log says. One process at a time does the work, under a lease; every process may ask how far
 * it has come. Models that are new, or whose version was raised, fill their tables beside the others and join them once they have caught up.
 */
export class ProjectionEngine {
  readonly positions: Positions;
  readonly #leadership: Leadership;
  readonly #options: ProjectionEngineOptions;
  #session: Session | undefined;

  constructor(options: ProjectionEngineOptions) {
    this.#options = options;
    this.positions = new Positions(options.database, consumersByName(options.models), options.onError);
    this.#leadership = new Leadership({
      database: options.database,
      name: 'projections',
      begin: (lease, level) => this.#begin(lease, level),
      onError: options.onError,
      ...(options.leaseTimes === undefined ? {} : { times: options.leaseTimes }),
    });
  }

  start(): void {
    this.#leadership.start();
  }

  /** Stops after the page under way and gives the lease back. */
  async stop(): Promise<void> {
    await this.#leadership.stop();
  }

  /** How the work goes, if it is this process that does it; undefined too while it cannot begin. */
  report(): SessionReport | undefined {
    return this.#session?.report();
  }

  /** Seconds since the live read models were last level, while this process leads and cannot begin the work; else undefined. */
  get idleLagSeconds(): number | undefined {
    return this.#session === undefined ? this.#leadership.level?.secondsAgo : undefined;
  }

  async #begin(lease: Lease, level: Level): Promise<LeasedWork> {
    const session = new Session({ ...this.#options, lease, level, positions: this.positions });
    await session.open();
    this.#session = session;
    return {
      failed: session.failed,
      stop: async () => {
        this.#session = undefined;
        await session.stop();
      },
    };
  }
}

/** Read models by `context.name` and by plain name. */
function consumersByName(models: readonly ReadModel[]): Map<string, { consumer: string; version: number }> {
  const found = new Map<string, { consumer: string; version: number }>();
  for (const model of models) {
    const consumer = { consumer: consumerOf(model), version: model.version };
    for (const name of new Set([consumer.consumer, `${model.context}.${model.name}`, model.name])) found.set(name, consumer);
  }
  if (new Set(models.map(consumerOf)).size !== models.length) throw new Error('Two read models have one name.');
  return found;
}
