import { LoggedEvent } from '../log/logged-event.ts';
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
  found: ResolvedEvent,
  place: { sequence: number; previous: number | undefined; replayed: boolean },
): GroupMessage {
  const resolved = { event: found.event && onItsOwn(found.event), link: found.link && onItsOwn(found.link) };
  const record = originalRecord(resolved);
  return { id: record.id, resolved, record, retryCount: 0, ...place };
}

/** The event without the page of the log that it was read in: a message may wait for long, and many would keep a page each. */
function onItsOwn(event: LoggedEvent): LoggedEvent {
  const { recorded } = event;
  if (recorded.buffer.byteLength <= 4 * recorded.length) return event;
  const copy = Buffer.allocUnsafeSlow(recorded.length);
  recorded.copy(copy);
  return new LoggedEvent(event.position, event.revision, copy);
}

export const retried = (message: GroupMessage): GroupMessage => ({ ...message, retryCount: message.retryCount + 1 });
