import type { ProcessManager, Reaction } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import type { Instant } from '#domain/kernel/time.ts';
import { reasonFor } from '#infra/event-store/unreadable.ts';
import { changed, NO_CHANGES, type Changes } from './changes.ts';
import type { ChangedRow, NewRow } from './new-rows.ts';

/** In JSON, what Postgres takes neither as text nor as JSON: a zero character, or one half of a surrogate pair. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
/** Characters; what is longer cannot be indexed. */
const LONGEST_INSTANCE = 500;

/** The place of a row that stands for an event which the manager could not handle: before all that follow. */
const UNHANDLED = -1;

/**
 * The rows that follow from an event, as operators want them. One that cannot be handled, or whose reactions cannot be stored, gives one row that is
 * parked from the start; when an operator has decided on that row, it stands for the event ever after.
 */
export function rowsFor(manager: ProcessManager, event: RecordedEvent, changes: Changes = NO_CHANGES): readonly ChangedRow[] {
  if (changes.size > 0 && changes.has(reactionId(manager, event, UNHANDLED))) return [changed(unhandled(manager, event, null), changes)];
  try {
    const rows = derive(manager, event);
    return changes.size === 0 ? rows : rows.map((row) => changed(row, changes));
  } catch (error) {
    return [unhandled(manager, event, reasonFor(event, error))];
  }
}

function unhandled(manager: ProcessManager, event: RecordedEvent, error: string | null): NewRow {
  return {
    ...origin(manager, event, UNHANDLED),
    instance: instanceOrAggregate(manager, event),
    command_type: null,
    command: null,
    due: null,
    settled_by: [],
    otherwise: {},
    state: 'parked',
    last_error: error,
  };
}

/** The rows that follow from an event. Throws what the manager throws. */
export function derive(manager: ProcessManager, event: RecordedEvent): NewRow[] {
  const result = manager.on[event.type]?.(event);
  if (result === undefined) return [];
  const reactions = Array.isArray(result) ? (result as readonly Reaction[]) : [result as Reaction];
  return reactions.map((reaction, index) => {
    const row: NewRow = {
      ...origin(manager, event, index),
      instance: instanceOf(manager, event),
      command_type: reaction.command.type,
      command: reaction.command,
      due: reaction.due === undefined ? null : momentOf(reaction.due),
      settled_by: reaction.settledBy ?? [],
      otherwise: reaction.otherwise ?? {},
      state: 'pending',
      last_error: null,
    };
    if (UNSTORABLE.test(JSON.stringify(row))) throw new RangeError('A text with a zero character or half a character cannot be stored.');
    return row;
  });
}

/** The id of the command that is sent instead, when the reaction's own was refused. */
export function otherwiseId(row: { manager: string; event_id: string; index: number }): string {
  return followUpId('reaction', row.manager, row.event_id, String(row.index), 'otherwise');
}

function reactionId(manager: ProcessManager, event: RecordedEvent, index: number): string {
  return followUpId('reaction', manager.name, event.id, String(index));
}

function origin(manager: ProcessManager, event: RecordedEvent, index: number) {
  return {
    id: reactionId(manager, event, index),
    manager: manager.name,
    position: String(event.position),
    index,
    event_id: event.id,
    event_type: event.type,
    event_stream: event.stream,
    event_revision: event.revision,
    event_at: event.at,
    correlation_id: event.metadata.correlationId,
  };
}

/** The instance that an event belongs to. Throws what the manager throws, and when it cannot be kept as a name. */
function instanceOf(manager: ProcessManager, event: RecordedEvent): string {
  const instance: unknown = manager.instance?.(event) ?? event.aggregateId;
  if (typeof instance !== 'string' || instance.length > LONGEST_INSTANCE || UNSTORABLE.test(JSON.stringify(instance)))
    throw new TypeError(`${manager.name} names an instance by what cannot be a name.`);
  return instance;
}

/** A moment as it is stored. Throws for what is none, or not one of our calendar's four-digit years. */
function momentOf(due: Instant): Instant {
  const moment = new Date(due).toISOString();
  // Other years begin with a sign or are the year 0.
  if (moment < '0001') throw new RangeError('A moment is out of range.');
  return moment;
}

function instanceOrAggregate(manager: ProcessManager, event: RecordedEvent): string {
  try {
    return instanceOf(manager, event);
  } catch {
    return event.aggregateId;
  }
}
