import type { AnyDecider } from '#domain/kernel/decider.ts';
import type { DomainEvent, RecordedEvent } from '#domain/kernel/event.ts';

/** Revisions of the first and last event that a command caused. */
export interface Outcome {
  readonly first: number;
  readonly last: number;
}

/** An aggregate as far as its stream has been folded. */
export interface Folded {
  readonly state: unknown;
  /** Number of the last folded event; -1 for none. */
  readonly revision: number;
  /** Commit position of that event; 0 for none. */
  readonly position: bigint;
  /** What each command that had an effect led to: a repeated one gets the same answer. Grows with the stream, shared by later foldings. */
  readonly outcomes: Map<string, Outcome>;
  /** Whose personal data the state may hold. Shared likewise. */
  readonly subjects: Set<string>;
  /** Revision of the snapshot in the store; -1 for none. */
  readonly snapshotAt: number;
  /** Whether the stream was never read: it was taken for empty, and more may have been in it. */
  readonly unread: boolean;
}

/** An aggregate before its first event, with nothing read of its stream yet. */
export function unfolded(decider: AnyDecider): Folded {
  return { state: decider.initial, revision: -1, position: 0n, outcomes: new Map(), subjects: new Set(), snapshotAt: -1, unread: true };
}

/** What an event adds, whether it was read or has just been written. */
export interface FoldableEvent extends DomainEvent {
  readonly revision: number;
  readonly position: bigint;
  readonly commandId: string;
  readonly subjects: readonly string[];
}

/** Folds further events; they follow on the last one folded. */
export function foldFurther(decider: AnyDecider, from: Folded, events: readonly FoldableEvent[]): Folded {
  const last = events.at(-1);
  if (last === undefined) return from;
  let { state } = from;
  for (const event of events) {
    state = decider.evolve(state, event);
    const first = from.outcomes.get(event.commandId)?.first ?? event.revision;
    from.outcomes.set(event.commandId, { first: Math.min(first, event.revision), last: event.revision });
    for (const subject of event.subjects) from.subjects.add(subject);
  }
  return { ...from, state, revision: last.revision, position: last.position };
}

/** A read event in the form that folding takes. */
export function foldable(event: RecordedEvent, subjects: readonly string[]): FoldableEvent {
  const { type, data, revision, position } = event;
  return { type, data, revision, position, commandId: event.metadata.commandId, subjects };
}
