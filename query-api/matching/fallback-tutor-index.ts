import type { OnModuleDestroy } from '@nestjs/common';
import type { FoundTutors, SearchWish, TutorIndex } from './tutor-index.ts';

export interface FallbackParts {
  readonly preferred: TutorIndex;
  readonly fallback: TutorIndex;
  /** Up to which position of the log the preferred index knows everything. */
  readonly preferredPosition: () => Promise<bigint>;
  /** Hears why the preferred index did not answer. */
  readonly onTrouble: (error: unknown) => void;
  /** Ends the preferred index's connections. */
  readonly close: () => Promise<void>;
}

/** For so long after a failure the preferred index is left alone, so that not every search waits for it. */
const LEFT_ALONE_MS = 3_000;

/** Searches the preferred index, and the fallback when that one fails or does not know yet what the caller must see. */
export class FallbackTutorIndex implements TutorIndex, OnModuleDestroy {
  #leftAloneUntil = -Infinity;

  constructor(private readonly parts: FallbackParts) {}

  async find(wish: SearchWish, atLeast?: bigint): Promise<FoundTutors> {
    const { preferred, fallback, preferredPosition, onTrouble } = this.parts;
    if (performance.now() < this.#leftAloneUntil) return fallback.find(wish, atLeast);
    if (atLeast !== undefined && (await preferredPosition()) < atLeast) return fallback.find(wish, atLeast);
    try {
      return await preferred.find(wish, atLeast);
    } catch (error) {
      this.#leftAloneUntil = performance.now() + LEFT_ALONE_MS;
      onTrouble(error);
      return fallback.find(wish, atLeast);
    }
  }

  onModuleDestroy(): Promise<void> {
    return this.parts.close();
  }
}
