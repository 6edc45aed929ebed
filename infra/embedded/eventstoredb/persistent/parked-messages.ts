import { randomUUID } from 'node:crypto';
import type { EventReader, ResolvedEvent } from '../store/event-reader.ts';
import { linkType } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { GroupDefinition } from './group-definition.ts';
import { groupKey } from './group-definition.ts';
import type { GroupMessage } from './group-message.ts';
import { setMetadata } from './system-events.ts';

/** The messages that a group gave up on: links to them, in a stream of its own. */
export class ParkedMessages {
  readonly stream: string;
  private readonly store: EventStore;
  private readonly reader: EventReader;

  constructor(store: EventStore, reader: EventReader, { stream, group }: GroupDefinition) {
    this.store = store;
    this.reader = reader;
    this.stream = `$persistentsubscription-${groupKey(stream, group)}-parked`;
  }

  get count(): number {
    const { metadata } = this.store.states.of(this.stream);
    return metadata.deleted ? 0 : Math.max(0, this.reader.headOf(this.stream) + 1 - (metadata.truncateBefore ?? 0));
  }

  /** Durable when it resolves. @throws StorageFailure */
  async park({ resolved, record }: GroupMessage, reason: string): Promise<void> {
    const event = resolved.event ?? record;
    const metadata = { added: new Date().toISOString(), reason, subscriptionEventNumber: record.revision };
    await this.store.append(this.stream, 'any', [
      {
        id: randomUUID(),
        type: linkType,
        isJson: false,
        data: Buffer.from(`${event.revision}@${event.stream}`),
        customMetadata: Buffer.from(JSON.stringify(metadata)),
      },
    ]);
  }

  /** Gives the parked messages with numbers below `stopAt`, and forgets them. @throws StorageFailure */
  async take(stopAt: number): Promise<ResolvedEvent[]> {
    const end = Math.min(stopAt, this.reader.headOf(this.stream) + 1);
    if (this.reader.presence(this.stream) !== 'there') return [];
    const taken: ResolvedEvent[] = [];
    for (const page of this.reader.streamForwards(this.stream, 0)) {
      for (const event of page) if (event.revision < end) taken.push(this.reader.resolve(event));
    }
    if (taken.length > 0) await setMetadata(this.store, this.stream, { $tb: end });
    return taken;
  }
}
