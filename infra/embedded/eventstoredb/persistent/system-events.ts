import { randomUUID } from 'node:crypto';
import type { LoggedEvent, ProposedEvent } from '../log/logged-event.ts';
import type { EventStore } from '../store/event-store.ts';
import { metadataType, metastreamOf } from '../store/stream-metadata.ts';

const nothing = Buffer.alloc(0);

export const jsonSystemEvent = (type: string, data: unknown): ProposedEvent => ({
  id: randomUUID(),
  type,
  isJson: true,
  data: Buffer.from(JSON.stringify(data)),
  customMetadata: nothing,
});

/** What a system event says; undefined, with a line in the log, when it is not JSON: any client can append to the streams of the system. */
export function readJson(event: LoggedEvent): unknown {
  try {
    return JSON.parse(event.content().data.toString('utf8'));
  } catch {
    process.stderr.write(`Number ${event.revision} of ${event.stream} is passed over: it is not JSON.\n`);
    return undefined;
  }
}

/** Appends to a stream of which only the last two events matter. Two calls write in their order. */
export async function appendLatest(store: EventStore, stream: string, event: ProposedEvent): Promise<void> {
  const limited = store.states.hasMetastream(stream) ? undefined : setMetadata(store, stream, { $maxCount: 2 });
  await Promise.all([limited, store.append(stream, 'any', [event])]);
}

export async function setMetadata(store: EventStore, stream: string, metadata: object): Promise<void> {
  await store.append(metastreamOf(stream), 'any', [jsonSystemEvent(metadataType, metadata)]);
}
