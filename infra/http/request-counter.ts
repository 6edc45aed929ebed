import { RecentlyUsed } from '#infra/vault/recently-used.ts';

interface Window {
  requests: number;
  readonly endsAt: number;
}

/** Keys that are counted at once; of more, those that have asked longest ago begin anew. */
const MOST_KEYS = 20_000;

/**
 * Counts requests by key in windows that begin with a key's first request. In memory and at once: a limit is looked at twice in every request,
 * and to wait for a promise each time cost half of all that the edge does.
 */
export class RequestCounter {
  readonly #windows = new RecentlyUsed<string, Window>(MOST_KEYS);

  constructor(private readonly windowMs: number) {}

  /** Counts a request; how many that makes in the key's window, and the milliseconds left of it. `now` in milliseconds, monotonic. */
  count(key: string, now = performance.now()): { requests: number; leftMs: number } {
    let window = this.#windows.get(key);
    if (window === undefined || window.endsAt <= now) {
      window = { requests: 0, endsAt: now + this.windowMs };
      this.#windows.set(key, window);
    }
    window.requests += 1;
    return { requests: window.requests, leftMs: window.endsAt - now };
  }
}
