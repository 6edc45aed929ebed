import type { RecordedEvent } from '#domain/kernel/event.ts';

/** Events in the order of the log, and how far the log has been read with them. */
export interface FeedPage {
  readonly events: readonly RecordedEvent[];
  /** Commit position that has been read up to: events of other types lie behind it too. */
  readonly position: bigint;
}

export interface OpenedFeed {
  /** Ends the feed; resolves when no page is being handed over any more. */
  stop(): Promise<void>;
}

/** Opens a feed of some event types from after a commit position (undefined: from the start). The next page comes when `onPage` has resolved. */
export type OpenFeed = (request: {
  readonly types: readonly string[];
  readonly from: bigint | undefined;
  readonly onPage: (page: FeedPage) => Promise<void>;
}) => OpenedFeed;
