/**
 * Remembers what was used lately, at most about `capacity` entries: two halves, and when the younger is full the older is forgotten.
 * As cheap as a Map, and never more than an entry's second chance away from the least recently used.
 */
export class RecentlyUsed<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(private readonly capacity: number) {}

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.#young.size * 2 >= this.capacity && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** 512 KiB a model: with 400,000 keys one in a hundred that was never added looks as if it had been, which costs a look into the table. */
const BITS = 2 ** 22;
const PROBES = 5;

/** Remembers in constant memory which keys have been added (a Bloom filter): `has` may be wrong about one that was not, never about one that was. */
export class SeenKeys {
  readonly #bits = new Uint32Array(BITS / 32);

  add(key: string): void {
    const [first, step] = hashesOf(key);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + Math.imul(probe, step)) & (BITS - 1);
      this.#bits[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  has(key: string): boolean {
    const [first, step] = hashesOf(key);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + Math.imul(probe, step)) & (BITS - 1);
      if ((this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** Two hashes in one pass (FNV-1a and a multiplicative one, both mixed at the end); the second is odd, so that its multiples differ. */
function hashesOf(key: string): [number, number] {
  let first = 0x811c9dc5;
  let second = 0x9e3779b9;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second + code, 0x85ebca6b) ^ (second >>> 15);
  }
  return [first ^ (first >>> 15), (second ^ (second >>> 13)) | 1];
}
