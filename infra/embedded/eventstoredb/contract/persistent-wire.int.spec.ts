import { END, START } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Peer } from './contract.ts';
import { collect, contract, happened, revisionsOf, several } from './contract.ts';
import { consume, createGroup, infoOf, parkedStream, toAllSettings, toStreamSettings, untilInfo } from './groups.ts';
import type { GroupReadResp } from './raw-groups.ts';
import { CreateReq, fromStream, GroupReadReq, rawConsume, rawCreate, rawGroups, rawInfo } from './raw-groups.ts';
import { identifier } from './raw-client.ts';

type Raw = ReturnType<typeof rawGroups>;

async function withRaw(peer: Peer, work: (raw: Raw) => Promise<void>): Promise<void> {
  const raw = rawGroups(peer.server.connectionString);
  try {
    await work(raw);
  } finally {
    raw.close();
  }
}

contract('7.1 groups on the wire: create and info', {
  'the newer form of a stream says where to start: at the start, the end, or with a revision': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      await peer.client.appendToStream(stream, several(3));
      const expected = { start: [0, 1, 2, 3], end: [3], middle: [2, 3] };
      for (const [group, start] of Object.entries({ start: 'start', end: 'end', middle: 2 } as const))
        expect(await rawCreate(raw, group, fromStream(stream, start))).toBeUndefined();
      await peer.client.appendToStream(stream, happened());
      for (const [group, revisions] of Object.entries(expected)) {
        const consumer = consume(peer, stream, group);
        expect(revisionsOf(await consumer.has(revisions.length))).toEqual(revisions);
        await consumer.close();
      }
    }),
  'a strategy that is given as text wins over the other one, and an unknown one is refused': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      const withStrategy = (name: string) => (options: InstanceType<typeof CreateReq.Options>) => {
        fromStream(stream, 'start')(options);
        options.getSettings()?.setNamedConsumerStrategy(CreateReq.ConsumerStrategy.DISPATCHTOSINGLE);
        options.getSettings()?.setConsumerStrategy(name);
      };
      for (const name of ['RoundRobin', 'Pinned', 'DispatchToSingle']) {
        expect(await rawCreate(raw, name, withStrategy(name))).toBeUndefined();
        expect((await rawInfo(raw, stream, name))?.getNamedConsumerStrategy()).toBe(name);
      }
      const error = await rawCreate(raw, 'unknown', withStrategy('Unknown'));
      expect(error?.metadata.getMap()).toMatchObject({ exception: 'persistent-subscription-failed', reason: expect.any(String) });
    }),
  'a start before the start is refused': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      const error = await rawCreate(raw, 'group', (options) => {
        options.setStreamIdentifier(identifier(stream));
        options.getSettings()?.setRevision(String(2n ** 64n - 2n));
      });
      expect(error?.metadata.getMap()).toMatchObject({ exception: 'persistent-subscription-failed', reason: expect.any(String) });
    }),
  'starts and checkpoints are text: numbers in a stream, C:n/P:n in $all': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      const { position } = await peer.client.appendToStream(stream, several(2));
      for (const [startFrom, text] of [
        [START, '0'],
        [END, '-1'],
        [1n, '1'],
      ] as const) {
        const group = randomUUID();
        await peer.client.createPersistentSubscriptionToStream(stream, group, toStreamSettings({ startFrom }));
        const info = await rawInfo(raw, stream, group);
        expect([info?.getStartFrom(), info?.getLastCheckpointedEventPosition()]).toEqual([text, '']);
      }
      for (const [startFrom, text] of [
        [START, 'C:0/P:0'],
        [END, 'C:-1/P:-1'],
        [position ?? START, `C:${position?.commit}/P:${position?.prepare}`],
      ] as const) {
        const group = randomUUID();
        await peer.client.createPersistentSubscriptionToAll(group, toAllSettings({ startFrom }));
        const info = await rawInfo(raw, '$all', group);
        expect([info?.getStartFrom(), info?.getLastCheckpointedEventPosition()]).toEqual([text, '']);
        await peer.client.deletePersistentSubscriptionToAll(group);
      }
    }),
  'connections have names, and measurements only where extra statistics were asked for': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      await createGroup(peer, stream);
      const call = rawConsume(raw, stream, 'group', 'the name');
      await new Promise((resolve) => call.once('data', resolve));
      const [connection] = (await rawInfo(raw, stream, 'group'))?.getConnectionsList() ?? [];
      expect([connection?.getConnectionName(), connection?.getFrom(), connection?.getUsername()]).toEqual(['the name', '', 'system']);
      expect(connection?.getObservedMeasurementsList()).toEqual([]);
      call.cancel();
    }),
  'the stream of the definitions keeps two': async (peer) => {
    for (let round = 0; round < 3; round += 1) await createGroup(peer, peer.fresh());
    expect((await peer.client.getStreamMetadata('$persistentSubscriptionConfig')).metadata).toMatchObject({ maxCount: 2 });
    const definitions = await collect(peer.client.readStream('$persistentSubscriptionConfig'));
    expect(definitions.map(({ event }) => event?.type)).toEqual(['$PersistentConfig', '$PersistentConfig']);
  },
});

contract('7.2 groups on the wire: reading', {
  'the confirmation names stream and group; structured ids go both ways; a rejection without an action is a retry': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      await createGroup(peer, stream);
      await peer.client.appendToStream(stream, several(3));
      const call = rawConsume(raw, stream, 'group', '');
      const responses: InstanceType<typeof GroupReadResp>[] = [];
      let look = (): void => undefined;
      call.on('data', (response) => {
        responses.push(response);
        look();
      });
      const has = (count: number) =>
        new Promise<void>((resolve) => {
          look = () => (responses.length === count ? resolve() : undefined);
          look();
        });
      await has(4);
      expect(responses[0]?.getSubscriptionConfirmation()?.getSubscriptionId()).toBe(`${stream}::group`);
      const ids = responses.slice(1).map((response) => response.getEvent()?.getEvent()?.getId());
      expect(ids.map((id) => id?.hasStructured())).toEqual([true, true, true]);
      const ack = new GroupReadReq.Ack();
      const nack = new GroupReadReq.Nack();
      const park = new GroupReadReq.Nack();
      for (const [index, settled] of [ack, nack, park].entries()) settled.addIds(ids[index]);
      nack.setAction(GroupReadReq.Nack.Action.UNKNOWN);
      park.setAction(GroupReadReq.Nack.Action.PARK);
      call.write(new GroupReadReq().setAck(ack));
      call.write(new GroupReadReq().setNack(park));
      await untilInfo(peer, stream, ({ stats }) => stats.outstandingMessagesCount === 1 && stats.parkedMessageCount === 1n);
      call.write(new GroupReadReq().setNack(nack));
      await has(5);
      const again = responses[4]?.getEvent();
      expect([again?.getEvent()?.getStreamRevision(), again?.getRetryCount()]).toEqual(['1', 1]);
      const [parked] = await collect(peer.client.readStream(parkedStream(stream), { resolveLinkTos: true }));
      expect(parked?.event?.revision).toBe(2n);
      expect((await infoOf(peer, stream)).stats.outstandingMessagesCount).toBe(1);
      call.cancel();
    }),
  'an event without a link comes with its position, and no link': (peer) =>
    withRaw(peer, async (raw) => {
      const stream = peer.fresh();
      await createGroup(peer, stream);
      const { position } = await peer.client.appendToStream(stream, happened());
      const call = rawConsume(raw, stream, 'group', '');
      const response = await new Promise<InstanceType<typeof GroupReadResp>>((resolve) => {
        call.on('data', (next) => (next.hasEvent() ? resolve(next) : undefined));
      });
      call.cancel();
      const event = response.getEvent();
      expect([event?.getCommitPosition(), event?.hasLink(), event?.hasRetryCount()]).toEqual([String(position?.commit), false, true]);
      expect(event?.getEvent()?.getPreparePosition()).toBe(String(position?.prepare));
    }),
});
