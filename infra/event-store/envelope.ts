import type { RecordedEvent } from '#domain/kernel/event.ts';

/** An event as it is shown to people and handed to others: the JSON of the platform's event contract. */
export interface Envelope {
  readonly eventId: string;
  readonly eventType: string;
  readonly aggregateId: string;
  readonly aggregateType: string;
  readonly eventVersion: string;
  readonly timestamp: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly revision: number;
  /** Commit position, a decimal string. */
  readonly position: string;
  readonly metadata: {
    readonly source: string;
    readonly role: string;
    readonly userId?: string;
    readonly actingFor?: string;
    readonly reason?: string;
    readonly commandId: string;
    readonly commandType: string;
  };
  readonly data: object;
}

/** The envelope of a recorded event: what happened, to what, when, by whom and why. */
export function toEnvelope(event: RecordedEvent): Envelope {
  const { source, role, userId, actingFor, reason, commandId, commandType, correlationId, causationId } = event.metadata;
  return {
    eventId: event.id,
    eventType: event.type,
    aggregateId: event.aggregateId,
    aggregateType: event.aggregateType,
    eventVersion: event.version,
    timestamp: event.at,
    correlationId,
    causationId,
    revision: event.revision,
    position: event.position.toString(),
    metadata: {
      source,
      role,
      ...(userId === undefined ? {} : { userId }),
      ...(actingFor === undefined ? {} : { actingFor }),
      ...(reason === undefined ? {} : { reason }),
      commandId,
      commandType,
    },
    data: event.data,
  };
}
