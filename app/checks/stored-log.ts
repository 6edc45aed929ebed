import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deciders } from '#domain/deciders.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import type { Upcaster } from '#infra/event-store/upcasting.ts';
import { feedsFrom, type OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';

/** The log of a real event store, for one spec file: what is appended is stored, sealed and read back as in the running system. */
export interface StoredLog {
  readonly client: EventStoreClient;
  readonly openFeed: OpenFeed;
  /** What feeds complained about. */
  readonly troubles: readonly unknown[];
  readEvent(stream: string, revision: number): Promise<RecordedEvent>;
  /** Stores events: those of one stream in this order, those of different streams in any. */
  append(events: readonly RecordedEvent[]): Promise<void>;
  /** Stores an event as it was written in another version, or with a text in place of its data. */
  appendAs(event: RecordedEvent, as: { readonly version?: string; readonly text?: string }): Promise<void>;
  head(): Promise<bigint>;
  /** Everything in the log, in its order. */
  everything(): Promise<RecordedEvent[]>;
  stop(): Promise<void>;
}

/** Starts an event store that leaves nothing behind. */
export async function startStoredLog(upcasters: readonly Upcaster[] = []): Promise<StoredLog> {
  const dir = mkdtempSync(join(tmpdir(), 'stored-log-'));
  const server = await launchEventStore({ dir });
  const client = new EventStoreClient({ connectionString: server.connectionString });
  const codec = new Codec({ deciders, vault: new InMemoryVault(), upcasters });
  const troubles: unknown[] = [];
  const openFeed = feedsFrom({ client, codec, onTrouble: (error) => troubles.push(error) });
  const head = (): Promise<bigint> => client.head();
  return {
    client,
    openFeed,
    troubles,
    head,
    readEvent: async (stream, revision) => {
      const [event] = await codec.decode(await client.read(stream, { from: revision, limit: 1 }));
      if (event === undefined) throw new Error(`There is no event ${revision} of ${stream}.`);
      return event;
    },
    append: async (events) => {
      await Promise.all(
        [...Map.groupBy(events, ({ stream }) => stream)].map(async ([stream, those]) => {
          const encoded = await Promise.all(those.map((event) => codec.encode(event.id, event, event.metadata)));
          await client.append(
            stream,
            encoded.map(({ stored }) => stored),
            'any',
          );
        }),
      );
    },
    appendAs: async (event, { version, text }) => {
      const { stored } = await codec.encode(event.id, event, { ...event.metadata, eventVersion: version ?? event.metadata.eventVersion });
      await client.append(event.stream, [text === undefined ? stored : { ...stored, data: text as never }], 'any');
    },
    everything: async () => {
      const all: RecordedEvent[] = [];
      const end = await head();
      const reached = Promise.withResolvers<void>();
      const feed = openFeed({
        types: deciders.flatMap((decider) => decider.events.map(({ type }) => type)),
        from: undefined,
        onPage: async ({ events, position }) => {
          all.push(...events);
          if (position >= end) reached.resolve();
        },
        onFailure: reached.reject,
      });
      await reached.promise.finally(() => feed.stop());
      return all.filter(({ position }) => position <= end);
    },
    stop: async () => {
      await client.close();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
