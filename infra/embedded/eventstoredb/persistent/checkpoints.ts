import type { EventReader } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { GroupDefinition } from './group-definition.ts';
import { allStream, groupKey } from './group-definition.ts';
import { appendLatest, jsonSystemEvent, readJson } from './system-events.ts';

/** A revision, or a position in `$all`, as groups write it. */
export function positionText(stream: string, position: number): string {
  return stream === allStream ? `C:${position}/P:${position}` : String(position);
}

function parsePosition(text: unknown): number | undefined {
  const match = typeof text === 'string' ? /^(?:C:(\d+)\/P:\d+|(\d+))$/.exec(text) : null;
  return match ? Number(match[1] ?? match[2]) : undefined;
}

/** How far a group is, in a stream of its own. */
export class Checkpoints {
  readonly stream: string;
  private readonly source: string;
  private readonly store: EventStore;
  private readonly reader: EventReader;

  constructor(store: EventStore, reader: EventReader, { stream, group }: GroupDefinition) {
    this.store = store;
    this.reader = reader;
    this.source = stream;
    this.stream = `$persistentsubscription-${groupKey(stream, group)}-checkpoint`;
  }

  load(): number | undefined {
    if (this.reader.presence(this.stream) !== 'there') return undefined;
    for (const page of this.reader.streamBackwards(this.stream, this.reader.headOf(this.stream))) {
      for (const event of page) {
        const position = parsePosition(readJson(event));
        if (position !== undefined) return position;
      }
    }
    return undefined;
  }

  /** @throws StorageFailure */
  async save(position: number): Promise<void> {
    await appendLatest(this.store, this.stream, jsonSystemEvent('SubscriptionCheckpoint', positionText(this.source, position)));
  }
}
