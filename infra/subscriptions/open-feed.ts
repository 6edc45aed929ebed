import type { Codec } from '#infra/event-store/codec.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import type { Level } from '#infra/leases/level.ts';
import { Feed, type FeedPage } from './feed.ts';

/** A feed at work. */
export interface OpenedFeed {
  /** Whether the end of the log has been reached. */
  readonly caughtUp: boolean;
  /** Age of the oldest event that waits, in seconds. */
  readonly lagSeconds: number;
  /** Ends the feed; resolves when no page is being handed over any more. */
  stop(): Promise<void>;
}

export interface FeedRequest {
  readonly types: readonly string[];
  /** Asks the store for no other streams than those that have events of these types: for catching up. The position then moves in larger steps. */
  readonly onlyTheirStreams?: boolean;
  /** Commit position after which to start; undefined: at the start of the log. */
  readonly from: bigint | undefined;
  /** Of the work that the feed is for: noted whenever the end of the log is reached. */
  readonly level?: Level;
  /** The next page comes when it has resolved. */
  readonly onPage: (page: FeedPage) => Promise<void>;
  /** The feed has ended for good, before an event of newer code. */
  readonly onFailure: (error: unknown) => void;
  /** Most events of a page. */
  readonly pageSize?: number;
}

/** Opens a feed of the log: what engines are given, so that they know no client. */
export type OpenFeed = (request: FeedRequest) => OpenedFeed;

/** Feeds from an event store. `onTrouble` hears of drops and rejected pages; the feeds go on by themselves. */
export function feedsFrom(parts: { client: EventStoreClient; codec: Codec; onTrouble: (error: unknown) => void }): OpenFeed {
  return (request) => {
    const feed = new Feed({ ...parts, ...request });
    feed.start();
    return feed;
  };
}
