import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { EventLog } from '../log/event-log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { EventReader } from './event-reader.ts';
import { EventStore } from './event-store.ts';

const event = () => ({ id: randomUUID(), type: 'Happened', isJson: false, data: Buffer.alloc(3), customMetadata: Buffer.alloc(0) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A log whose disk answers when it is told to. */
function slowDisk() {
  const syncs: { done: () => void; fail: (error: Error) => void }[] = [];
  const log: EventLog = {
    ...memoryLog(),
    sync: () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      syncs.push({ done: resolve, fail: reject });
      return promise;
    },
  };
  return { log, syncs };
}

const revisions = (reader: EventReader): number[] => [...reader.streamForwards('A', 0)].flat().map(({ revision }) => revision);

describe('the event store', () => {
  it('answers an append, shows it and tells about it only once it is on disk', async () => {
    const { log, syncs } = slowDisk();
    const store = new EventStore(log);
    const reader = new EventReader(store);
    const told: number[] = [];
    store.onCommit((events) => told.push(events.length));
    let answered = false;
    const append = store.append('A', 'no_stream', [event(), event()]).then(() => (answered = true));
    await turn();
    await turn();
    expect(syncs).toHaveLength(1);
    expect(answered).toBe(false);
    expect(told).toEqual([]);
    expect(revisions(reader)).toEqual([]);
    expect([...reader.streamBackwards('A', 5)].flat()).toEqual([]);
    expect([...reader.allForwards(0)].flat()).toEqual([]);
    expect([...reader.allBackwards(Number.MAX_SAFE_INTEGER)].flat()).toEqual([]);
    expect(reader.headOf('A')).toBe(-1);

    syncs[0]?.done();
    await append;
    expect(told).toEqual([2]);
    expect(revisions(reader)).toEqual([0, 1]);
    expect(reader.headOf('A')).toBe(1);
  });

  it('shows what is on disk while more is on its way', async () => {
    const { log, syncs } = slowDisk();
    const store = new EventStore(log);
    const reader = new EventReader(store);
    const first = store.append('A', 'any', [event()]);
    await turn();
    syncs[0]?.done();
    await first;
    const second = store.append('A', 'any', [event()]);
    await turn();
    expect(revisions(reader)).toEqual([0]);
    expect([...reader.streamBackwards('A', 5, 1)].flat().map(({ revision }) => revision)).toEqual([0]);
    expect(reader.headOf('A')).toBe(0);
    syncs[1]?.done();
    await second;
    expect(revisions(reader)).toEqual([0, 1]);
  });

  it('shows a stream as the disk has it while what would hide it is on its way', async () => {
    const { log, syncs } = slowDisk();
    const store = new EventStore(log);
    const reader = new EventReader(store);
    const onDisk = async <T>(write: Promise<T>): Promise<T> => {
      await turn();
      for (const { done } of syncs.splice(0)) done();
      return write;
    };
    const limit = (count: number) => ({ ...event(), type: '$metadata', isJson: true, data: Buffer.from(`{"$maxCount":${count}}`) });
    await onDisk(Promise.all([store.append('A', 'any', [event(), event()]), store.append('$$A', 'any', [limit(2)])]));

    const further = store.append('A', 'any', [event(), event()]);
    await turn();
    expect(revisions(reader)).toEqual([0, 1]);
    await onDisk(further);
    const tighter = store.append('$$A', 'any', [limit(1)]);
    await turn();
    expect(revisions(reader)).toEqual([2, 3]);
    await onDisk(tighter);
    expect(revisions(reader)).toEqual([3]);
    const deletion = store.softDelete('A', 'any');
    await turn();
    expect([reader.presence('A'), revisions(reader)]).toEqual(['there', [3]]);
    await onDisk(deletion);
    expect(reader.presence('A')).toBe('not-found');
    const [revived, tombstone] = [store.append('A', 'any', [event()]), store.tombstone('A', 'any')];
    await turn();
    expect([reader.presence('A'), reader.presence('$$A')]).toEqual(['not-found', 'there']);
    await onDisk(Promise.all([revived, tombstone]));
    expect([reader.presence('A'), reader.presence('$$A')]).toEqual(['tombstoned', 'tombstoned']);
  });

  it('syncs once what was written while the disk was busy, each write with its own outcome', async () => {
    const { log, syncs } = slowDisk();
    const store = new EventStore(log);
    const first = store.append('A', 'no_stream', [event()]);
    await turn();
    const rest = [store.append('A', 0n, [event()]), store.append('A', 0n, [event()]), store.append('B', 'any', [event()])];
    syncs[0]?.done();
    await first;
    await turn();
    expect(syncs).toHaveLength(2);
    syncs[1]?.done();
    expect((await Promise.all(rest)).map(({ kind }) => kind)).toEqual(['written', 'wrong-expected-version', 'written']);
  });

  it('refuses every write of a commit that the storage refuses, and goes on', async () => {
    const memory = memoryLog();
    let full = true;
    const log: EventLog = {
      ...memory,
      transaction(work) {
        if (full) throw new Error('The disk is full.');
        return memory.transaction(work);
      },
    };
    const store = new EventStore(log);
    const outcomes = await Promise.allSettled([store.append('A', 'any', [event()]), store.append('B', 'any', [event()])]);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : 'done'))).toEqual([
      'StorageFailure: The disk is full.',
      'StorageFailure: The disk is full.',
    ]);
    full = false;
    expect(await store.append('A', 'no_stream', [event()])).toMatchObject({ kind: 'written', revision: 0 });
  });

  it('drains under load: it waits for what was submitted before, and not for an idle moment', async () => {
    const store = new EventStore(memoryLog());
    let go = true;
    let answered = 0;
    const busy = Array.from({ length: 4 }, async () => {
      for (; go; answered += 1) await store.append('A', 'any', [event()]);
    });
    await store.drain();
    expect(answered).toBeGreaterThanOrEqual(4);
    go = false;
    await Promise.all(busy);
    await store.close();
  });
});
