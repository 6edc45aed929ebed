import type { ResolvedEvent } from '@eventstore/db-client';
import { binaryEvent, END, eventTypeFilter, excludeSystemEvents, START, streamNameFilter } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Peer } from './contract.ts';
import { contract, happened, Recorder, several } from './contract.ts';
import { checkpointStream, consume, consumeAll, createGroup, eager, newestData, toAllSettings } from './groups.ts';
import type { ReadResp } from './raw-client.ts';
import { Empty, rawRead, rawStreams, ReadReq, readRequest } from './raw-client.ts';

type AllOptions = NonNullable<Parameters<Peer['client']['subscribeToAll']>[0]>;
type Filter = NonNullable<AllOptions['filter']>;

const toAll = (peer: Peer, options: AllOptions) => new Recorder(peer.client.subscribeToAll(options));

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

/** A subscription by hand, whose filter has an interval that the client would not take. */
function filteredRequest(prefixes: string[], interval: number, from: 'start' | 'end' = 'end') {
  const expression = new ReadReq.Options.FilterOptions.Expression();
  expression.setPrefixList(prefixes);
  const filter = new ReadReq.Options.FilterOptions();
  filter.setStreamIdentifier(expression);
  filter.setMax(32);
  filter.setCheckpointintervalmultiplier(interval);
  const all = new ReadReq.Options.AllOptions();
  if (from === 'end') all.setEnd(new Empty());
  else all.setStart(new Empty());
  return readRequest('unused', (options) => {
    options.setAll(all);
    options.setFilter(filter);
    options.setSubscription(new ReadReq.Options.SubscriptionOptions());
  });
}

/** What a filter lets through of all that there is. */
async function upToNow(peer: Peer, filter: Filter): Promise<ResolvedEvent[]> {
  const subscription = toAll(peer, { filter });
  await subscription.said('caughtUp');
  await subscription.close();
  return subscription.events;
}

contract('5.2 filters', {
  'by prefix and by regular expression, on stream names and event types': async (peer) => {
    const mark = `T${randomUUID().slice(0, 8)}`;
    const names = [`${mark}A-1`, `${mark}B-1`, `x${mark}A-1`];
    for (const name of names) await peer.client.appendToStream(name, [happened(`${name}-type`), happened('Other')]);
    const found = async (filter: Filter) => (await upToNow(peer, filter)).map(({ event }) => `${event?.streamId}/${event?.type}`);
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
    const found = await upToNow(peer, excludeSystemEvents());
    expect(found.filter(({ event }) => event?.type.startsWith('$'))).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  },
  'excludeSystemEvents lets the checkpoints of groups on streams through: their type has no $': async (peer) => {
    const stream = peer.fresh();
    await createGroup(peer, stream, eager);
    await peer.client.appendToStream(stream, happened());
    const consumer = consume(peer, stream);
    await consumer.has(1);
    await consumer.ackAll();
    await newestData(peer, checkpointStream(stream));
    await consumer.close();
    const found = await upToNow(peer, excludeSystemEvents());
    expect(found.filter(({ event }) => event?.streamId === checkpointStream(stream))).toHaveLength(1);
  },
  'what is hidden in $all stays hidden from a filter that names it': async (peer) => {
    const group = randomUUID();
    await peer.client.createPersistentSubscriptionToAll(group, toAllSettings(eager));
    const consumer = consumeAll(peer, group);
    await consumer.until(({ events }) => events.length > 1);
    await consumer.group.nack('park', 'no', ...consumer.events.slice(0, 1));
    await consumer.ack(...consumer.events.slice(1));
    for (const what of ['parked', 'checkpoint']) await newestData(peer, `$persistentsubscription-$all::${group}-${what}`);
    await consumer.close();
    expect(await upToNow(peer, streamNameFilter({ prefixes: ['$persistentsubscription-$all::'] }))).toEqual([]);
    await peer.client.deletePersistentSubscriptionToAll(group);
  },
  'a regular expression wins over prefixes, and with neither nothing matches': async (peer) => {
    const mark = `W${randomUUID().slice(0, 8)}`;
    for (const name of ['a', 'b']) await peer.client.appendToStream(`${mark}${name}`, happened());
    const both = { ...streamNameFilter({ prefixes: [`${mark}a`] }), regex: `^${mark}b$` } as Filter;
    expect((await upToNow(peer, both)).map(({ event }) => event?.streamId)).toEqual([`${mark}b`]);
    const emptyRegex = { ...streamNameFilter({ prefixes: [`${mark}a`] }), regex: '' } as Filter;
    expect((await upToNow(peer, emptyRegex)).map(({ event }) => event?.streamId)).toEqual([`${mark}a`]);
    expect(await upToNow(peer, streamNameFilter({ prefixes: [] }))).toEqual([]);
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
      expect(subscription.error?.['code']).toBe(3);
    }
  },
});

contract('5.2 checkpoints', {
  'an interval of 0 is refused': async (peer) => {
    const raw = rawStreams(peer.server.connectionString);
    const request = filteredRequest(['x'], 0, 'start');
    expect((await rawRead(raw, request)).error?.code).toBeGreaterThan(0);
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
  'a checkpoint in history names the last match of its page, or where the page began': async (peer) => {
    const [watched, other] = [peer.fresh(), peer.fresh()];
    const { position } = await peer.client.appendToStream(other, happened());
    const commits: bigint[] = [];
    for (let index = 0; index < 35; index += 1) {
      const result = await peer.client.appendToStream([3, 7, 29].includes(index) ? watched : other, happened());
      commits.push(result.position?.commit ?? 0n);
    }
    const { subscription, checkpoints } = filtered(peer, { prefixes: [watched], maxSearchWindow: 10, checkpointInterval: 1 }, position);
    await subscription.said('caughtUp');
    await subscription.close();
    const [first, second = 0n, ...rest] = checkpoints;
    expect(first).toBe(commits[7]);
    // There is no event between the ninth and the tenth, where the second page begins.
    expect(second).toBeGreaterThan(commits[9] ?? 0n);
    expect(second).toBeLessThanOrEqual(commits[10] ?? 0n);
    expect(rest).toEqual([commits[29], commits[34]]);
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
  'a checkpoint comes when the history ends, before "caught up", at the last event of the log': async (peer) => {
    const { position: before } = await peer.client.appendToStream(peer.fresh(), happened());
    const { position } = await peer.client.appendToStream(peer.fresh(), several(3));
    const order: (bigint | string)[] = [];
    const filter = streamNameFilter({
      prefixes: ['nobody'],
      checkpointReached: (_subscription, { commit }) => {
        order.push(commit);
        return Promise.resolve();
      },
    });
    const subscription = peer.client.subscribeToAll({ filter, fromPosition: before ?? START });
    subscription.on('data', () => undefined);
    await new Promise<void>((resolve) => void subscription.on('caughtUp', () => resolve(void order.push('caughtUp'))));
    await subscription.unsubscribe();
    expect(order).toEqual([position?.commit, 'caughtUp']);
  },
  'a checkpoint comes when a reader that stands still falls behind, and resuming there misses and repeats nothing': async (peer) => {
    const stream = peer.fresh();
    const raw = rawStreams(peer.server.connectionString);
    const call = raw.read(filteredRequest([stream], 1_000_000));
    const responses: InstanceType<typeof ReadResp>[] = [];
    call.on('error', () => undefined);
    const until = (enough: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = (response: InstanceType<typeof ReadResp>): void => {
          responses.push(response);
          if (!enough()) return;
          call.off('data', look);
          call.pause();
          resolve();
        };
        call.on('data', look);
        call.resume();
      });
    await until(() => responses.some((response) => response.hasCaughtUp()));
    for (let round = 0; round < 20; round += 1) {
      const events = Array.from({ length: 100 }, () => binaryEvent({ type: 'Filler', data: Buffer.alloc(1000) }));
      await peer.client.appendToStream(stream, events);
    }
    await until(() => responses.filter((response) => response.hasCaughtUp()).length === 2);
    call.cancel();
    raw.close();
    const commits = (some: typeof responses) =>
      some.filter((response) => response.hasEvent()).map((response) => response.getEvent()?.getCommitPosition());
    const checkpoints = responses.filter((response) => response.hasCheckpoint());
    // At the end of the history, when it falls behind, and when it has caught up again.
    expect(checkpoints).toHaveLength(3);
    const behind = checkpoints[1];
    expect(commits(responses.slice(0, behind && responses.indexOf(behind))).at(-1)).toBe(behind?.getCheckpoint()?.getCommitPosition());
    expect(commits(responses)).toHaveLength(2000);
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
