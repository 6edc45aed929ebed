import { randomUUID } from 'node:crypto';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { streamOf } from '#domain/kernel/ids.ts';
import type { Clock } from '#infra/time/clock.ts';
import type { Appended } from './appender.ts';
import type { EventStoreClient } from './client.ts';
import type { Codec } from './codec.ts';

/** Where specs write what has happened before they begin. */
export interface GivenLog {
  readonly client: EventStoreClient;
  readonly codec: Codec;
  readonly clock: Clock;
}

/**
 * Writes into an aggregate's stream, behind what is there, what other parts of the platform would have recorded: the events alone, without
 * the commands and checks that lead to them. For specs. Throws `InvalidEvent`.
 */
export async function givenEvents(
  { client, codec, clock }: GivenLog,
  aggregateType: string,
  aggregateId: string,
  events: readonly DomainEvent[],
): Promise<Appended> {
  const encoded = await Promise.all(
    events.map((event) => {
      const id = randomUUID();
      const cause = { commandId: id, commandType: 'Spec', correlationId: id, causationId: id, source: 'spec', role: 'system' };
      const eventVersion = codec.versionOf(event.type);
      return codec.encode(id, event, { eventVersion, aggregateType, aggregateId, timestamp: clock.now(), ...cause });
    }),
  );
  return client.append(
    streamOf(aggregateType, aggregateId),
    encoded.map(({ stored }) => stored),
    'any',
  );
}
