import { streamNameFilter, type AllStreamSubscription } from '@eventstore/db-client';
import { setTimeout as wait } from 'node:timers/promises';
import { deciders } from '#domain/deciders.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';

/** Follows the log from now on, to show which events each step of a story caused. */
export class EventTail {
  readonly #client: EventStoreClient;
  readonly #subscription: AllStreamSubscription;
  #events: string[] = [];
  #lastAt = Date.now();

  constructor(connectionString: string) {
    this.#client = new EventStoreClient({ connectionString });
    this.#subscription = this.#client.subscribe({
      fromPosition: 'end',
      filter: streamNameFilter({ prefixes: deciders.map(({ aggregateType }) => `${aggregateType}-`) }),
    });
    this.#subscription.on('data', ({ event }) => {
      if (event === undefined) return;
      this.#events.push(event.type);
      this.#lastAt = Date.now();
    });
    // The story itself notices when the store has gone; the tail only shows.
    this.#subscription.on('error', () => undefined);
  }

  /** The types of the events since the last call, in order, once none has come for a moment: policies follow their events within that time. */
  async take(): Promise<readonly string[]> {
    while (Date.now() - this.#lastAt < 250) await wait(50);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  async close(): Promise<void> {
    await this.#subscription.unsubscribe().catch(() => undefined);
    await this.#client.close();
  }
}
