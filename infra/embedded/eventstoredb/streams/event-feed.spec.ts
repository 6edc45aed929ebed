import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { memoryLog } from '../log/memory-log.ts';
import { EventReader } from '../store/event-reader.ts';
import { EventStore } from '../store/event-store.ts';
import { AllFeed } from './event-feed.ts';

const event = () => ({ id: randomUUID(), type: 'Happened', isJson: false, data: Buffer.alloc(3), customMetadata: Buffer.alloc(0) });

describe('the feed of $all', () => {
  it('tells a position that a reader of $all finds, also when hidden events are the last ones', async () => {
    const store = new EventStore(memoryLog());
    const reader = new EventReader(store);
    const hidden = '$persistentsubscription-$all::group-checkpoint';
    expect(reader.lastPosition()).toBeUndefined();
    const shown = await store.append('A', 'any', [event()]);
    for (let n = 0; n < 40; n += 1) await store.append(hidden, 'any', [event()]);
    const position = shown.kind === 'written' ? shown.position : undefined;
    const feed = new AllFeed(reader, undefined);
    while (feed.next(false));
    expect([feed.lastPosition, reader.lastPosition()]).toEqual([position, position]);
  });
});
