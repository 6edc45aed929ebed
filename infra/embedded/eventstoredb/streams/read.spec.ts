import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { memoryLog } from '../log/memory-log.ts';
import { EventReader } from '../store/event-reader.ts';
import { EventStore } from '../store/event-store.ts';
import { Reads } from './read.ts';

describe('a read of a stream forwards', () => {
  it('from a number beyond every stream finds nothing, and only the end is no place to begin', async () => {
    const store = new EventStore(memoryLog());
    const event = { id: randomUUID(), type: 'Happened', isJson: false, data: Buffer.alloc(0), customMetadata: Buffer.alloc(0) };
    await store.append('A', 'any', [event]);
    const read = async (from: object): Promise<number> => {
      const sent: unknown[] = [];
      const write = (chunk: unknown, _encoding: string, done: () => void): void => {
        sent.push(chunk);
        done();
      };
      const call = new Duplex({ objectMode: true, read: () => undefined, write });
      const options = { stream: { streamIdentifier: { streamName: Buffer.from('A') }, ...from }, count: 10n };
      const over = once(call, 'finish');
      new Reads(store, new EventReader(store)).handle(Object.assign(call, { request: { options } }) as never);
      await over;
      return sent.length;
    };
    expect(await read({ revision: 0n })).toBe(1);
    expect(await read({ revision: 2n ** 53n })).toBe(0);
    await expect(read({ end: {} })).rejects.toThrow('Exception was thrown');
  });
});
