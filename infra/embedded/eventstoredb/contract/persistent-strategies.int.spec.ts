import { binaryEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { contract, revisionsOf, several } from './contract.ts';
import { consume, createGroup, untilInfo } from './groups.ts';

const link = (target: string) => binaryEvent({ type: '$>', data: Buffer.from(target) });

contract('7.3 strategies', {
  'round robin takes turns': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, { consumerStrategyName: 'RoundRobin' });
    const consumers = [consume(peer, stream), consume(peer, stream)];
    for (const consumer of consumers) await consumer.said('confirmation');
    await peer.client.appendToStream(stream, several(10));
    const [one = [], two = []] = await Promise.all(consumers.map((consumer) => consumer.has(5)));
    const [odd, even] = Number(one[0]?.event?.revision) === 0 ? [two, one] : [one, two];
    expect([revisionsOf(even), revisionsOf(odd)]).toEqual([
      [0, 2, 4, 6, 8],
      [1, 3, 5, 7, 9],
    ]);
    for (const consumer of consumers) await consumer.close();
  },
  'dispatch to single fills one consumer before it turns to the next': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, { consumerStrategyName: 'DispatchToSingle' });
    const consumers = [consume(peer, stream, 'group', 6), consume(peer, stream, 'group', 6)];
    for (const consumer of consumers) await consumer.said('confirmation');
    await peer.client.appendToStream(stream, several(9));
    await untilInfo(peer, stream, ({ stats }) => stats.totalInFlightMessages === 9);
    await Promise.race(consumers.map((consumer) => consumer.has(6)));
    await Promise.all(consumers.map((consumer) => consumer.until(({ events }) => events.length >= 3)));
    const shares = consumers.map((consumer) => revisionsOf(consumer.events)).toSorted((a, b) => b.length - a.length);
    expect(shares).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8],
    ]);
    for (const consumer of consumers) await consumer.close();
  },
  'pinned gives all events of a stream to one consumer, and its streams to another when it leaves': async (peer) => {
    const stream = peer.fresh();
    const targets = Array.from({ length: 8 }, () => peer.fresh());
    for (const target of targets) await peer.client.appendToStream(target, several(4));
    await createGroup(peer, stream, { consumerStrategyName: 'Pinned', resolveLinkTos: true });
    const consumers = [consume(peer, stream, 'group', 100), consume(peer, stream, 'group', 100)];
    for (const consumer of consumers) await consumer.said('confirmation');
    const linksTo = (number: number) => targets.map((target) => link(`${number}@${target}`));
    await peer.client.appendToStream(stream, [...linksTo(0), ...linksTo(1), ...linksTo(2)]);
    await untilInfo(peer, stream, ({ stats }) => stats.totalInFlightMessages === 24);
    const [one, two] = consumers;
    if (!one || !two) throw new Error('unreachable');
    await one.until(() => one.events.length + two.events.length === 24);
    const streamsOf = (consumer: typeof one) => new Set(consumer.events.map(({ event }) => event?.streamId));
    expect(streamsOf(one).size + streamsOf(two).size).toBe(8);
    await one.close();
    await two.until(({ events }) => events.length === 24);
    expect(streamsOf(two).size).toBe(8);
    await two.close();
  },
  'round robin passes over a consumer that is full': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, { consumerStrategyName: 'RoundRobin' });
    const [small, large] = [consume(peer, stream, 'group', 1), consume(peer, stream, 'group', 10)];
    for (const consumer of [small, large]) await consumer.said('confirmation');
    await peer.client.appendToStream(stream, several(6));
    await large.until(({ events }) => events.length >= 5);
    const [mine = -1] = revisionsOf(await small.has(1));
    expect(revisionsOf(await large.has(5))).toEqual([0, 1, 2, 3, 4, 5].filter((revision) => revision !== mine));
    for (const consumer of [small, large]) await consumer.close();
  },
  'pinned keeps the events of a full consumer for it, while others get theirs': async (peer) => {
    const stream = peer.fresh();
    const targets = Array.from({ length: 8 }, () => peer.fresh());
    for (const target of targets) await peer.client.appendToStream(target, several(4));
    await createGroup(peer, stream, { consumerStrategyName: 'Pinned', resolveLinkTos: true });
    const [small, large] = [consume(peer, stream, 'group', 8), consume(peer, stream, 'group', 100)];
    for (const consumer of [small, large]) await consumer.said('confirmation');
    const links = [0, 1, 2, 3].flatMap((number) => targets.map((target) => link(`${number}@${target}`)));
    await peer.client.appendToStream(stream, links);
    // Among its first eight events there is one of each of its streams, however the streams are shared out.
    const first = await small.has(8);
    const mine = new Set(first.map(({ event }) => event?.streamId));
    const rest = targets.filter((target) => !mine.has(target));
    await large.until(({ events }) => events.length >= 4 * rest.length);
    expect(new Set(large.events.map(({ event }) => event?.streamId))).toEqual(new Set(rest));
    small.group.on('data', (event) => void small.ack(event));
    await small.ack(...first);
    await small.until(({ events }) => events.length + large.events.length === links.length);
    expect(new Set(small.events.map(({ event }) => event?.streamId))).toEqual(mine);
    for (const consumer of [small, large]) await consumer.close();
  },
});
