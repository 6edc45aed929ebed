import { randomBytes } from 'node:crypto';
import type { Queryable } from '#infra/postgres/database.ts';
import { RecentlyUsed } from './recently-used.ts';
import { open, seal } from './sealing.ts';
import { DESTROYED, type SubjectKey, type Vault } from './vault.ts';

export interface PostgresVaultOptions {
  /** Keys kept in memory; default 20,000. */
  readonly kept?: number;
  /** Milliseconds for which a key is kept without asking again: as long as another process may go on reading a forgotten person; default 60,000. */
  readonly keptForMs?: number;
}

interface Kept {
  readonly key: SubjectKey;
  readonly until: number;
}

interface Row {
  readonly subject_id: string;
  readonly wrapped_key: Buffer | null;
}

const KEY_BYTES = 32;

/**
 * Keys in a database of their own (`subject_keys`), each wrapped by the master key: neither the log nor the read models nor a backup of them can
 * read what is personal, and the vault alone cannot either.
 */
export class PostgresVault implements Vault {
  readonly #database: Queryable;
  readonly #masterKey: Buffer;
  readonly #kept: RecentlyUsed<string, Kept>;
  readonly #keptForMs: number;
  readonly #making = new Map<string, Promise<SubjectKey>>();
  readonly #listeners = new Set<(subjectId: string) => void>();

  /** `masterKey` is 32 bytes; without it no personal field can be read again. */
  constructor(database: Queryable, masterKey: Buffer, options: PostgresVaultOptions = {}) {
    if (masterKey.length !== KEY_BYTES) throw new RangeError(`The master key has ${masterKey.length} bytes, not ${KEY_BYTES}`);
    this.#database = database;
    this.#masterKey = masterKey;
    this.#kept = new RecentlyUsed(options.kept ?? 20_000);
    this.#keptForMs = options.keptForMs ?? 60_000;
  }

  /** Makes the table where it is missing. */
  async prepare(): Promise<void> {
    // Two processes that start at once may both find no table; the lock lets the second find it.
    await this.#database.execute(`
      do $$ begin
        perform pg_advisory_xact_lock(hashtext('subject_keys'));
        create table if not exists subject_keys (
          subject_id text primary key,
          wrapped_key bytea,
          created_at timestamptz not null default now(),
          destroyed_at timestamptz,
          check ((wrapped_key is null) = (destroyed_at is not null))
        );
      end $$`);
  }

  async keyFor(subjectId: string): Promise<SubjectKey> {
    const known = this.#fromMemory(subjectId);
    if (known !== undefined) return known;
    const making = this.#making.get(subjectId);
    if (making !== undefined) return making;
    const made = this.#make(subjectId).finally(() => this.#making.delete(subjectId));
    this.#making.set(subjectId, made);
    return made;
  }

  async keysOf(subjectIds: Iterable<string>): Promise<ReadonlyMap<string, SubjectKey>> {
    const keys = new Map<string, SubjectKey>();
    const unknown: string[] = [];
    for (const subjectId of subjectIds) {
      const known = this.#fromMemory(subjectId);
      if (known === undefined) unknown.push(subjectId);
      else keys.set(subjectId, known);
    }
    if (unknown.length === 0) return keys;
    const rows = await this.#database.query<Row>(
      'select subject_id, wrapped_key from subject_keys where subject_id = any($1)',
      [unknown],
      'vault-keys-of',
    );
    for (const row of rows) keys.set(row.subject_id, this.#unwrapped(row));
    return keys;
  }

  async destroy(subjectId: string): Promise<void> {
    await this.#database.execute(
      `insert into subject_keys (subject_id, destroyed_at) values ($1, now())
       on conflict (subject_id) do update set wrapped_key = null, destroyed_at = coalesce(subject_keys.destroyed_at, now())`,
      [subjectId],
    );
    this.#keep(subjectId, DESTROYED);
    for (const listener of this.#listeners) listener(subjectId);
  }

  onDestroy(listener: (subjectId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first insert wins, whoever makes it; the second statement sees the winner's row. */
  async #make(subjectId: string): Promise<SubjectKey> {
    const existing = (await this.keysOf([subjectId])).get(subjectId);
    if (existing !== undefined) return existing;
    const wrapped = seal(randomBytes(KEY_BYTES), this.#masterKey, subjectId);
    const insert = 'insert into subject_keys (subject_id, wrapped_key) values ($1, $2) on conflict (subject_id) do nothing';
    await this.#database.execute(insert, [subjectId, wrapped], 'vault-make');
    const made = (await this.keysOf([subjectId])).get(subjectId);
    if (made === undefined) throw new Error(`The key of ${subjectId} has vanished from the vault`);
    return made;
  }

  #unwrapped({ subject_id: subjectId, wrapped_key: wrapped }: Row): SubjectKey {
    const key = wrapped === null ? DESTROYED : bytesOfItsOwn(open(wrapped, this.#masterKey, subjectId));
    this.#keep(subjectId, key);
    return key;
  }

  #fromMemory(subjectId: string): SubjectKey | undefined {
    const kept = this.#kept.get(subjectId);
    return kept === undefined || kept.until < performance.now() ? undefined : kept.key;
  }

  /** A key that was read before its destruction must not come back after it. */
  #keep(subjectId: string, key: SubjectKey): void {
    if (this.#kept.get(subjectId)?.key === DESTROYED) return;
    this.#kept.set(subjectId, { key, until: key === DESTROYED ? Number.POSITIVE_INFINITY : performance.now() + this.#keptForMs });
  }
}

/** A small buffer is a piece of one that Node shares out; a key that is kept would keep all of that, hundreds of times its size. */
function bytesOfItsOwn(shared: Buffer): Buffer {
  const own = Buffer.alloc(shared.length);
  shared.copy(own);
  return own;
}
