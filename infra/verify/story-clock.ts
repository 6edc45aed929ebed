import type { Instant } from '#domain/kernel/time.ts';
import type { Clock } from '#infra/time/clock.ts';

/** A business clock that stands still until it is moved, so that a story happens at the same moments every time. */
export class StoryClock implements Clock {
  readonly #listeners = new Set<() => void>();

  constructor(private instant: Instant) {}

  now(): Instant {
    return this.instant;
  }

  /** Moves it to a moment that is not earlier. */
  moveTo(instant: Instant): void {
    if (instant < this.instant) throw new RangeError('The clock only moves forward.');
    this.instant = instant;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each move; returns how to stop listening. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
