import type { Lease } from '#infra/leases/lease.ts';
import type { Level } from '#infra/leases/level.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { Group, type Member } from './group.ts';
import { isUnstorable } from './rows.ts';

/** What work on read models needs. */
export interface WorkParts {
  readonly database: Database;
  readonly openFeed: OpenFeed;
  readonly lease: Lease;
  readonly members: readonly Member[];
  /** Of live read models: noted whenever these have reached the end of the log. */
  readonly level?: Level;
  readonly onWritten: (members: readonly Member[], position: bigint, events: number) => void;
  /** Before each page: a place to wait. */
  readonly beforePage?: () => Promise<void>;
}

const PAGE = 2_000;
const LOOK_MS = 20;

/** Keeps live read models as the log says, page by page. It ends with the first failure, which `onFailure` hears of. */
export function follow(parts: WorkParts, onFailure: (error: unknown) => void): OpenedFeed {
  const group = new Group({ ...parts, token: parts.lease.token, gather: false });
  return feedTo(parts, (page) => group.take(page), onFailure);
}

/**
 * Fills the tables of read models up to the end of the log (or exactly to `upTo`, a position that they have not passed), gathering what many pages change. Resolves to `unstorable` when something in it
 * cannot be stored: then their memory is of no more use, and page by page, from the checkpoints on, `careful` finds out what it is.
 */
export async function fill(
  parts: WorkParts & { careful: boolean; upTo?: bigint },
  stopped: AbortSignal,
): Promise<'caught up' | 'stopped' | 'unstorable'> {
  const gather = !parts.careful;
  const group = new Group({ ...parts, token: parts.lease.token, gather });
  let failure: { error: unknown } | undefined;
  const { upTo } = parts;
  let folded = -1n;
  const feed = feedTo(
    parts,
    async (page) => {
      if (upTo !== undefined && folded >= upTo) return;
      const part = upTo === undefined || page.position <= upTo ? page : upToPosition(page, upTo);
      await group.take(part);
      folded = part.position;
    },
    (error) => {
      failure ??= { error };
    },
    // Up to the end it does not matter by which events the position moves; to reach one exactly, all of them must be seen.
    upTo === undefined,
  );
  const enough = (): boolean => (upTo === undefined ? feed.caughtUp : folded >= upTo);
  while (failure === undefined && !enough() && !stopped.aborted) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  await feed.stop();
  try {
    if (failure !== undefined) throw failure.error;
    if (stopped.aborted) return 'stopped';
    await group.settle();
    return 'caught up';
  } catch (error) {
    if (gather && isUnstorable(error)) return 'unstorable';
    throw error;
  } finally {
    // A write that is still under way would come in between whatever is done next with these tables.
    await group.rest();
  }
}

function upToPosition({ events }: FeedPage, position: bigint): FeedPage {
  return { events: events.filter((event) => event.position <= position), position };
}

function feedTo(
  { members, openFeed, lease, level, beforePage }: WorkParts,
  take: (page: FeedPage) => Promise<void>,
  onFailure: (error: unknown) => void,
  onlyTheirStreams = false,
): OpenedFeed {
  let broken: { error: unknown } | undefined;
  const from = members.reduce((least, { position }) => (position < least ? position : least), members[0]?.position ?? -1n);
  return openFeed({
    ...(onlyTheirStreams ? { onlyTheirStreams } : {}),
    ...(level === undefined ? {} : { level }),
    types: [...new Set(members.flatMap(({ model }) => Object.keys(model.on)))],
    from: from < 0n ? undefined : from,
    pageSize: PAGE,
    onPage: async (page) => {
      // What a group has folded but could not write is lost to it: the same page again would count twice.
      if (broken !== undefined) throw broken.error;
      try {
        await beforePage?.();
        lease.assertHeld();
        await take(page);
      } catch (error) {
        broken = { error };
        onFailure(error);
        throw error;
      }
    },
    onFailure,
  });
}
