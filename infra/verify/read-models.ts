import type { ColumnType, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { rowsAfter } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { Rows } from '#infra/projections/rows.ts';
import { consumerOf, quoted, tableOf } from '#infra/projections/tables.ts';
import { dieAfterEveryAwait } from './dying.ts';
import { differences } from './differences.ts';
import { overFrozenRows } from './frozen.ts';
import { Dead, Life } from './life.ts';
import { MemoryLog, type MemoryFeedOptions } from './memory-log.ts';
import { finishes, LEASE_TIMES } from './process.ts';

/** Read models on trial: one, or several in one engine. */
export interface ReadModelTrial {
  /** Its own for as long as the trial lasts; emptied at the beginning. */
  readonly database: Database;
  /** The models as a new process has them. */
  readonly fresh: () => readonly ReadModel[];
  readonly story: readonly RecordedEvent[];
}

interface Circumstances {
  readonly life?: Life;
  readonly models?: readonly ReadModel[];
  readonly feed?: MemoryFeedOptions;
}

/** Pages of so few events that there are many checkpoints. */
const SMALL = 4;

/** What a read model is put through. Afterwards its rows must be those that its functions say. */
export const readModelTortures = {
  'one replay in one go': async (trial) => {
    await live(trial, logOf(trial.story));
  },
  'everything delivered twice': async (trial) => {
    const log = new MemoryLog();
    // The same process meets an event again when the write behind it was lost.
    const models = trial.fresh();
    for (const part of halves(trial.story)) {
      log.append(...part);
      for (let awaits = 5; ; awaits++) {
        if (
          (await live(trial, log, {
            models,
            life: new Life(awaits),
            feed: { pageSize: SMALL, everyPageTwice: true, pagesOverlap: true },
          })) === 'finished'
        )
          break;
      }
    }
  },
  'a restart at every checkpoint': async (trial) => {
    const log = new MemoryLog();
    for (const event of trial.story) {
      log.append(event);
      await live(trial, log);
    }
  },
  'a death after every await': deaths,
} as const satisfies Record<string, (trial: ReadModelTrial) => Promise<void>>;

export type ReadModelTorture = keyof typeof readModelTortures;

/** Puts read models through a torture and tells what is wrong afterwards. Throws what the engine did not bear. */
export async function findingsOfReadModels(torture: ReadModelTorture, trial: ReadModelTrial): Promise<string[]> {
  await empty(trial);
  await readModelTortures[torture](trial);
  return findings(trial);
}

/** Lets processes die after so many awaits each, one after the other, while the story goes on; the last one lives. Tells what is wrong then. */
export async function findingsAfterDeathsAt(moments: readonly number[], trial: ReadModelTrial): Promise<string[]> {
  await empty(trial);
  const log = new MemoryLog();
  const part = Math.ceil(trial.story.length / (moments.length + 1));
  for (const [nth, moment] of moments.entries()) {
    log.append(...trial.story.slice(nth * part, (nth + 1) * part));
    await live(trial, log, { life: new Life(moment), feed: { pageSize: SMALL } });
  }
  log.append(...trial.story.slice(moments.length * part));
  await live(trial, log);
  return findings(trial);
}

async function findings({ database, fresh, story }: ReadModelTrial): Promise<string[]> {
  const letters = await database.query<{ consumer: string; event_type: string; error: string }>(
    'select consumer, event_type, error from engine.dead_letters',
  );
  const found = letters.map(({ consumer, event_type, error }) => `${consumer} could not take ${event_type}: ${error}`);
  for (const model of fresh()) {
    const keys = await database.query<{ key: string }>(`select key from ${tableOf(model).sql}`);
    const rows = await new Rows(tableOf(model)).read(
      database,
      keys.map(({ key }) => key),
    );
    const expected = Object.entries(rowsAfter(model, ...story)).map(([key, row]) => [key, asRead(model.columns, row)] as const);
    found.push(...differences(new Map(expected), rows).map((difference) => `${consumerOf(model)}, row ${difference}`));
  }
  return found;
}

/** A read model alone makes its calls one after the other: to die before one takes effect is to die after the one before. */
async function deaths(trial: ReadModelTrial): Promise<void> {
  const log = new MemoryLog();
  // First while the table is being filled, then live.
  for (const part of halves(trial.story)) {
    log.append(...part);
    await dieAfterEveryAwait({
      side: 'after',
      live: (life) => live(trial, log, { life, feed: { pageSize: SMALL } }),
      state: async () =>
        JSON.stringify(await trial.database.query('select consumer, state, position::text from engine.checkpoints order by consumer')),
    });
  }
}

/** One process, until it has taken in the whole log or has died. */
async function live(trial: ReadModelTrial, log: MemoryLog, circumstances: Circumstances = {}): Promise<'finished' | 'died'> {
  const { life = new Life(), models = trial.fresh(), feed = {} } = circumstances;
  const errors: unknown[] = [];
  const engine = new ProjectionEngine({
    database: life.database(trial.database),
    models: models.map(overFrozenRows),
    openFeed: log.feeds(feed),
    readEvent: (stream, revision) => log.readEvent(stream, revision),
    onError: (error) => {
      if (!(error instanceof Dead)) errors.push(error);
    },
    leaseTimes: LEASE_TIMES,
  });
  engine.start();
  const caughtUp = async (): Promise<boolean> => {
    if (errors.length > 0) throw errors[0];
    const done = await trial.database.query(`select 1 from engine.checkpoints where state = 'live' and position >= $1`, [String(log.head)]);
    return done.length === models.length;
  };
  return finishes({ life, database: trial.database, isDone: caughtUp, stop: () => engine.stop() });
}

async function empty({ database, fresh }: ReadModelTrial): Promise<void> {
  for (const context of new Set(fresh().map((model) => model.context))) {
    await database.query(`drop schema if exists ${quoted(context)} cascade`);
  }
  await database.query('truncate engine.checkpoints, engine.leases, engine.dead_letters, engine.reports');
}

function logOf(story: readonly RecordedEvent[]): MemoryLog {
  const log = new MemoryLog();
  log.append(...story);
  return log;
}

function halves<T>(things: readonly T[]): (readonly T[])[] {
  const half = Math.ceil(things.length / 2);
  return [things.slice(0, half), things.slice(half)];
}

/** A row as it comes back from its table. */
function asRead(columns: Readonly<Record<string, ColumnType | `${ColumnType}?`>>, row: object): object {
  return Object.fromEntries(
    Object.entries(columns).map(([field, type]) => {
      const value = (row as Record<string, unknown>)[field] ?? null;
      return [field, type.startsWith('instant') && typeof value === 'string' ? new Date(value).toISOString() : value];
    }),
  );
}
