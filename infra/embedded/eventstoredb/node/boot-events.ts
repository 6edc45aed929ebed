import { randomUUID } from 'node:crypto';
import type { EventStore } from '../store/event-store.ts';
import { metadataType } from '../store/stream-metadata.ts';

const statisticsMetastream = '$$$stats-127.0.0.1:2113';
const scavengesMetastream = '$$$scavenges';

/** A fresh server has system events in its log before any client wrote one; code that assumes an empty `$all` should notice here. */
export async function writeBootEvents(store: EventStore): Promise<void> {
  const boot: [stream: string, metadata: object][] = [
    [statisticsMetastream, { $maxAge: 86_400 }],
    [scavengesMetastream, { $maxAge: 2_592_000 }],
  ];
  for (const [stream, metadata] of boot) {
    if (store.states.of(stream).head >= 0) continue;
    const event = {
      id: randomUUID(),
      type: metadataType,
      isJson: true,
      data: Buffer.from(JSON.stringify(metadata)),
      customMetadata: Buffer.alloc(0),
    };
    await store.append(stream, 'no_stream', [event]);
  }
}
