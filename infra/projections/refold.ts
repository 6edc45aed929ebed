import type { Change, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { type Batch, changesOf, Fold, type HeldBack } from './fold.ts';
import type { Rows } from './rows.ts';

/** What a pass over the log needs. */
export interface PassParts {
  readonly openFeed: OpenFeed;
  readonly model: ReadModel;
  readonly signal: AbortSignal;
}

/** The pass was given up because its process stops. */
export class PassStopped extends Error {
  constructor() {
    super('The process stops.');
    this.name = 'PassStopped';
  }
}

/**
 * Hands over the events of a read model after one position and up to exactly another, page by page. Throws what `onEvents` throws, and
 * {@link PassStopped}.
 */
export async function passOver(
  { openFeed, model, signal }: PassParts,
  { after, upTo }: { readonly after: bigint; readonly upTo: bigint },
  onEvents: (events: readonly RecordedEvent[]) => Promise<void> | void,
): Promise<void> {
  if (after >= upTo) return;
  const end = Promise.withResolvers<void>();
  let reached = after;
  let failed = false;
  const fail = (error: unknown): void => {
    failed = true;
    end.reject(error);
  };
  const stop = (): void => fail(new PassStopped());
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const feed = openFeed({
    types: Object.keys(model.on),
    from: after < 0n ? undefined : after,
    pageSize: 2_000,
    onPage: async ({ events, position }) => {
      if (failed || reached >= upTo) return;
      try {
        await onEvents(events.filter((event) => event.position > reached && event.position <= upTo));
        reached = position;
        if (reached >= upTo) end.resolve();
      } catch (error) {
        fail(error);
        throw error;
      }
    },
    onFailure: fail,
  });
  try {
    await end.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await feed.stop();
  }
}

/**
 * Folds a few rows of a read model anew from the start of the log, as a fresh replay would have them: the way back for rows whose events
 * were held back while others that touch them were not.
 */
export class Refold {
  readonly #fold: Fold;
  #position = -1n;

  constructor(
    private readonly parts: PassParts & {
      readonly database: Database;
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
    await passOver(this.parts, { after: this.#position, upTo: target }, (events) => this.#fold.take(this.parts.database, events));
    if (target > this.#position) this.#position = target;
  }

  /** The rows as they have to be, those that are not there included, and what failed on the way. Asked once, at the end. */
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
  const on = Object.keys(model.on).map((type) => [
    type,
    (event: RecordedEvent): readonly Change<object>[] => changesOf(model, event).filter(({ key }) => keys.has(key)),
  ]);
  return { ...model, on: Object.fromEntries(on) as ReadModel['on'] };
}
