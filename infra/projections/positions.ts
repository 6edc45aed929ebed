import { setTimeout as delay } from 'node:timers/promises';
import type { Queryable } from '#infra/postgres/database.ts';

interface Waiter {
  readonly consumers: readonly string[];
  readonly position: bigint;
  readonly told: (passed: boolean) => void;
}

/** Between two looks at the checkpoints of another process, in milliseconds. */
const POLL_MS = 20;

/**
 * How far the read models have come, for queries that must see a certain command. The process that runs the engine tells at once; any other
 * looks at the checkpoints, and only while somebody waits: one look for all who do.
 */
export class Positions {
  readonly #known = new Map<string, bigint>();
  readonly #waiters = new Set<Waiter>();
  #looking = false;

  /**
   * `consumers` names the read models; a name is `context.name` or, where that is unique, the plain name. `onError` hears when the checkpoints cannot
   * be looked at: once, until they can be again. Those who wait go on waiting.
   */
  constructor(
    private readonly database: Queryable,
    private readonly consumers: ReadonlyMap<string, { readonly consumer: string; readonly version: number }>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Tells of progress. */
  advance(consumers: Iterable<string>, position: bigint): void {
    for (const consumer of consumers) if (position > (this.#known.get(consumer) ?? -1n)) this.#known.set(consumer, position);
    for (const waiter of this.#waiters) if (this.#passed(waiter.consumers, waiter.position)) waiter.told(true);
  }

  /**
   * Resolves to true as soon as every read model has taken in the log up to `position`, to false when that takes longer than `timeoutMs`.
   * Throws for a read model that does not exist.
   */
  async waitFor(readModels: readonly string[], position: bigint, timeoutMs: number): Promise<boolean> {
    const consumers = readModels.map((name) => {
      const found = this.consumers.get(name);
      if (found === undefined) throw new Error(`There is no read model ${name}.`);
      return found.consumer;
    });
    if (this.#passed(consumers, position)) return true;
    return new Promise((resolve) => {
      const told = (passed: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(passed);
      };
      const waiter: Waiter = { consumers, position, told };
      const timer = setTimeout(() => told(false), timeoutMs);
      this.#waiters.add(waiter);
      if (!this.#looking) void this.#look();
    });
  }

  #passed(consumers: readonly string[], position: bigint): boolean {
    return consumers.every((consumer) => (this.#known.get(consumer) ?? -1n) >= position);
  }

  /** Looks at the checkpoints for as long as somebody waits. */
  async #look(): Promise<void> {
    this.#looking = true;
    const versions = new Map([...this.consumers.values()].map(({ consumer, version }) => [consumer, version]));
    let failing = false;
    for (;;) {
      await delay(POLL_MS);
      if (this.#waiters.size === 0) break;
      try {
        const rows = await this.database.query<{ consumer: string; version: number; position: string }>(
          "select consumer, version, position::text as position from engine.checkpoints where state = 'live'",
          [],
          'positions',
        );
        for (const row of rows) if (versions.get(row.consumer) === row.version) this.advance([row.consumer], BigInt(row.position));
        failing = false;
      } catch (error) {
        if (!failing) this.onError(error);
        failing = true;
      }
    }
    this.#looking = false;
  }
}
