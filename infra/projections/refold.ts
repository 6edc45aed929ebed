import type { Change, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { type Batch, Fold, type HeldBack, type Parked } from './fold.ts';
import type { Rows } from './rows.ts';

/**
 * Folds a few rows of a read model anew from the start of the log, as a fresh replay would have them: the way back for rows whose events
 * were held back while others that touch them were not.
 */
export class Refold {
  readonly #fold: Fold;
  #position = -1n;

  constructor(
    private readonly parts: {
      readonly database: Database;
      readonly openFeed: OpenFeed;
      readonly model: ReadModel;
      readonly rows: Rows;
      readonly keys: ReadonlySet<string>;
      readonly heldBack: HeldBack;
    },
  ) {
    const { model, rows, keys, heldBack } = parts;
    // Its rows stay in memory until the end, so there is nothing to be read: to begin with, no row is there.
    this.#fold = new Fold(only(model, keys), { table: rows.table, read: async () => new Map() }, keys.size, heldBack);
  }

  /** Goes on to exactly this position. Call it again with a later one. */
  async reach(target: bigint): Promise<void> {
    if (this.#position >= target) return;
    const { database, openFeed, model } = this.parts;
    let failure: unknown;
    const feed = openFeed({
      types: Object.keys(model.on),
      from: this.#position < 0n ? undefined : this.#position,
      pageSize: 2_000,
      onPage: async ({ events, position }) => {
        try {
          const wanted = events.filter((event) => event.position > this.#position && event.position <= target);
          await this.#fold.take(database, wanted);
          this.#position = position < target ? position : target;
        } catch (error) {
          failure ??= error;
          throw error;
        }
      },
      onFailure: (error) => {
        failure ??= error;
      },
    });
    while (failure === undefined && this.#position < target) await new Promise((resolve) => setTimeout(resolve, 10));
    await feed.stop();
    if (failure !== undefined) throw failure;
  }

  /** The rows as they have to be, those that are not there included, and what failed on the way. */
  result(): Batch {
    const { writes, letters } = this.#fold.leave();
    const there = new Map(writes.map((write) => [write.key, write]));
    return {
      writes: [...this.parts.keys].map((key) => ({
        ...(there.get(key) ?? { key, row: undefined, position: this.#position }),
        isNew: false,
      })),
      letters,
    };
  }
}

/** The same read model with the changes to these rows alone. */
function only(model: ReadModel, keys: ReadonlySet<string>): ReadModel {
  const on = Object.entries(model.on).map(([type, handle]) => [
    type,
    (event: RecordedEvent): readonly Change<object>[] => {
      const changes = handle?.(event) ?? [];
      return (Array.isArray(changes) ? (changes as readonly Change<object>[]) : [changes as Change<object>]).filter(({ key }) =>
        keys.has(key),
      );
    },
  ]);
  return { ...model, on: Object.fromEntries(on) as ReadModel['on'] };
}

/** Whether a failure of a refold concerns what was to be mended, and not something else that stays parked. */
export function concerns(place: Parked, parked: readonly Parked[]): (letter: Parked & { readonly error: string | undefined }) => boolean {
  const others = new Set(
    parked.filter(({ scope, key }) => scope !== place.scope || key !== place.key).map(({ scope, key }) => `${scope} ${key}`),
  );
  return ({ scope, key, error }) => error !== undefined && !others.has(`${scope} ${key}`);
}
