import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec, type UndecodableEvent } from '#infra/event-store/codec.ts';
import { tallyDeciders } from '#infra/event-store/tally.examples.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { Feed, type FeedOptions, type FeedPage } from './feed.ts';

const cleanUp: (() => Promise<void> | void)[] = [];

/** Has something done after the spec that is running. */
export function afterwards(step: () => Promise<void> | void): void {
  cleanUp.push(step);
}

/** Ends what a spec has begun, the last first. For `afterEach`. */
export async function endAll(): Promise<void> {
  for (const step of cleanUp.splice(0).reverse()) await step();
}

export const codec = new Codec({ deciders: tallyDeciders, vault: new InMemoryVault() });

export function clientOf(server: { connectionString: string }): EventStoreClient {
  const client = new EventStoreClient({ connectionString: server.connectionString, readTimeoutMs: 500 });
  afterwards(() => client.close());
  return client;
}

/** A feed that writes down what it is given, and lets a spec wait for it. */
export function following(client: EventStoreClient, options: Partial<FeedOptions> = {}) {
  const pages: FeedPage[] = [];
  const troubles: unknown[] = [];
  const failures: UndecodableEvent[] = [];
  let look: () => void = () => undefined;
  const feed = new Feed({
    client,
    codec,
    from: undefined,
    watchEveryMs: 50,
    onFailure: (error) => {
      failures.push(error);
      look();
    },
    onTrouble: (error) => {
      troubles.push(error);
      look();
    },
    ...options,
    onPage: async (page) => {
      await options.onPage?.(page);
      pages.push(page);
      // The feed has noted the position when this turn is over.
      setImmediate(() => look());
    },
  });
  afterwards(() => feed.stop());
  feed.start();
  const events = () => pages.flatMap((page) => page.events);
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (condition()) resolve();
      };
      look();
    });
  return { feed, pages, troubles, failures, events, until, revisions: () => events().map(({ revision }) => revision) };
}
