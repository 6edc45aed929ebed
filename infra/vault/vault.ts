import { randomBytes } from 'node:crypto';

/** A subject's key once the subject has been forgotten: for good. */
export const DESTROYED = 'destroyed';

/** 32 bytes for AES-256-GCM, or the knowledge that there is none any more. */
export type SubjectKey = Buffer | typeof DESTROYED;

/**
 * Keys of persons, one each, kept apart from the events. Forgetting a person is destroying the key: their personal fields then read as
 * erased everywhere, in the log and in every backup of it.
 */
export interface Vault {
  /** The subject's key, made at the first call; every caller at once gets the same one. */
  keyFor(subjectId: string): Promise<SubjectKey>;
  /** The keys of many subjects; those that never had one are not in the answer. */
  keysOf(subjectIds: Iterable<string>): Promise<ReadonlyMap<string, SubjectKey>>;
  /** Forgets a subject, known or not. Idempotent and final. */
  destroy(subjectId: string): Promise<void>;
  /** Calls back after a subject was forgotten through this object; returns how to stop listening. */
  onDestroy(listener: (subjectId: string) => void): () => void;
}

/** A vault that lives as long as its process: for specs and benchmarks. */
export class InMemoryVault implements Vault {
  readonly #keys = new Map<string, SubjectKey>();
  readonly #listeners = new Set<(subjectId: string) => void>();

  keyFor(subjectId: string): Promise<SubjectKey> {
    let key = this.#keys.get(subjectId);
    if (key === undefined) this.#keys.set(subjectId, (key = randomBytes(32)));
    return Promise.resolve(key);
  }

  keysOf(subjectIds: Iterable<string>): Promise<ReadonlyMap<string, SubjectKey>> {
    const keys = new Map<string, SubjectKey>();
    for (const subjectId of subjectIds) {
      const key = this.#keys.get(subjectId);
      if (key !== undefined) keys.set(subjectId, key);
    }
    return Promise.resolve(keys);
  }

  destroy(subjectId: string): Promise<void> {
    this.#keys.set(subjectId, DESTROYED);
    for (const listener of this.#listeners) listener(subjectId);
    return Promise.resolve();
  }

  onDestroy(listener: (subjectId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
