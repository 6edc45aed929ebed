import type { EventLog } from '../log/event-log.ts';
import type { StreamState, StreamStates } from './stream-states.ts';

/** Which revision an append expects: a number, or one of the three words. */
export type ExpectedRevision = bigint | 'any' | 'no_stream' | 'stream_exists';

export type AppendDecision =
  | { readonly kind: 'write' }
  /** All events are there already. `revision` is that of the last one of them. */
  | { readonly kind: 'already-written'; readonly revision: number }
  /** `current` is the head of the stream, -1 for none. */
  | { readonly kind: 'wrong-expected-version'; readonly current: number }
  | { readonly kind: 'stream-deleted' };

const write: AppendDecision = { kind: 'write' };

/** Which event ids were written lately, and where: what makes an append with `any` idempotent as far as memory goes. */
export class RecentIds {
  private readonly places = new Map<string, { readonly stream: string; readonly revision: number }>();
  /** The same ids in the order in which they came, in a ring: to find the oldest in a map gets slow when many were deleted from it. */
  private ids: string[] = [];
  private next = 0;
  private readonly capacity: number;

  constructor(capacity = 50_000) {
    this.capacity = capacity;
  }

  /** The first writer of an id keeps it. */
  remember(id: string, stream: string, revision: number): void {
    if (this.places.has(id)) return;
    this.places.set(id, { stream, revision });
    const oldest = this.ids[this.next];
    if (oldest !== undefined) this.places.delete(oldest);
    this.ids[this.next] = id;
    this.next = (this.next + 1) % this.capacity;
  }

  revisionOf(id: string, stream: string): number | undefined {
    const place = this.places.get(id);
    return place?.stream === stream ? place.revision : undefined;
  }

  forget(): void {
    this.places.clear();
    this.ids = [];
    this.next = 0;
  }
}

/** Decides about an append by the rules of optimistic concurrency and idempotency; writes nothing. */
export function checkAppend(
  stream: string,
  expected: ExpectedRevision,
  ids: readonly string[],
  sources: { readonly states: StreamStates; readonly recentIds: RecentIds; readonly log: EventLog },
): AppendDecision {
  const state = sources.states.of(stream);
  if (state.tombstoned) return { kind: 'stream-deleted' };
  if (expected === 'stream_exists') {
    if (state.metadata.deleted) return { kind: 'stream-deleted' };
    if (state.head < 0 && !sources.states.hasMetastream(stream)) return wrong(state);
  }
  if (expected === 'any' || expected === 'stream_exists') return checkByRecentIds(stream, state, ids, sources.recentIds);
  const revision = expected === 'no_stream' ? -1 : Number(expected);
  if (revision > state.head) return wrong(state);
  if (revision === state.head) return write;
  return checkByContent(stream, state, revision, ids, sources.log);
}

function wrong(state: StreamState): AppendDecision {
  return { kind: 'wrong-expected-version', current: state.head };
}

function checkByRecentIds(stream: string, state: StreamState, ids: readonly string[], recentIds: RecentIds): AppendDecision {
  let last: number | undefined;
  for (const [index, id] of ids.entries()) {
    last = recentIds.revisionOf(id, stream);
    if (last === undefined) return index === 0 ? write : wrong(state);
  }
  return last === undefined ? write : { kind: 'already-written', revision: last };
}

/** Expected is behind the head: either these very events follow it, or the writer lost. */
function checkByContent(stream: string, state: StreamState, expected: number, ids: readonly string[], log: EventLog): AppendDecision {
  const matched = countMatching(stream, expected + 1, ids, log);
  if (ids.length > 0 && matched === ids.length) return { kind: 'already-written', revision: expected + ids.length };
  if (matched === 0 && ids.length > 0 && expected === -1 && state.metadata.deleted) return write;
  return wrong(state);
}

/** How many of the ids stand in the stream, one after the other, from a revision on. */
function countMatching(stream: string, first: number, ids: readonly string[], log: EventLog): number {
  let matched = 0;
  while (matched < ids.length) {
    const page = log.readStreamForwards(stream, first + matched, Math.min(ids.length - matched, 256));
    for (const event of page) {
      if (event.id !== ids[matched]) return matched;
      matched += 1;
    }
    if (page.length === 0) return matched;
  }
  return matched;
}
