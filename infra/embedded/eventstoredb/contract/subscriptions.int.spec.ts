import { binaryEvent, END, START } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import type { Peer } from './contract.ts';
import { collect, contract, happened, Recorder, revisionsOf, several } from './contract.ts';
import { Empty, rawRead, rawStreams, ReadReq, readRequest } from './raw-client.ts';

type AllOptions = NonNullable<Parameters<Peer['client']['subscribeToAll']>[0]>;

const toStream = (peer: Peer, stream: string, options: Parameters<Peer['client']['subscribeToStream']>[1] = {}) =>
  new Recorder(peer.client.subscribeToStream(stream, options));
const toAll = (peer: Peer, options: AllOptions = {}) => new Recorder(peer.client.subscribeToAll(options));

contract('5.1 subscriptions to a stream', {
  'confirm, give the history, say that it has caught up once, then give what is new': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(3));
    const subscription = toStream(peer, stream);
    await subscription.said('caughtUp');
    await peer.client.appendToStream(stream, several(2));
    await subscription.has(5);
    await subscription.close();
    expect(subscription.log.filter((entry) => typeof entry === 'string')).toEqual([
      'confirmation',
      'caughtUp',
      ...(subscription.log.includes('end') ? ['end'] : []),
    ]);
    expect(subscription.log.indexOf('caughtUp')).toBe(4);
    expect(revisionsOf(subscription.events)).toEqual([0, 1, 2, 3, 4]);
  },
  'start behind the revision given': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(4));
    const subscription = toStream(peer, stream, { fromRevision: 1n });
    expect(revisionsOf(await subscription.has(2))).toEqual([2, 3]);
    await subscription.close();
  },
  'from the end give only what is committed afterwards': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(4));
    const subscription = toStream(peer, stream, { fromRevision: END });
    await subscription.said('caughtUp');
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await subscription.has(2))).toEqual([4, 5]);
    await subscription.close();
  },
  'wait for a stream that does not exist yet, caught up at once': async (peer) => {
    const stream = peer.fresh();
    const subscription = toStream(peer, stream);
    await subscription.said('caughtUp');
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await subscription.has(2))).toEqual([0, 1]);
    expect(subscription.log.slice(0, 2)).toEqual(['confirmation', 'caughtUp']);
    await subscription.close();
  },
  'give each event once and in order while appends go on': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(500));
    const writing = Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let round = 0; round < 10; round += 1) await peer.client.appendToStream(stream, several(5));
      }),
    );
    const subscriptions = Array.from({ length: 5 }, () => toStream(peer, stream));
    await writing;
    for (const subscription of subscriptions) {
      await subscription.until(({ events }) => events.length >= 1000);
      expect(revisionsOf(subscription.events)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
      await subscription.close();
    }
  },
  'resolve links': async (peer) => {
    const [stream, target] = [peer.fresh(), peer.fresh()];
    await peer.client.appendToStream(target, happened('Target'));
    const subscription = toStream(peer, stream, { resolveLinkTos: true });
    await peer.client.appendToStream(stream, binaryEvent({ type: '$>', data: Buffer.from(`0@${target}`) }));
    const [read] = await subscription.has(1);
    expect(read?.event?.type).toBe('Target');
    expect(read?.link?.streamId).toBe(stream);
    await subscription.close();
  },
  'do not show the history that truncation hides': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(5));
    await peer.client.setStreamMetadata(stream, { truncateBefore: 3 });
    const subscription = toStream(peer, stream);
    expect(revisionsOf(await subscription.has(2))).toEqual([3, 4]);
    await subscription.close();
  },
  'show what is new though truncation hides it from readers': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(2));
    await peer.client.setStreamMetadata(stream, { truncateBefore: 100 });
    const subscription = toStream(peer, stream);
    await subscription.said('caughtUp');
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await subscription.has(2))).toEqual([2, 3]);
    expect(await collect(peer.client.readStream(stream))).toEqual([]);
    await subscription.close();
  },
  'a reader that stands still is not dropped: it falls behind, gets everything, and is told again that it has caught up': async (peer) => {
    const stream = peer.fresh();
    const subscription = peer.client.subscribeToStream(stream);
    const recorder = new Recorder(subscription);
    await recorder.said('caughtUp');
    subscription.pause();
    for (let round = 0; round < 20; round += 1) {
      const events = Array.from({ length: 100 }, () => binaryEvent({ type: 'Filler', data: Buffer.alloc(1000) }));
      await peer.client.appendToStream(stream, events);
    }
    subscription.resume();
    await recorder.until(({ log }) => log.filter((entry) => entry === 'caughtUp').length === 2);
    expect(revisionsOf(recorder.events)).toEqual(Array.from({ length: 2000 }, (_, index) => index));
    await recorder.close();
  },
  'start on a tombstoned stream: "stream deleted"': async (peer) => {
    const stream = peer.fresh();
    await peer.client.tombstoneStream(stream);
    const subscription = toStream(peer, stream);
    await subscription.said('error');
    expect(subscription.error).toMatchObject({ type: 'stream-deleted', streamName: stream });
  },
  'give the tombstone, then "stream deleted", when it falls while they are live': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(1));
    const subscription = toStream(peer, stream);
    await subscription.said('caughtUp');
    await peer.client.tombstoneStream(stream);
    await subscription.said('error');
    expect(subscription.events[1]?.event).toMatchObject({ type: '$streamDeleted', revision: 9_223_372_036_854_775_807n });
    expect(subscription.error).toMatchObject({ type: 'stream-deleted' });
  },
  'outlive a soft delete and go on with higher numbers': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(2));
    const subscription = toStream(peer, stream);
    await subscription.said('caughtUp');
    await peer.client.deleteStream(stream);
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await subscription.has(4))).toEqual([0, 1, 2, 3]);
    await subscription.close();
  },
});

contract('5.1 subscriptions to $all', {
  'start behind the position given': async (peer) => {
    const stream = peer.fresh();
    const { position } = await peer.client.appendToStream(stream, several(2));
    const subscription = toAll(peer, { fromPosition: position ?? START });
    await subscription.said('caughtUp');
    await peer.client.appendToStream(stream, several(1));
    await subscription.until(({ events }) => events.length > 0);
    expect(subscription.events[0]?.event).toMatchObject({ streamId: stream, revision: 2n });
    await subscription.close();
  },
  'from the start give everything, with caught-up before the first live event': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, several(4));
    const subscription = toAll(peer);
    await subscription.said('caughtUp');
    const history = subscription.events.length;
    await peer.client.appendToStream(stream, several(1));
    await subscription.until(({ events }) => events.length > history);
    expect(subscription.log.filter((entry) => entry === 'caughtUp')).toHaveLength(1);
    expect(subscription.events.filter(({ event }) => event?.streamId === stream)).toHaveLength(5);
    await subscription.close();
  },
  'start behind a position at which there is no event': async (peer) => {
    const stream = peer.fresh();
    const { position } = await peer.client.appendToStream(stream, several(1));
    await peer.client.appendToStream(stream, several(2));
    const between = (position?.commit ?? 0n) + 1n;
    const subscription = toAll(peer, { fromPosition: { commit: between, prepare: between } });
    await subscription.until(({ events }) => events.length >= 2);
    expect(revisionsOf(subscription.events.slice(0, 2))).toEqual([1, 2]);
    await subscription.close();
  },
  'give each event once and in order while appends go on': async (peer) => {
    const { position = START } = await peer.client.appendToStream(peer.fresh(), several(500));
    const streams = Array.from({ length: 10 }, () => peer.fresh());
    const writing = Promise.all(
      streams.map(async (stream) => {
        for (let round = 0; round < 20; round += 1) await peer.client.appendToStream(stream, several(5));
      }),
    );
    const subscriptions: Recorder[] = [];
    for (let started = 0; started < 8; started += 1) {
      const subscription = toAll(peer, { fromPosition: started % 2 === 0 ? START : position });
      subscriptions.push(subscription);
      await subscription.said('caughtUp');
    }
    await writing;
    const { position: last } = await peer.client.appendToStream(peer.fresh(), happened());
    const inLog = (await collect(peer.client.readAll())).map(({ event }) => event?.position?.commit ?? 0n);
    for (const [index, subscription] of subscriptions.entries()) {
      await subscription.until(({ events }) => events.at(-1)?.event?.position?.commit === last?.commit);
      const seen = subscription.events.map(({ event }) => event?.position?.commit ?? 0n);
      const from = index % 2 === 0 || position === START ? 0n : position.commit;
      expect(seen).toEqual(inLog.filter((commit) => commit > from));
      await subscription.close();
    }
  },
  'without a filter have no checkpoints': async (peer) => {
    for (let written = 0; written < 200; written += 50) await peer.client.appendToStream(peer.fresh(), several(50));
    const raw = rawStreams(peer.server.connectionString);
    const request = readRequest('unused', (options) => {
      const all = new ReadReq.Options.AllOptions();
      all.setStart(new Empty());
      options.setAll(all);
      options.setSubscription(new ReadReq.Options.SubscriptionOptions());
    });
    let live: number | undefined;
    const { responses } = await rawRead(raw, request, (response) => {
      if (live !== undefined) live += 1;
      if (!response.hasCaughtUp()) return live === 100;
      live = 0;
      void peer.client.appendToStream(peer.fresh(), several(100));
      return false;
    });
    raw.close();
    const others = responses.filter((response) => !response.hasEvent());
    expect(others.map((response) => [response.hasConfirmation(), response.hasCaughtUp()])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(responses.length).toBeGreaterThan(300);
  },
  'from the end give only what is new, system events included': async (peer) => {
    const stream = peer.fresh();
    const subscription = toAll(peer, { fromPosition: END });
    await subscription.said('caughtUp');
    await peer.client.setStreamMetadata(stream, { maxCount: 3 });
    await subscription.until(({ events }) => events.length > 0);
    expect(subscription.events[0]?.event?.streamId).toBe(`$$${stream}`);
    await subscription.close();
  },
});
