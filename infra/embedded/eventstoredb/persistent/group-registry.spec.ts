import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { EventLog } from '../log/event-log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { EventReader } from '../store/event-reader.ts';
import { EventStore } from '../store/event-store.ts';
import type { GroupDefinition } from './group-definition.ts';
import { GroupRegistry } from './group-registry.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Syncs that have begun, and the number of commits that wrote something. */
let syncs: (() => void)[];
let commits: number;
let store: EventStore;
let reader: EventReader;
let registry: GroupRegistry;

beforeEach(() => {
  [syncs, commits] = [[], 0];
  const memory = memoryLog();
  const log: EventLog = {
    ...memory,
    transaction(work) {
      const before = memory.end();
      const result = memory.transaction(work);
      if (memory.end() > before) commits += 1;
      return result;
    },
    sync: () => new Promise((resolve) => syncs.push(resolve)),
  };
  store = new EventStore(log);
  reader = new EventReader(store);
  registry = new GroupRegistry(store, reader);
});

afterEach(() => registry.close());

/** Lets the disk finish whatever it is asked until a promise is settled. */
async function onDisk<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => (settled = true));
  while (!settled) {
    for (const finish of syncs.splice(0)) finish();
    await turn();
  }
  return done;
}

const definition = (group: string): GroupDefinition => ({
  stream: 'A',
  group,
  filter: undefined,
  startFrom: { commit: 0, prepare: 0 },
  resolveLinks: false,
  extraStatistics: false,
  messageTimeout: 1000,
  maxRetryCount: 1,
  checkpointAfter: 0,
  minCheckpointCount: 1,
  maxCheckpointCount: 1,
  maxSubscriberCount: 0,
  liveBufferSize: 10,
  historyBufferSize: 10,
  readBatchSize: 5,
  strategy: 'RoundRobin',
});

function groupsAfterRestart(): string[] {
  registry.close();
  registry = new GroupRegistry(store, reader);
  return registry.list().map(({ definition: { group } }) => group);
}

describe('the groups', () => {
  it('made at once on a slow disk are all there after a restart', async () => {
    const first = registry.create(definition('first'));
    await turn();
    const second = registry.create(definition('second'));
    await onDisk(Promise.all([first, second]));
    expect(groupsAfterRestart()).toEqual(['first', 'second']);
  });

  it('are there after a restart, where they were, although somebody wrote something else into their streams', async () => {
    await onDisk(registry.create(definition('first')));
    await onDisk(registry.get('A', 'first').checkpoints.save(7));
    const junk = (type: string) => ({ id: randomUUID(), type, isJson: false, data: Buffer.from('junk'), customMetadata: Buffer.alloc(0) });
    for (const stream of ['$persistentSubscriptionConfig', registry.get('A', 'first').checkpoints.stream])
      await onDisk(store.append(stream, 'any', [junk(stream.includes('Config') ? '$PersistentConfig' : 'SubscriptionCheckpoint')]));
    expect(groupsAfterRestart()).toEqual(['first']);
    expect(registry.get('A', 'first').lastCheckpoint).toBe(7);
  });

  it('go with their checkpoints in one commit, so that no crash leaves one to the next group of the name', async () => {
    await onDisk(registry.create(definition('first')));
    await onDisk(registry.get('A', 'first').checkpoints.save(7));
    const before = commits;
    await onDisk(registry.delete('A', 'first'));
    expect(commits - before).toBe(1);
    expect(groupsAfterRestart()).toEqual([]);
    await onDisk(registry.create(definition('first')));
    expect(registry.get('A', 'first').lastCheckpoint).toBeUndefined();
  });
});
