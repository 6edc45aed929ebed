import type { JSONEventData } from '@eventstore/db-client';
import type { Appended, ExpectedRevision } from '#infra/event-store/appender.ts';
import type { StreamPart, StreamStore } from '#infra/event-store/client.ts';
import type { Codec } from '#infra/event-store/codec.ts';
import { WrongRevision } from '#infra/event-store/errors.ts';
import type { StoredEvent } from '#infra/event-store/reading.ts';
import { MemoryLog } from './memory-log.ts';

/**
 * An event store in memory with the store's rules for appends: the expected revision, and events of known ids taken for the ones that are there.
 * What was appended is in its log, for feeds. It outlives the processes of a trial.
 */
export class MemoryStore implements StreamStore {
  readonly log = new MemoryLog();
  readonly #streams = new Map<string, StoredEvent[]>();
  #head = 0n;
  #logged: Promise<void> = Promise.resolve();

  /** `codec` reads events for the log. */
  constructor(private readonly codec: Codec) {}

  async append(stream: string, events: readonly JSONEventData[], expected: ExpectedRevision): Promise<Appended> {
    const there = this.#streams.get(stream) ?? [];
    const known = there.findIndex(({ id }) => id === events[0]?.id);
    if (known >= 0 && events.every(({ id }, nth) => there[known + nth]?.id === id)) {
      return { revision: known + events.length - 1, position: undefined };
    }
    const actual = there.length - 1;
    if (expected !== 'any' && actual !== (expected === 'no_stream' ? -1 : expected)) {
      throw new WrongRevision(stream, expected, actual < 0 ? undefined : actual);
    }
    const stored = events.map(({ id, type, data, metadata }, nth): StoredEvent => {
      this.#head += 100n;
      const copy = structuredClone({ data, metadata });
      return {
        id,
        streamId: stream,
        type,
        revision: BigInt(actual + 1 + nth),
        ...copy,
        created: new Date(),
        position: { commit: this.#head },
      };
    });
    // Taken before anything is awaited, so that two appends cannot both pass; and they come into the log in this order.
    this.#streams.set(stream, [...there, ...stored]);
    const position = this.#head;
    this.#logged = this.#logged.then(async () => this.log.append(...(await this.codec.decode(stored))));
    await this.#logged;
    return { revision: actual + events.length, position };
  }

  async read(stream: string, { from, limit = Infinity, backwards = false }: StreamPart = {}): Promise<StoredEvent[]> {
    const there = this.#streams.get(stream) ?? [];
    const part = backwards ? there.slice(0, (from ?? there.length - 1) + 1).toReversed() : there.slice(from ?? 0);
    return part.slice(0, limit);
  }

  /** Nothing is forgotten here. */
  async keepLast(): Promise<void> {
    return undefined;
  }
}
