/**
 * A map of bounded size that forgets what was not used lately. It keeps two generations: when the young one is full it becomes the old one,
 * and what nobody asked for since then goes. Finding the single oldest entry of one map gets slow when many were deleted from it.
 */
export class LeastRecentlyUsed<K, V> {
  private young = new Map<K, V>();
  private old = new Map<K, V>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(key: K): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const older = this.old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    this.young.set(key, value);
    if (this.young.size * 2 < this.capacity) return;
    this.old = this.young;
    this.young = new Map();
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }
}
