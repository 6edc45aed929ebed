import type { AnyDecider } from '#domain/kernel/decider.ts';
import { RecentlyUsed } from '#infra/vault/recently-used.ts';
import type { StreamStore } from './client.ts';
import type { Codec } from './codec.ts';
import { foldable, foldFurther, unfolded, type Folded } from './folded.ts';
import type { StoredEvent } from './reading.ts';
import type { Snapshots } from './snapshots.ts';

/** Streams up to this many events are read at once; longer ones are worth a snapshot. */
export const LONG_STREAM = 200;

/**
 * Folded states by stream, most recently used first. What a state was folded from never changes, so an entry can only be behind, never
 * wrong; catching up reads just what came after.
 */
export class States {
  readonly #cache: RecentlyUsed<string, Folded>;
  readonly #running = new Map<string, Promise<Folded>>();
  readonly #next = new Map<string, Promise<Folded>>();
  readonly #forgotten = new Set<string>();
  readonly #client: StreamStore;
  readonly #codec: Codec;
  readonly #snapshots: Snapshots;

  constructor(parts: { client: StreamStore; codec: Codec; snapshots: Snapshots; capacity: number }) {
    this.#client = parts.client;
    this.#codec = parts.codec;
    this.#snapshots = parts.snapshots;
    this.#cache = new RecentlyUsed(parts.capacity);
  }

  /** What is known without asking the store. */
  cached(stream: string): Folded | undefined {
    return this.#cache.get(stream);
  }

  /**
   * The state with every event that was in the stream when this was called. Callers at once share one read; one who comes while a read is
   * under way shares the next, since that read may have passed what the caller must see.
   */
  upToDate(decider: AnyDecider, stream: string): Promise<Folded> {
    const waiting = this.#next.get(stream);
    if (waiting !== undefined) return waiting;
    const running = this.#running.get(stream);
    if (running === undefined) return this.#read(decider, stream);
    const read = (): Promise<Folded> => {
      this.#next.delete(stream);
      return this.#read(decider, stream);
    };
    const next = running.then(read, read);
    this.#next.set(stream, next);
    return next;
  }

  /** Keeps a state, unless a later one is kept already or it was folded before somebody in it was forgotten. */
  keep(stream: string, folded: Folded): void {
    for (const subjectId of this.#forgotten) if (folded.subjects.has(subjectId)) return;
    const known = this.#cache.get(stream);
    if (known === undefined || known.revision <= folded.revision) this.#cache.set(stream, folded);
  }

  drop(stream: string): void {
    this.#cache.delete(stream);
  }

  /** Drops every state that may hold personal data of a subject, those being folded right now too. */
  forget(subjectId: string): void {
    this.#forgotten.add(subjectId);
    this.#cache.deleteWhere((folded) => folded.subjects.has(subjectId));
  }

  #read(decider: AnyDecider, stream: string): Promise<Folded> {
    const known = this.#cache.get(stream);
    const reading = known === undefined ? this.#fromStart(decider, stream) : this.#further(decider, stream, known);
    const done = reading
      .then((read) => {
        const folded = read.unread ? { ...read, unread: false } : read;
        this.keep(stream, folded);
        return folded;
      })
      .finally(() => {
        if (this.#running.get(stream) === done) this.#running.delete(stream);
      });
    this.#running.set(stream, done);
    return done;
  }

  /** One read for a short stream; a long one costs a page to find out, then its snapshot and what came after. */
  async #fromStart(decider: AnyDecider, stream: string): Promise<Folded> {
    const page = await this.#client.read(stream, { limit: LONG_STREAM });
    if (page.length < LONG_STREAM) return this.#folded(decider, unfolded(decider), page);
    const snapshot = await this.#snapshots.load(decider, stream);
    if (snapshot !== undefined) return this.#further(decider, stream, snapshot);
    return this.#further(decider, stream, await this.#folded(decider, unfolded(decider), page));
  }

  async #further(decider: AnyDecider, stream: string, from: Folded): Promise<Folded> {
    return this.#folded(decider, from, await this.#client.read(stream, { from: from.revision + 1 }));
  }

  async #folded(decider: AnyDecider, from: Folded, stored: readonly StoredEvent[]): Promise<Folded> {
    if (stored.length === 0) return from;
    const events = await this.#codec.decode(stored);
    return foldFurther(
      decider,
      from,
      events.map((event) => foldable(event, this.#codec.subjectsOf(event))),
    );
  }
}
