import { END, START } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { collect, contract, failureOf, revisionsOf, several } from './contract.ts';
import {
  checkpointStream,
  consume,
  createGroup,
  eager,
  infoOf,
  parkedStream,
  toAllSettings,
  toStreamSettings,
  untilInfo,
} from './groups.ts';

contract('7.1 groups: create, update, delete, list', {
  'a group starts at the start, at the end, or with the event at a revision': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(4));
    const starts = { start: START, middle: 2n, end: END } as const;
    for (const [group, startFrom] of Object.entries(starts)) {
      await peer.client.createPersistentSubscriptionToStream(stream, group, toStreamSettings({ startFrom }));
    }
    await peer.client.appendToStream(stream, several(1));
    for (const [group, expected] of Object.entries({ start: [0, 1, 2, 3, 4], middle: [2, 3, 4], end: [4] })) {
      const consumer = consume(peer, stream, group);
      expect(revisionsOf(await consumer.has(expected.length))).toEqual(expected);
      await consumer.close();
    }
  },
  'a group may be created before its stream': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream);
    const consumer = consume(peer, stream);
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await consumer.has(2))).toEqual([0, 1]);
    await consumer.close();
  },
  'a second one of the same name is refused': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream);
    expect(await failureOf(createGroup(peer, stream))).toMatchObject({
      type: 'persistent-subscription-exists',
      streamName: stream,
      groupName: 'group',
    });
  },
  'a read batch that is not smaller than the history buffer is refused with a reason': async (peer) => {
    const stream = peer.fresh();
    const error = await failureOf(createGroup(peer, stream, { readBatchSize: 20, historyBufferSize: 20 }));
    expect(error).toMatchObject({ type: 'persistent-subscription-failed', streamName: stream, groupName: 'group' });
    expect(error['reason']).toBeTruthy();
  },
  'a start beyond the log, or with its prepare behind its commit, is refused for $all': async (peer) => {
    for (const startFrom of [
      { commit: 2n ** 52n, prepare: 2n ** 52n },
      { commit: 1n, prepare: 2n },
    ]) {
      const error = await failureOf(peer.client.createPersistentSubscriptionToAll(randomUUID(), toAllSettings({ startFrom })));
      expect(error['type']).toBe('persistent-subscription-failed');
    }
  },
  'whatever is asked of a group that does not exist, it "does not exist"': async (peer) => {
    const stream = peer.fresh();
    const { client } = peer;
    for (const attempt of [
      () => client.updatePersistentSubscriptionToStream(stream, 'group', toStreamSettings()),
      () => client.deletePersistentSubscriptionToStream(stream, 'group'),
      () => client.getPersistentSubscriptionToStreamInfo(stream, 'group'),
      () => client.replayParkedMessagesToStream(stream, 'group'),
    ]) {
      const error = await failureOf(attempt());
      expect(error).toMatchObject({ type: 'persistent-subscription-does-not-exist', streamName: stream, groupName: 'group' });
      expect(error.message).toBe(`5 NOT_FOUND: Subscription group group on stream ${stream} does not exist.`);
    }
    const consumer = consume(peer, stream);
    await consumer.said('error');
    expect(consumer.error?.['type']).toBe('persistent-subscription-does-not-exist');
  },
  'info echoes the settings and says how the group is': async (peer) => {
    const stream = peer.fresh();
    const settings = toStreamSettings({
      startFrom: 3n,
      resolveLinkTos: true,
      extraStatistics: true,
      messageTimeout: 11_000,
      maxRetryCount: 7,
      checkPointAfter: 3000,
      checkPointLowerBound: 4,
      checkPointUpperBound: 900,
      maxSubscriberCount: 5,
      liveBufferSize: 400,
      readBatchSize: 21,
      historyBufferSize: 410,
      consumerStrategyName: 'Pinned',
    });
    await peer.client.createPersistentSubscriptionToStream(stream, 'group', settings);
    const info = await infoOf(peer, stream);
    expect(info).toMatchObject({ eventSource: stream, groupName: 'group', status: 'Live', settings, connections: [] });
    expect(info.stats).toMatchObject({ totalInFlightMessages: 0, parkedMessageCount: 0n, outstandingMessagesCount: 0 });
    expect(info.stats.lastCheckpointedEventRevision).toBeUndefined();
  },
  'info tells about the connections': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, { extraStatistics: true });
    await peer.client.appendToStream(stream, several(5));
    const consumer = consume(peer, stream, 'group', 4);
    await consumer.has(4);
    const before = await infoOf(peer, stream);
    expect(before.connections).toMatchObject([{ availableSlots: 0, inFlightMessages: 4, totalItems: 4n }]);
    expect(before.stats).toMatchObject({ totalInFlightMessages: 4, outstandingMessagesCount: 4 });
    await consumer.ackAll();
    const { connections, stats } = await untilInfo(peer, stream, (info) => info.connections[0]?.inFlightMessages === 1);
    expect([...(connections[0]?.extraStatistics?.keys() ?? [])].toSorted()).toEqual(
      [
        '90%',
        '95%',
        '99%',
        '99.5%',
        '99.9%',
        'fastest',
        'highest',
        'mean',
        'median',
        ...[1, 2, 3, 4, 5].map((n) => `quintile ${n}`),
      ].toSorted(),
    );
    expect(stats.lastKnownEventRevision).toBe(4n);
    await consumer.close();
  },
  'an update replaces the settings, drops the consumers and goes on from the checkpoint': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, eager);
    await peer.client.appendToStream(stream, several(4));
    const first = consume(peer, stream);
    await first.has(4);
    await first.ack(...first.events.slice(0, 2));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 1n);
    await peer.client.updatePersistentSubscriptionToStream(stream, 'group', toStreamSettings({ maxRetryCount: 3 }));
    await first.said('error');
    expect(first.error).toMatchObject({ type: 'persistent-subscription-dropped', streamName: stream, groupName: 'group' });
    expect((await infoOf(peer, stream)).settings.maxRetryCount).toBe(3);
    const second = consume(peer, stream);
    expect(revisionsOf(await second.has(2))).toEqual([2, 3]);
    await second.close();
  },
  'an update without a checkpoint starts from the new start': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream);
    await peer.client.appendToStream(stream, several(4));
    await peer.client.updatePersistentSubscriptionToStream(stream, 'group', toStreamSettings({ startFrom: 2n }));
    const consumer = consume(peer, stream);
    expect(revisionsOf(await consumer.has(2))).toEqual([2, 3]);
    await consumer.close();
  },
  'a delete drops the consumers and forgets checkpoint and parked messages': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, eager);
    await peer.client.appendToStream(stream, several(3));
    const consumer = consume(peer, stream);
    await consumer.has(3);
    await consumer.group.nack('park', 'no', ...consumer.events.slice(0, 1));
    await consumer.ack(...consumer.events.slice(1));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 2n && stats.parkedMessageCount === 1n);
    await peer.client.deletePersistentSubscriptionToStream(stream, 'group');
    await consumer.said('error');
    expect(consumer.error?.['type']).toBe('persistent-subscription-dropped');
    for (const name of [checkpointStream(stream), parkedStream(stream)]) {
      expect(await failureOf(collect(peer.client.readStream(name)))).toMatchObject({ type: 'stream-not-found' });
    }
    await createGroup(peer, stream);
    const again = consume(peer, stream);
    expect(revisionsOf(await again.has(3))).toEqual([0, 1, 2]);
    expect((await infoOf(peer, stream)).stats.parkedMessageCount).toBe(0n);
    await again.close();
  },
  'a restart of the subsystem drops the consumers; the groups go on from their checkpoints': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, eager);
    await peer.client.appendToStream(stream, several(3));
    const first = consume(peer, stream);
    await first.has(3);
    await first.ack(...first.events.slice(0, 1));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 0n);
    await peer.client.restartPersistentSubscriptionSubsystem();
    await first.said('error');
    expect(first.error?.['type']).toBe('persistent-subscription-dropped');
    const second = consume(peer, stream);
    expect(revisionsOf(await second.has(2))).toEqual([1, 2]);
    await second.close();
  },
  'lists: of all groups, of a stream, of $all': async (peer) => {
    const stream = peer.fresh();
    const group = randomUUID();
    expect(await failureOf(peer.client.listPersistentSubscriptionsToStream(stream))).toMatchObject({
      type: 'persistent-subscription-does-not-exist',
      message: `5 NOT_FOUND: Subscription group  on stream ${stream} does not exist.`,
    });
    await createGroup(peer, stream);
    await peer.client.createPersistentSubscriptionToStream(stream, 'second', toStreamSettings());
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings());
    const names = (infos: { eventSource: string; groupName: string }[]) => infos.map((info) => `${info.eventSource}::${info.groupName}`);
    const ours = [`${stream}::group`, `${stream}::second`];
    expect(names(await peer.client.listPersistentSubscriptionsToStream(stream))).toEqual(ours);
    expect(names(await peer.client.listPersistentSubscriptionsToAll())).toContain(`$all::${group}`);
    expect(names(await peer.client.listAllPersistentSubscriptions())).toEqual(expect.arrayContaining([...ours, `$all::${group}`]));
    await peer.client.deletePersistentSubscriptionToAll(group);
  },
});
