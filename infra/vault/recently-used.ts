/**
 * A map of bounded size that keeps what was used of late. Entries live in two generations: a use brings an entry into the young one; when that is
 * half the capacity, it becomes the old one, and what was old and unused is dropped. So a hit costs one look-up and moves nothing.
 */
export class RecentlyUsed<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** `capacity`: most entries; at least half as many of the latest are always there. */
  constructor(capacity: number) {
    this.#half = Math.max(1, Math.floor(capacity / 2));
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#half) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Removes every entry for which `leaves` is true. */
  deleteWhere(leaves: (value: V, key: K) => boolean): void {
    for (const generation of [this.#young, this.#old])
      for (const [key, value] of generation) if (leaves(value, key)) generation.delete(key);
  }
}
