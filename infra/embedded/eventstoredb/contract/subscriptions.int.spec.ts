import { binaryEvent, END, eventTypeFilter, excludeSystemEvents, START, streamNameFilter } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Peer } from './contract.ts';
import { contract, happened, Recorder, revisionsOf, several } from './contract.ts';
import { Empty, rawRead, rawStreams, ReadReq, readRequest } from './raw-client.ts';

type AllOptions = NonNullable<Parameters<Peer['client']['subscribeToAll']>[0]>;
type Filter = NonNullable<AllOptions['filter']>;

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
  'wait for a stream that does not exist yet': async (peer) => {
    const stream = peer.fresh();
    const subscription = toStream(peer, stream);
    await subscription.said('confirmation');
    await peer.client.appendToStream(stream, several(2));
    expect(revisionsOf(await subscription.has(2))).toEqual([0, 1]);
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

/** A filtered subscription that notes its checkpoints among the events. */
function filtered(
  peer: Peer,
  options: Omit<Parameters<typeof streamNameFilter>[0], 'checkpointReached'>,
  from: AllOptions['fromPosition'] = START,
) {
  const checkpoints: bigint[] = [];
  const filter = streamNameFilter({
    ...(options as { prefixes: string[] }),
    checkpointReached: (_subscription, position) => {
      checkpoints.push(position.commit);
      return Promise.resolve();
    },
  });
  return { subscription: toAll(peer, { filter, fromPosition: from ?? START }), checkpoints };
}

contract('5.2 filters and checkpoints', {
  'by prefix and by regular expression, on stream names and event types': async (peer) => {
    const mark = `T${randomUUID().slice(0, 8)}`;
    const names = [`${mark}A-1`, `${mark}B-1`, `x${mark}A-1`];
    for (const name of names) await peer.client.appendToStream(name, [happened(`${name}-type`), happened('Other')]);
    const found = async (filter: Filter) => {
      const subscription = toAll(peer, { filter });
      await subscription.said('caughtUp');
      await subscription.close();
      return subscription.events.map(({ event }) => `${event?.streamId}/${event?.type}`);
    };
    const [a, b, x] = names;
    expect(await found(streamNameFilter({ prefixes: [`${mark}A`, `${mark}B`] }))).toEqual([
      `${a}/${a}-type`,
      `${a}/Other`,
      `${b}/${b}-type`,
      `${b}/Other`,
    ]);
    expect(await found(streamNameFilter({ regex: `${mark}A` }))).toEqual([`${a}/${a}-type`, `${a}/Other`, `${x}/${x}-type`, `${x}/Other`]);
    expect(await found(streamNameFilter({ regex: `^${mark}[AB]\\-1$` }))).toHaveLength(4);
    expect(await found(eventTypeFilter({ prefixes: [`${mark}B`, `x${mark}`] }))).toEqual([`${b}/${b}-type`, `${x}/${x}-type`]);
    expect(await found(eventTypeFilter({ regex: `^${mark}.-1-type$` }))).toEqual([`${a}/${a}-type`, `${b}/${b}-type`]);
  },
  'excludeSystemEvents leaves out the types with a $': async (peer) => {
    await peer.client.setStreamMetadata(peer.fresh(), { maxCount: 1 });
    await peer.client.appendToStream(peer.fresh(), happened());
    const subscription = toAll(peer, { filter: excludeSystemEvents() });
    await subscription.said('caughtUp');
    await subscription.close();
    expect(subscription.events.filter(({ event }) => event?.type.startsWith('$'))).toEqual([]);
    expect(subscription.events.length).toBeGreaterThan(0);
  },
  'look at the link, not at its target': async (peer) => {
    const mark = `L${randomUUID().slice(0, 8)}`;
    await peer.client.appendToStream(`${mark}target`, happened('Target'));
    await peer.client.appendToStream(`${mark}links`, binaryEvent({ type: '$>', data: Buffer.from(`0@${mark}target`) }));
    const subscription = toAll(peer, { resolveLinkTos: true, filter: streamNameFilter({ prefixes: [`${mark}links`] }) });
    await subscription.said('caughtUp');
    expect(subscription.events.map(({ event, link }) => [event?.streamId, link?.streamId])).toEqual([[`${mark}target`, `${mark}links`]]);
    await subscription.close();
  },
  'an expression that does not compile is refused': async (peer) => {
    for (const filter of [streamNameFilter({ regex: '(' }), eventTypeFilter({ regex: '[z-a]' })]) {
      const subscription = toAll(peer, { filter });
      await subscription.said('error');
      expect(subscription.error?.['type']).toBeDefined();
    }
  },
  'an interval of 0 is refused': async (peer) => {
    const raw = rawStreams(peer.server.connectionString);
    const expression = new ReadReq.Options.FilterOptions.Expression();
    expression.addPrefix('x');
    const filter = new ReadReq.Options.FilterOptions();
    filter.setStreamIdentifier(expression);
    filter.setMax(32);
    const all = new ReadReq.Options.AllOptions();
    all.setStart(new Empty());
    const request = readRequest('unused', (options) => {
      options.setAll(all);
      options.setFilter(filter);
      options.setSubscription(new ReadReq.Options.SubscriptionOptions());
    });
    expect((await rawRead(raw, request)).error?.code).toBeDefined();
    raw.close();
  },
  'a checkpoint comes after each interval of considered events, matching or not, in history': async (peer) => {
    const stream = peer.fresh();
    const { position } = await peer.client.appendToStream(stream, happened());
    for (let written = 0; written < 384; written += 96) await peer.client.appendToStream(peer.fresh(), several(96));
    const { subscription, checkpoints } = filtered(peer, { prefixes: ['nobody'], checkpointInterval: 2 }, position);
    await subscription.said('caughtUp');
    await subscription.close();
    expect([6, 7]).toContain(checkpoints.length);
    expect(checkpoints).toEqual(checkpoints.toSorted((a, b) => (a < b ? -1 : 1)));
  },
  'a checkpoint comes after each interval of events while live, at the position of the event': async (peer) => {
    const stream = peer.fresh();
    const { subscription, checkpoints } = filtered(peer, { prefixes: [stream], maxSearchWindow: 4, checkpointInterval: 1 }, END);
    await subscription.said('caughtUp');
    const atStart = checkpoints.length;
    const { position } = await peer.client.appendToStream(stream, several(8));
    await subscription.until(({ events }) => events.length === 8);
    await peer.client.appendToStream(stream, several(1));
    await subscription.until(({ events }) => events.length === 9);
    await subscription.close();
    expect(checkpoints.slice(atStart)).toHaveLength(2);
    expect(checkpoints.at(-1)).toBe(position?.commit);
  },
  'resuming behind any checkpoint misses and repeats nothing': async (peer) => {
    const mark = `R${randomUUID().slice(0, 8)}`;
    for (let round = 0; round < 40; round += 1) {
      await peer.client.appendToStream(`${mark}-${round % 3}`, several(3));
      await peer.client.appendToStream(peer.fresh(), several(10));
    }
    const seen: (string | bigint)[] = [];
    const filter = streamNameFilter({
      prefixes: [mark],
      checkpointReached: (_subscription, { commit }) => {
        seen.push(commit);
        return Promise.resolve();
      },
    });
    const first = peer.client.subscribeToAll({ filter });
    await new Promise<void>((resolve) => {
      first.on('data', ({ event }) => seen.push(event?.id ?? ''));
      first.on('caughtUp', () => resolve());
    });
    await first.unsubscribe();
    const ids = seen.filter((entry) => typeof entry === 'string');
    expect(ids).toHaveLength(120);
    const checkpoints = seen.filter((entry) => typeof entry === 'bigint');
    expect(checkpoints.length).toBeGreaterThan(5);
    for (const commit of checkpoints) {
      const before = seen.slice(0, seen.indexOf(commit)).filter((entry) => typeof entry === 'string');
      const { subscription } = filtered(peer, { prefixes: [mark] }, { commit, prepare: commit });
      await subscription.said('caughtUp');
      await subscription.close();
      expect([...before, ...subscription.events.map(({ event }) => event?.id)]).toEqual(ids);
    }
  },
});
