import { Redis } from 'ioredis';
import type { FanOut, Listener } from '#infra/fan-out/fan-out.ts';

/** For a system of several nodes: Redis publish/subscribe, one connection each way. */
export class RedisFanOut implements FanOut {
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #listeners = new Map<string, Set<Listener>>();

  /** `onTrouble` hears of connections that broke; they are made again and subscriptions with them. */
  constructor(url: string, onTrouble: (error: Error) => void) {
    this.#publisher = new Redis(url, { lazyConnect: false, maxRetriesPerRequest: 3 });
    // A subscriber waits for its connection as long as it takes: it has nothing else to do.
    this.#subscriber = new Redis(url, { maxRetriesPerRequest: null });
    this.#publisher.on('error', onTrouble);
    this.#subscriber.on('error', onTrouble);
    this.#subscriber.on('message', (channel: string, text: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(text);
    });
  }

  async publish(channel: string, text: string): Promise<void> {
    await this.#publisher.publish(channel, text);
  }

  async subscribe(channel: string, listener: Listener): Promise<() => void> {
    const own: Listener = (text) => listener(text);
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(own));
    // Asked again for a channel that is subscribed already, Redis answers at once; so every subscriber waits until it is.
    await this.#subscriber.subscribe(channel);
    return () => {
      listeners.delete(own);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      // The connection is closing, or comes back without this channel: either way nobody listens any more.
      this.#subscriber.unsubscribe(channel).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#subscriber.disconnect();
    await this.#publisher.quit();
  }
}
