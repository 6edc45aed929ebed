import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';

interface Waiter {
  readonly consumers: readonly string[];
  readonly position: bigint;
  readonly resolve: () => void;
}

/** Between two looks at the checkpoints of another process, in milliseconds. */
const POLL_MS = 20;

/**
 * How far the read models have come, for queries that must see a certain command. The process that runs the engine tells at once; any other
 * looks at the checkpoints, and only while somebody waits.
 */
export class Positions {
  readonly #known = new Map<string, bigint>();
  readonly #waiters = new Set<Waiter>();

  /** `consumers` names the read models; a name is `context.name` or, where that is unique, the plain name. */
  constructor(
    private readonly database: Database,
    private readonly consumers: ReadonlyMap<string, { readonly consumer: string; readonly version: number }>,
  ) {}

  /** Tells of progress. */
  advance(consumers: Iterable<string>, position: bigint): void {
    for (const consumer of consumers) if (position > (this.#known.get(consumer) ?? -1n)) this.#known.set(consumer, position);
    for (const waiter of this.#waiters) {
      if (!this.#passed(waiter.consumers, waiter.position)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
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
    const enough = new AbortController();
    const told = new Promise<void>((resolve) => {
      const waiter: Waiter = { consumers, position, resolve };
      this.#waiters.add(waiter);
      enough.signal.addEventListener('abort', () => this.#waiters.delete(waiter), { once: true });
    });
    try {
      await Promise.race([told, this.#poll(enough.signal), delay(timeoutMs, undefined, { signal: enough.signal }).catch(() => undefined)]);
      return this.#passed(consumers, position);
    } finally {
      enough.abort();
    }
  }

  #passed(consumers: readonly string[], position: bigint): boolean {
    return consumers.every((consumer) => (this.#known.get(consumer) ?? -1n) >= position);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const versions = new Map([...this.consumers.values()].map(({ consumer, version }) => [consumer, version]));
    while (this.#waiters.size > 0 && !signal.aborted) {
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const rows = await this.database.query<{ consumer: string; version: number; position: string }>(
        "select consumer, version, position::text as position from engine.checkpoints where state = 'live'",
        [],
        'positions',
      );
      for (const row of rows) if (versions.get(row.consumer) === row.version) this.advance([row.consumer], BigInt(row.position));
    }
  }
}
