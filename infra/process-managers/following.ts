import type { ProcessManager } from '#domain/kernel/consumer.ts';
import type { Level } from '#infra/leases/level.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';

/** A process manager at work, and the commit position up to which it has taken everything in. */
export interface Member {
  readonly manager: ProcessManager;
  readonly consumer: string;
  readonly version: number;
  readonly generation: number;
  position: bigint;
}

export interface FollowingParts {
  readonly openFeed: OpenFeed;
  readonly members: readonly Member[];
  /** When those that are furthest had last reached the end of the log. */
  readonly level: Level;
  /** Takes a page in for the members of one feed; those that have it already skip it. */
  readonly take: (members: readonly Member[], page: FeedPage) => Promise<void>;
  /** Hears of the first failure; then the work is over. */
  readonly onFailure: (error: unknown) => void;
}

const LOOK_MS = 20;

/**
 * The feeds of the process managers: one for those that are furthest, and another for those that are behind, such as a new one that reads the
 * log from its beginning, until these have caught up. So nobody waits for a newcomer.
 */
export class Following {
  readonly #parts: FollowingParts;
  readonly #stopping = new AbortController();
  #shared: OpenedFeed;
  #behind: readonly Member[] = [];
  #behindFeed: OpenedFeed | undefined;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(parts: FollowingParts) {
    this.#parts = parts;
    const { members } = parts;
    const furthest = members.reduce((most, { position }) => (position > most ? position : most), -1n);
    const behind = members.filter(({ position }) => position < furthest);
    this.#shared = this.#open(
      members.filter(({ position }) => position === furthest),
      parts.level,
    );
    if (behind.length > 0) this.#catchingUp = this.#catchUp(behind).catch(parts.onFailure);
  }

  /** Age in seconds of the oldest event that waits for those that are furthest. */
  get lagSeconds(): number {
    return this.#shared.lagSeconds;
  }

  /** The same of each, by the name of the consumer. */
  get lags(): readonly { readonly consumer: string; readonly lagSeconds: number }[] {
    return this.#parts.members.map((member) => ({
      consumer: member.consumer,
      lagSeconds: (this.#behind.includes(member) ? this.#behindFeed : undefined)?.lagSeconds ?? this.lagSeconds,
    }));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#catchingUp;
    await this.#shared.stop();
  }

  async #catchUp(behind: readonly Member[]): Promise<void> {
    const feed = this.#open(behind);
    this.#behind = behind;
    this.#behindFeed = feed;
    while (!feed.caughtUp && !this.#stopping.signal.aborted) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await feed.stop();
    if (this.#stopping.signal.aborted) return;
    await this.#shared.stop();
    this.#shared = this.#open(this.#parts.members, this.#parts.level);
    this.#behind = [];
    this.#behindFeed = undefined;
  }

  #open(members: readonly Member[], level?: Level): OpenedFeed {
    const { openFeed, take, onFailure } = this.#parts;
    const from = members.reduce((least, { position }) => (position < least ? position : least), members[0]?.position ?? -1n);
    return openFeed({
      types: [...new Set(members.flatMap(({ manager }) => Object.keys(manager.on)))],
      from: from < 0n ? undefined : from,
      ...(level === undefined ? {} : { level }),
      onPage: async (page) => {
        try {
          await take(members, page);
        } catch (error) {
          onFailure(error);
          throw error;
        }
      },
      onFailure,
    });
  }
}
