import type { EventMetadata, RecordedEvent } from '#domain/kernel/event.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import type { StoredEvent } from './reading.ts';

/**
 * An event whose content cannot be read. Consumers are handed it like any other, in its place, so that none passes it unseen: whoever asks for its
 * data is told why there is none, and fails on this event alone. Its place is known; of what is said about it only what the store itself knows.
 */
export class UnreadableEvent implements RecordedEvent {
  readonly id: string;
  readonly type: string;
  readonly version = '';
  readonly stream: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly revision: number;
  readonly position: bigint;
  readonly at: string;
  readonly metadata: EventMetadata;

  constructor(
    { id, type, streamId, revision, position, created }: StoredEvent,
    private readonly why: Error,
  ) {
    const cut = streamId.indexOf('-');
    this.id = id;
    this.type = type;
    this.stream = streamId;
    this.aggregateType = streamId.slice(0, cut);
    this.aggregateId = streamId.slice(cut + 1);
    this.revision = Number(revision);
    this.position = position?.commit ?? 0n;
    this.at = created.toISOString();
    const { aggregateType, aggregateId, at } = this;
    const unknown = { eventVersion: '', source: '', commandId: '', commandType: '', role: '' };
    this.metadata = { ...unknown, aggregateType, aggregateId, timestamp: at, correlationId: id, causationId: id };
  }

  /** Throws why it cannot be read. */
  get data(): never {
    throw this.why;
  }
}

/** Why a consumer could not take an event in, as it may be stored and shown: nothing that the event says is in it. */
export function reasonFor(event: RecordedEvent, error: unknown): string {
  return reasonOf(error, event instanceof UnreadableEvent ? undefined : event.data);
}
