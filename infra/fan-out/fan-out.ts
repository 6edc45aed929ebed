export type Listener = (text: string) => void;

/**
 * Passes texts to whoever listens to a channel at that moment, on any node. Nothing is kept: what must not be lost is stored first.
 * Texts of one publisher arrive in the order in which they were published.
 */
export interface FanOut {
  publish(channel: string, text: string): Promise<void>;
  /** Resolves once the listener hears every later text; gives the way to stop. */
  subscribe(channel: string, listener: Listener): Promise<() => void>;
  close(): Promise<void>;
}

/** For a system of one process. */
export class InProcessFanOut implements FanOut {
  readonly #listeners = new Map<string, Set<Listener>>();

  publish(channel: string, text: string): Promise<void> {
    for (const listener of this.#listeners.get(channel) ?? []) listener(text);
    return Promise.resolve();
  }

  subscribe(channel: string, listener: Listener): Promise<() => void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    // A listener of its own for each subscription, so that one function may listen twice and stop once.
    const own: Listener = (text) => listener(text);
    this.#listeners.set(channel, listeners.add(own));
    return Promise.resolve(() => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel);
    });
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }
}
