import type { LoggedEvent } from '../log/logged-event.ts';
import type { ResolvedEvent } from '../store/event-reader.ts';
import { originalRecord } from '../store/event-reader.ts';

/** An event on its way through a group. */
export interface GroupMessage {
  /** By which it is acknowledged: that of the link if there is one. */
  readonly id: string;
  readonly resolved: ResolvedEvent;
  readonly record: LoggedEvent;
  /** Counts the events that the group considered. */
  readonly sequence: number;
  /** Up to where everything is done when this is the first that is not. */
  readonly previous: number | undefined;
  readonly retryCount: number;
  /** It comes from the parked messages, so it says nothing about how far the group is. */
  readonly replayed: boolean;
}

export function groupMessage(
  resolved: ResolvedEvent,
  place: { sequence: number; previous: number | undefined; replayed: boolean },
): GroupMessage {
  const record = originalRecord(resolved);
  return { id: record.id, resolved, record, retryCount: 0, ...place };
}

export const retried = (message: GroupMessage): GroupMessage => ({ ...message, retryCount: message.retryCount + 1 });
