import { binaryEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import type { Peer } from './contract.ts';
import { collect, contract, failureOf, happened, revisionsOf, several } from './contract.ts';
import { checkpointStream, consume, createGroup, eager, infoOf, newestData, parkedStream, toStreamSettings, untilInfo } from './groups.ts';

async function filled(peer: Peer, count: number, settings: Parameters<typeof createGroup>[2] = {}): Promise<string> {
  const stream = peer.fresh();
  await createGroup(peer, stream, settings);
  await peer.client.appendToStream(stream, several(count));
  return stream;
}

/** What is parked, once the newest of it has a number. */
async function untilParked(peer: Peer, stream: string, revision: bigint) {
  for (;;) {
    const parked = await collect(peer.client.readStream(parkedStream(stream)));
    if (parked.at(-1)?.event?.revision === revision) return parked;
  }
}

contract('7.2 reading a group', {
  'confirms, then gives no more than the buffer size until something is acknowledged': async (peer) => {
    const stream = await filled(peer, 10);
    const consumer = consume(peer, stream, 'group', 3);
    await consumer.has(3);
    expect(consumer.log[0]).toBe('confirmation');
    await consumer.ack(...consumer.events.slice(0, 2));
    expect(revisionsOf(await consumer.has(5))).toEqual([0, 1, 2, 3, 4]);
    await consumer.close();
  },
  'gives history and what is new, in order': async (peer) => {
    const stream = await filled(peer, 700);
    const consumer = consume(peer, stream, 'group', 50);
    consumer.group.on('data', (event) => void consumer.ack(event));
    await consumer.until(({ events }) => events.length >= 700);
    await peer.client.appendToStream(stream, several(300));
    await consumer.until(({ events }) => events.length >= 1000);
    expect(revisionsOf(consumer.events)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    await consumer.close();
  },
  'events carry data, metadata and their position': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream);
    const { position } = await peer.client.appendToStream(stream, happened('Happened', { deep: { value: 1 } }));
    const consumer = consume(peer, stream);
    const [read] = await consumer.has(1);
    expect(read?.event).toMatchObject({ streamId: stream, type: 'Happened', revision: 0n, data: { deep: { value: 1 } }, position });
    expect(consumer.retryCounts).toEqual([0]);
    await consumer.close();
  },
  'resolved links are acknowledged by the link, and carry its position': async (peer) => {
    const target = peer.fresh();
    await peer.client.appendToStream(target, several(2));
    const stream = peer.fresh();
    await createGroup(peer, stream, { resolveLinkTos: true, ...eager });
    const links = [0, 1].map((number) => binaryEvent({ type: '$>', data: Buffer.from(`${number}@${target}`) }));
    const { position } = await peer.client.appendToStream(stream, links);
    const consumer = consume(peer, stream);
    const events = await consumer.has(2);
    expect(events.map(({ event, link }) => [event?.streamId, link?.streamId])).toEqual([
      [target, stream],
      [target, stream],
    ]);
    expect(events[1]?.event?.position).toEqual(position);
    expect(events[1]?.link?.position).toEqual(position);
    await consumer.ackAll();
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 1n);
    await consumer.close();
  },
  'acknowledgements of unknown ids are ignored, and any connection may acknowledge any event': async (peer) => {
    const stream = await filled(peer, 2);
    const [one, two] = [consume(peer, stream, 'group', 1), consume(peer, stream, 'group', 1)];
    await one.has(1);
    await two.has(1);
    const [event] = one.events;
    if (!event?.event) throw new Error('There should be an event.');
    await two.ack({ event: { ...event.event, id: '11111111-2222-3333-4444-555555555555' } });
    await two.ack(event);
    await untilInfo(peer, stream, ({ stats }) => stats.outstandingMessagesCount === 1);
    await one.close();
    await two.close();
  },
  'nothing is lost when more comes than the live buffer holds': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, { liveBufferSize: 10, readBatchSize: 5, historyBufferSize: 20 });
    const consumer = consume(peer, stream, 'group', 1);
    await consumer.said('confirmation');
    for (let round = 0; round < 10; round += 1) await peer.client.appendToStream(stream, several(30));
    await untilInfo(peer, stream, ({ status }) => status.includes('Behind'));
    consumer.group.on('data', (event) => void consumer.ack(event));
    await consumer.ackAll();
    await consumer.until(({ events }) => events.length === 300);
    expect(revisionsOf(consumer.events)).toEqual(Array.from({ length: 300 }, (_, index) => index));
    await untilInfo(peer, stream, ({ status }) => status.includes('Live'));
    await consumer.close();
  },
  'the same event twice in flight is sent twice, and one acknowledgement is for both': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream);
    const event = happened();
    await peer.client.appendToStream(stream, event, { expectedRevision: 'no_stream' });
    await peer.client.appendToStream(stream, event, { expectedRevision: 0n });
    const consumer = consume(peer, stream);
    const [first] = await consumer.has(2);
    if (first) await consumer.ack(first);
    await untilInfo(peer, stream, ({ stats }) => stats.outstandingMessagesCount === 0 && stats.totalInFlightMessages === 0);
    await consumer.close();
  },
  'more subscribers than allowed are refused': async (peer) => {
    const stream = await filled(peer, 1, { maxSubscriberCount: 1 });
    const first = consume(peer, stream);
    await first.has(1);
    const second = consume(peer, stream);
    await second.said('error');
    expect(second.error).toMatchObject({ type: 'maximum-subscribers-reached', streamName: stream, groupName: 'group' });
    await first.close();
  },
  'what a closed connection had not acknowledged goes to the next one, with a higher retry count, in order, before newer events': async (
    peer,
  ) => {
    const stream = await filled(peer, 6, { maxRetryCount: 0 });
    const first = consume(peer, stream, 'group', 4);
    await first.has(4);
    await first.ack(...first.events.slice(1, 2));
    await first.has(5);
    await first.close();
    const second = consume(peer, stream);
    expect(revisionsOf(await second.has(5))).toEqual([0, 2, 3, 4, 5]);
    expect(second.retryCounts).toEqual([1, 1, 1, 1, 0]);
    await second.close();
  },
});

contract('7.3 retry and park', {
  'nack retry gives the event again with a higher count, at most 1 + max retries times, then parks it': async (peer) => {
    const stream = await filled(peer, 1, { maxRetryCount: 3 });
    const consumer = consume(peer, stream);
    consumer.group.on('data', (event) => void consumer.group.nack('retry', 'again', event));
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    expect(consumer.retryCounts).toEqual([0, 1, 2, 3]);
    const [parked] = await collect(peer.client.readStream(parkedStream(stream)));
    expect(parked?.event).toMatchObject({ type: '$>', metadata: { reason: 'Reached retry count of 3', subscriptionEventNumber: 0 } });
    await consumer.close();
  },
  'nack park parks with the reason of the client': async (peer) => {
    const stream = await filled(peer, 2);
    const consumer = consume(peer, stream);
    await consumer.has(2);
    await consumer.group.nack('park', 'cannot read it', ...consumer.events.slice(1));
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    const [parked] = await collect(peer.client.readStream(parkedStream(stream), { resolveLinkTos: true }));
    expect(parked?.event).toMatchObject({ streamId: stream, revision: 1n });
    expect(parked?.link?.metadata).toMatchObject({ reason: "Client explicitly NAK'ed message.\ncannot read it" });
    await consumer.close();
  },
  'nack skip and nack stop count as done': async (peer) => {
    const stream = await filled(peer, 2, eager);
    const consumer = consume(peer, stream);
    const [first, second] = await consumer.has(2);
    if (first) await consumer.group.nack('skip', '', first);
    if (second) await consumer.group.nack('stop', '', second);
    const { stats } = await untilInfo(peer, stream, ({ stats: now }) => now.lastCheckpointedEventRevision === 1n);
    expect(stats).toMatchObject({ parkedMessageCount: 0n, outstandingMessagesCount: 0 });
    await consumer.close();
  },
  'a message that is not acknowledged in time is sent again': async (peer) => {
    const stream = await filled(peer, 1, { messageTimeout: 100, maxRetryCount: 1 });
    const consumer = consume(peer, stream);
    await consumer.has(2);
    expect(consumer.retryCounts).toEqual([0, 1]);
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    await consumer.close();
  },
  'with a timeout of 0 a message is due at the next tick': async (peer) => {
    const stream = await filled(peer, 1, { messageTimeout: 0, maxRetryCount: 2 });
    const consumer = consume(peer, stream);
    await consumer.has(3);
    expect(consumer.retryCounts).toEqual([0, 1, 2]);
    await consumer.close();
  },
  'replay gives parked events again with the parked link, from the first up to where it should stop': async (peer) => {
    const stream = await filled(peer, 6);
    const consumer = consume(peer, stream);
    await consumer.has(6);
    await consumer.group.nack('park', 'later', ...consumer.events);
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 6n);
    await peer.client.replayParkedMessagesToStream(stream, 'group', { stopAt: 4 });
    const replayed = (await consumer.has(10)).slice(6);
    expect(revisionsOf(replayed)).toEqual([0, 1, 2, 3]);
    expect(replayed.map(({ link }) => link?.streamId)).toEqual(Array.from({ length: 4 }, () => parkedStream(stream)));
    expect(consumer.retryCounts.slice(6)).toEqual([0, 0, 0, 0]);
    expect((await peer.client.getStreamMetadata(parkedStream(stream))).metadata).toMatchObject({ truncateBefore: 4 });
    await consumer.ack(...replayed);
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 2n && stats.outstandingMessagesCount === 0);
    await peer.client.replayParkedMessagesToStream(stream, 'group');
    expect(revisionsOf((await consumer.has(12)).slice(10))).toEqual([4, 5]);
    await consumer.close();
  },
  'what is to be sent again goes before what is new': async (peer) => {
    const stream = await filled(peer, 3);
    const consumer = consume(peer, stream, 'group', 1);
    const [first] = await consumer.has(1);
    if (first) await consumer.group.nack('retry', '', first);
    expect(revisionsOf(await consumer.has(2))).toEqual([0, 0]);
    await consumer.close();
  },
  'replayed messages come after those to be sent again, and before new ones': async (peer) => {
    const stream = await filled(peer, 6);
    const first = consume(peer, stream, 'group', 4);
    await first.group.nack('park', '', ...(await first.has(4)).slice(0, 2));
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 2n);
    await first.has(6);
    // One comes back before the others have to be sent again, and one afterwards.
    await peer.client.replayParkedMessagesToStream(stream, 'group', { stopAt: 1 });
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    await first.close();
    await untilInfo(peer, stream, ({ connections }) => connections.length === 0);
    await peer.client.replayParkedMessagesToStream(stream, 'group');
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 0n);
    await peer.client.appendToStream(stream, several(1));
    const second = consume(peer, stream);
    expect(revisionsOf(await second.has(7))).toEqual([2, 3, 4, 5, 0, 1, 6]);
    expect(second.retryCounts).toEqual([1, 1, 1, 1, 0, 0, 0]);
    await second.close();
  },
  'a resolved link is parked by the name of its target': async (peer) => {
    const [target, stream] = [peer.fresh(), peer.fresh()];
    await peer.client.appendToStream(target, several(3));
    await createGroup(peer, stream, { resolveLinkTos: true });
    await peer.client.appendToStream(stream, binaryEvent({ type: '$>', data: Buffer.from(`2@${target}`) }));
    const consumer = consume(peer, stream);
    await consumer.group.nack('park', '', ...(await consumer.has(1)));
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    const [parked] = await collect(peer.client.readStream(parkedStream(stream)));
    expect(Buffer.from(parked?.event?.data as Uint8Array).toString()).toBe(`2@${target}`);
    await consumer.close();
  },
  'a replayed event can be parked again, under its own name': async (peer) => {
    const stream = await filled(peer, 1);
    const consumer = consume(peer, stream);
    await consumer.group.nack('park', 'first', ...(await consumer.has(1)));
    await untilInfo(peer, stream, ({ stats }) => stats.parkedMessageCount === 1n);
    await peer.client.replayParkedMessagesToStream(stream, 'group');
    await consumer.group.nack('park', 'second', ...(await consumer.has(2)).slice(1));
    const [again] = await untilParked(peer, stream, 1n);
    expect(Buffer.from(again?.event?.data as Uint8Array).toString()).toBe(`0@${stream}`);
    expect(again?.event?.metadata).toMatchObject({ reason: "Client explicitly NAK'ed message.\nsecond" });
    expect((await infoOf(peer, stream)).stats.parkedMessageCount).toBe(1n);
    await consumer.close();
  },
  'replay without parked messages succeeds; with a negative stop it fails': async (peer) => {
    const stream = await filled(peer, 1);
    await peer.client.replayParkedMessagesToStream(stream, 'group');
    expect(await failureOf(peer.client.replayParkedMessagesToStream(stream, 'group', { stopAt: -1 }))).toMatchObject({
      type: 'persistent-subscription-failed',
    });
  },
});

contract('7.3 checkpoints', {
  'stand before the first event that is not done, and are JSON text in a stream of their own': async (peer) => {
    const stream = await filled(peer, 5, eager);
    const consumer = consume(peer, stream);
    const events = await consumer.has(5);
    await consumer.ack(...events.slice(0, 2), ...events.slice(3));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 1n);
    expect(await newestData(peer, checkpointStream(stream))).toBe('1');
    await consumer.ack(...events.slice(2, 3));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 4n);
    const [event] = await collect(
      peer.client.readStream(checkpointStream(stream), { direction: 'backwards', fromRevision: 'end', maxCount: 1 }),
    );
    expect(event?.event).toMatchObject({ type: 'SubscriptionCheckpoint', data: '4' });
    await consumer.close();
  },
  'are written at the latest after the upper bound of events': async (peer) => {
    const stream = await filled(peer, 10, { checkPointAfter: 0, checkPointLowerBound: 1, checkPointUpperBound: 5 });
    const consumer = consume(peer, stream);
    const events = await consumer.has(10);
    await consumer.ack(...events.slice(0, 5));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 4n);
    await consumer.close();
  },
  'are written after the time, once there are as many events as the lower bound': async (peer) => {
    const stream = await filled(peer, 4, { checkPointAfter: 50, checkPointLowerBound: 3, checkPointUpperBound: 1000 });
    const consumer = consume(peer, stream);
    const events = await consumer.has(4);
    await consumer.ack(...events.slice(0, 3));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 2n);
    await consumer.close();
  },
  'are never written by time when the time is 0': async (peer) => {
    const stream = await filled(peer, 2, { checkPointAfter: 0, checkPointLowerBound: 1, checkPointUpperBound: 1000 });
    const timed = toStreamSettings({ checkPointAfter: 1, checkPointLowerBound: 1, checkPointUpperBound: 1000 });
    await peer.client.createPersistentSubscriptionToStream(stream, 'timed', timed);
    const consumers = [consume(peer, stream), consume(peer, stream, 'timed')];
    for (const consumer of consumers) await consumer.ack(...(await consumer.has(2)));
    // Both groups have their ticks together.
    expect(await newestData(peer, `$persistentsubscription-${stream}::timed-checkpoint`)).toBe('1');
    expect((await infoOf(peer, stream)).stats.lastCheckpointedEventRevision).toBeUndefined();
    for (const consumer of consumers) await consumer.close();
  },
  'are not held back, nor moved, by replayed events': async (peer) => {
    const stream = await filled(peer, 2, eager);
    const consumer = consume(peer, stream);
    const [first, second] = await consumer.has(2);
    if (first) await consumer.group.nack('park', '', first);
    if (second) await consumer.ack(second);
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 1n && stats.parkedMessageCount === 1n);
    await peer.client.replayParkedMessagesToStream(stream, 'group');
    const [, , replayed] = await consumer.has(3);
    await peer.client.appendToStream(stream, several(1));
    await consumer.ack(...(await consumer.has(4)).slice(3));
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 2n);
    const written = await collect(peer.client.readStream(checkpointStream(stream)));
    if (replayed) await consumer.ack(replayed);
    await untilInfo(peer, stream, ({ stats }) => stats.outstandingMessagesCount === 0);
    expect(await collect(peer.client.readStream(checkpointStream(stream)))).toEqual(written);
    await consumer.close();
  },
  'parked events count as done': async (peer) => {
    const stream = await filled(peer, 3, eager);
    const consumer = consume(peer, stream);
    await consumer.has(3);
    await consumer.group.nack('park', '', ...consumer.events);
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 2n);
    await consumer.close();
  },
});
