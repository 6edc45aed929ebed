import type { Instant } from '#domain/kernel/time.ts';

/** The business clock. Transport security (token expiry, webhook and request signatures) looks at real time instead. */
export interface Clock {
  now(): Instant;
}

/** The machine's own time. */
export class SystemClock implements Clock {
  now(): Instant {
    return new Date().toISOString();
  }
}

/**
 * The machine's time plus an offset that an operator may raise, so that a 24-hour rule can be seen in a minute.
 * It never goes back. Whoever owns it keeps the offset across restarts and hands it in again.
 */
export class MovableClock implements Clock {
  #offset: number;
  readonly #listeners = new Set<(offset: number) => void>();

  /** `offset` in milliseconds, not negative. */
  constructor(offset = 0) {
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new RangeError('The offset of a clock is a whole number of milliseconds, not negative.');
    this.#offset = offset;
  }

  /** Milliseconds ahead of the machine's time. */
  get offset(): number {
    return this.#offset;
  }

  now(): Instant {
    return new Date(Date.now() + this.#offset).toISOString();
  }

  /** Moves the clock forward by whole milliseconds; listeners hear of it before this returns. Throws a RangeError for anything else. */
  advance(milliseconds: number): void {
    if (!Number.isSafeInteger(milliseconds) || milliseconds < 0)
      throw new RangeError('The clock only moves forward, by whole milliseconds.');
    if (milliseconds === 0) return;
    this.#offset += milliseconds;
    for (const listener of this.#listeners) listener(this.#offset);
  }

  /** Moves the clock forward to a moment. Throws a RangeError when that has passed already. */
  moveTo(instant: Instant): void {
    const target = Date.parse(instant);
    if (Number.isNaN(target)) throw new RangeError('Not a moment in time.');
    this.advance(target - Date.now() - this.#offset);
  }

  /** Calls back with the new offset in milliseconds after each move; returns how to stop listening. */
  onMove(listener: (offset: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
