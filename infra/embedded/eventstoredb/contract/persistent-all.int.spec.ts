import { END, eventTypeFilter, START, streamNameFilter } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { collect, contract, failureOf, happened, revisionsOf, several } from './contract.ts';
import { checkpointStream, consume, consumeAll, createGroup, eager, newestData, toAllSettings } from './groups.ts';

contract(
  '7.1 groups on $all where there are none',
  {
    'none to list is "does not exist" with two spaces, and an empty list of all': async ({ client }) => {
      expect(await client.listAllPersistentSubscriptions()).toEqual([]);
      const error = await failureOf(client.listPersistentSubscriptionsToAll());
      expect(error.message).toBe('5 NOT_FOUND: Subscription group  on stream $all does not exist.');
    },
  },
  { unused: true },
);

contract('7.1 groups on $all', {
  'positions are given as C:n/P:n': async (peer) => {
    const { position } = await peer.client.appendToStream(peer.fresh(), happened());
    for (const startFrom of [START, END, position ?? START] as const) {
      const group = randomUUID();
      await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ startFrom }));
      expect((await peer.client.getPersistentSubscriptionToAllInfo(group)).settings.startFrom).toEqual(startFrom);
      await peer.client.deletePersistentSubscriptionToAll(group);
    }
  },
  'a group starts with the event at its position': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(1));
    const { position } = await peer.client.appendToStream(stream, several(1));
    await peer.client.appendToStream(stream, several(1));
    const group = randomUUID();
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ startFrom: position ?? START }));
    const consumer = consumeAll(peer, group);
    await consumer.until(({ events }) => events.length >= 2);
    expect(revisionsOf(consumer.events.slice(0, 2))).toEqual([1, 2]);
    await consumer.close();
  },
  'from the end it sees its own definition written to the log': async (peer) => {
    const group = randomUUID();
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ startFrom: END }));
    const consumer = consumeAll(peer, group);
    await consumer.until(({ events }) => events.some(({ event }) => event?.streamId === '$persistentSubscriptionConfig'));
    await consumer.close();
  },
  'filters by stream name and event type; passing over events moves the checkpoint': async (peer) => {
    const mark = `G${randomUUID().slice(0, 8)}`;
    const { position } = await peer.client.appendToStream(peer.fresh(), happened());
    const [byName, byType] = [randomUUID(), randomUUID()];
    const settings = toAllSettings({ ...eager, startFrom: position ?? START });
    await peer.client.createPersistentSubscriptionToAll(byName, settings, { filter: streamNameFilter({ prefixes: [mark] }) });
    await peer.client.createPersistentSubscriptionToAll(byType, settings, { filter: eventTypeFilter({ regex: `^${mark}$` }) });
    await peer.client.appendToStream(`${mark}-1`, happened());
    await peer.client.appendToStream(peer.fresh(), happened(mark));
    const [names, types] = [consumeAll(peer, byName), consumeAll(peer, byType)];
    expect((await names.has(1))[0]?.event?.streamId).toBe(`${mark}-1`);
    expect((await types.has(1))[0]?.event?.type).toBe(mark);
    await names.ackAll();
    const { position: later } = await peer.client.appendToStream(peer.fresh(), several(3));
    for (;;) {
      const { stats } = await peer.client.getPersistentSubscriptionToAllInfo(byName);
      if ((stats.lastCheckpointedEventPosition?.commit ?? 0n) >= (later?.commit ?? 0n)) break;
      await peer.client.appendToStream(peer.fresh(), happened());
    }
    await names.close();
    await types.close();
  },
  'does not see what groups on $all note about themselves': async (peer) => {
    const [group, stream] = [randomUUID(), peer.fresh()];
    const { position: start } = await peer.client.appendToStream(stream, happened());
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ ...eager, startFrom: start ?? START }));
    const consumer = consumeAll(peer, group, 100);
    await consumer.until(({ events }) => events.length > 0);
    await consumer.group.nack('park', 'no', ...consumer.events.slice(0, 1));
    expect(await newestData(peer, `$persistentsubscription-$all::${group}-parked`)).toBeTruthy();
    await consumer.ackAll();
    await newestData(peer, `$persistentsubscription-$all::${group}-checkpoint`);
    const { position } = await peer.client.appendToStream(stream, happened());
    await consumer.until(({ events }) => events.some(({ event }) => event?.position?.commit === position?.commit));
    for (const events of [consumer.events, await collect(peer.client.readAll())]) {
      expect(events.filter(({ event }) => event?.streamId.startsWith('$persistentsubscription-$all::'))).toEqual([]);
    }
    await consumer.close();
  },
  'writes its checkpoint as C:n/P:n': async (peer) => {
    const [group, stream] = [randomUUID(), peer.fresh()];
    const filter = streamNameFilter({ prefixes: [stream] });
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ ...eager, startFrom: END }), { filter });
    const { position } = await peer.client.appendToStream(stream, happened());
    const consumer = consumeAll(peer, group);
    await consumer.has(1);
    await consumer.ackAll();
    const text = `C:${position?.commit}/P:${position?.prepare}`;
    const checkpoints = `$persistentsubscription-$all::${group}-checkpoint`;
    while ((await newestData(peer, checkpoints)) !== text) await nextTurn();
    const { stats } = await peer.client.getPersistentSubscriptionToAllInfo(group);
    expect(stats.lastCheckpointedEventPosition?.commit).toBeGreaterThanOrEqual(position?.commit ?? 0n);
    await consumer.close();
  },
  'sees the checkpoints of groups on streams': async (peer) => {
    const [group, stream] = [randomUUID(), peer.fresh()];
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ startFrom: END }));
    const onAll = consumeAll(peer, group, 100);
    await createGroup(peer, stream, eager);
    await peer.client.appendToStream(stream, happened());
    const onStream = consume(peer, stream);
    await onStream.has(1);
    await onStream.ackAll();
    await onAll.until(({ events }) => events.some(({ event }) => event?.streamId === checkpointStream(stream)));
    await onAll.close();
    await onStream.close();
  },
  'keeps its filter through an update': async (peer) => {
    const [group, stream] = [randomUUID(), peer.fresh()];
    const filter = streamNameFilter({ prefixes: [stream] });
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings(), { filter });
    await peer.client.updatePersistentSubscriptionToAll(group, toAllSettings({ maxRetryCount: 2 }));
    await peer.client.appendToStream(peer.fresh(), several(5));
    await peer.client.appendToStream(stream, several(2));
    const consumer = consumeAll(peer, group, 100);
    expect((await consumer.has(2)).map(({ event }) => event?.streamId)).toEqual([stream, stream]);
    expect((await peer.client.getPersistentSubscriptionToAllInfo(group)).settings.maxRetryCount).toBe(2);
    await consumer.close();
  },
  'replays what it parked': async (peer) => {
    const [group, stream] = [randomUUID(), peer.fresh()];
    const filter = streamNameFilter({ prefixes: [stream] });
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings(), { filter });
    await peer.client.appendToStream(stream, several(2));
    const consumer = consumeAll(peer, group);
    await consumer.group.nack('park', 'no', ...(await consumer.has(2)));
    const parked = `$persistentsubscription-$all::${group}-parked`;
    while ((await collect(peer.client.readStream(parked)).catch(() => [])).length < 2) await nextTurn();
    await peer.client.replayParkedMessagesToAll(group);
    const replayed = (await consumer.has(4)).slice(2);
    expect(replayed.map(({ event, link }) => [event?.streamId, Number(event?.revision), link?.streamId])).toEqual([
      [stream, 0, parked],
      [stream, 1, parked],
    ]);
    await consumer.close();
  },
});
