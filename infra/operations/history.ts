import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { OperationsEvent } from './acts.ts';

/** An act with what came of it. */
export interface ActOnRecord {
  readonly id: string;
  /** Such as `DeadLetterSkip`. */
  readonly act: string;
  readonly who: string;
  readonly why: string;
  readonly askedAt: Instant;
  readonly state: 'requested' | 'done' | 'failed';
  readonly outcome: string | null;
  /** What it is about, without what an operator wrote for a command: that may be about people. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** The acts of a part of the record, in the order in which they were asked for. */
export function actsOf(events: readonly RecordedEvent[]): ActOnRecord[] {
  const acts = new Map<string, ActOnRecord>();
  for (const recorded of events) {
    const event = recorded as unknown as OperationsEvent;
    const { actId } = event.data;
    if (event.type === 'OperatorActDone' || event.type === 'OperatorActFailed') {
      const act = acts.get(actId);
      const state = event.type === 'OperatorActDone' ? 'done' : 'failed';
      if (act !== undefined) acts.set(actId, { ...act, state, outcome: event.data.outcome });
      continue;
    }
    const { who, why } = event.data;
    const about = Object.entries(event.data).filter(([name]) => !['actId', 'group', 'who', 'why', 'data', 'subjectId'].includes(name));
    acts.set(actId, {
      id: actId,
      act: event.type.replace(/Requested$/, ''),
      who,
      why,
      askedAt: recorded.at,
      state: 'requested',
      outcome: null,
      about: Object.fromEntries(about),
    });
  }
  return [...acts.values()];
}
