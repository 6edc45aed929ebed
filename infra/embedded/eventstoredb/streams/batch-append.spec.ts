import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import type { EventLog } from '../log/event-log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { EventStore } from '../store/event-store.ts';
import { BatchAppends } from './batch-append.ts';

const append = () => ({
  correlationId: { string: randomUUID() },
  options: { streamIdentifier: { streamName: Buffer.from('A') }, any: {} },
  proposedMessages: [
    {
      id: { string: randomUUID() },
      metadata: [
        { key: 'type', value: 'Happened' },
        { key: 'content-type', value: 'application/json' },
      ],
    },
  ],
  isFinal: true,
});

describe('a batch append call', () => {
  it('takes in no more while many appends are under way, and goes on when they are answered', async () => {
    let finish: (() => void) | undefined;
    const onDisk = new Promise<void>((resolve) => (finish = resolve));
    const memory = memoryLog();
    const log: EventLog = { ...memory, sync: () => onDisk };
    const appends = 1500;
    let answers = 0;
    const call: Duplex = new Duplex({
      objectMode: true,
      read: () => undefined,
      write: (_answer, _encoding, done) => {
        answers += 1;
        if (answers === appends) call.emit('allAnswered');
        done();
      },
    });
    for (let n = 0; n < appends; n += 1) call.push(append());
    new BatchAppends(new EventStore(log), 1_000_000).handle(call as never);
    const all = once(call, 'allAnswered');
    await once(call, 'pause');
    expect([call.readableLength, answers]).toEqual([appends - 1024, 0]);
    finish?.();
    await all;
    expect(memory.headOf('A')).toBe(appends - 1);
  });
});
