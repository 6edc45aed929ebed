import { createHash, hkdfSync, randomUUID } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { open, seal } from '#infra/vault/sealing.ts';
import { DESTROYED, type Vault } from '#infra/vault/vault.ts';
import type { StreamStore } from './client.ts';
import type { Folded, Outcome } from './folded.ts';

/** A snapshot as it is stored: readable is only what is needed to open it. */
interface StoredSnapshot {
  readonly revision: number;
  readonly fingerprint: string;
  readonly subjects: readonly string[];
  readonly sealed: string;
}

/**
 * Folded states of long streams, kept in the stream `Snapshot-<stream>` beside them (only the last one). They save reading, nothing more:
 * one that is missing, outdated or unreadable is passed over, and the events are folded instead.
 *
 * A state may hold personal data, so a snapshot is encrypted under a key made of the keys of everybody in it: forgetting one of them makes it unreadable.
 */
export class Snapshots {
  readonly #client: StreamStore;
  readonly #vault: Vault;
  readonly #onUnreadable: (error: unknown, stream: string) => void;
  readonly #fingerprints = new Map<AnyDecider, string>();
  readonly #limited = new Set<string>();

  /** `onUnreadable` hears of a snapshot that is passed over although it should fit. */
  constructor(client: StreamStore, vault: Vault, onUnreadable: (error: unknown, stream: string) => void) {
    this.#client = client;
    this.#vault = vault;
    this.#onUnreadable = onUnreadable;
  }

  /** The last snapshot of a stream, if it still fits the decider and may still be read. */
  async load(decider: AnyDecider, stream: string): Promise<Folded | undefined> {
    const [last] = await this.#client.read(snapshotsOf(stream), { backwards: true, limit: 1 });
    if (last === undefined || last.type !== SNAPSHOT) return undefined;
    const snapshot = last.data as StoredSnapshot;
    if (snapshot.fingerprint !== this.#fingerprintOf(decider)) return undefined;
    const key = await this.#keyOf(snapshot.subjects, stream);
    if (key === undefined) return undefined;
    const { revision } = snapshot;
    try {
      const { state, position, outcomes } = deserialize(open(Buffer.from(snapshot.sealed, 'base64'), key, stream)) as {
        state: unknown;
        position: bigint;
        outcomes: Map<string, Outcome>;
      };
      return { state, revision, position, outcomes, subjects: new Set(snapshot.subjects), snapshotAt: revision, unread: false };
    } catch (error) {
      this.#onUnreadable(error, stream);
      return undefined;
    }
  }

  /** Stores a snapshot in place of the last one. Not stored when somebody in it has been forgotten. */
  async save(decider: AnyDecider, stream: string, folded: Folded): Promise<void> {
    const { state, revision, position, outcomes } = folded;
    const subjects = [...folded.subjects].sort();
    const key = await this.#keyOf(subjects, stream);
    if (key === undefined) return;
    const sealed = seal(serialize({ state, position, outcomes }), key, stream).toString('base64');
    const data: StoredSnapshot = { revision, fingerprint: this.#fingerprintOf(decider), subjects, sealed };
    const name = snapshotsOf(stream);
    if (!this.#limited.has(name)) {
      await this.#client.keepLast(name, 1);
      this.#limited.add(name);
    }
    const event = { id: randomUUID(), type: SNAPSHOT, contentType: 'application/json' as const, data: data as never, metadata: undefined };
    await this.#client.append(name, [event], 'any');
  }

  async #keyOf(subjects: readonly string[], stream: string): Promise<Buffer | undefined> {
    const keys = await this.#vault.keysOf(subjects);
    const parts: Buffer[] = [];
    for (const subject of subjects) {
      const key = keys.get(subject);
      if (key === undefined || key === DESTROYED) return undefined;
      parts.push(key);
    }
    return Buffer.from(hkdfSync('sha256', Buffer.concat(parts), stream, 'snapshot', 32));
  }

  /** Changes with the state's version, with the events' versions and with the text of `evolve`. */
  #fingerprintOf(decider: AnyDecider): string {
    const known = this.#fingerprints.get(decider);
    if (known !== undefined) return known;
    const events = decider.events.map((event) => `${event.type} ${event.version}`);
    const text = JSON.stringify([decider.aggregateType, decider.stateVersion, events, String(decider.evolve)]);
    const fingerprint = createHash('sha256').update(text).digest('base64url');
    this.#fingerprints.set(decider, fingerprint);
    return fingerprint;
  }
}

const SNAPSHOT = 'Snapshot';

function snapshotsOf(stream: string): string {
  return `Snapshot-${stream}`;
}
