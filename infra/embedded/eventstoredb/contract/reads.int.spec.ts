import type { AllStreamResolvedEvent, Position } from '@eventstore/db-client';
import { binaryEvent, jsonEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Happened, Peer } from './contract.ts';
import { classic, collect, contract, failureOf, happened, revisionsOf, several } from './contract.ts';
import { checkpointStream, consume, createGroup, eager, parkedStream, untilInfo } from './groups.ts';
import { Empty, rawRead, rawStreams, readRequest } from './raw-client.ts';

async function written(peer: Peer, count: number): Promise<string> {
  const stream = peer.fresh();
  await peer.client.appendToStream(stream, several(count));
  return stream;
}

const link = (target: string) => binaryEvent({ type: '$>', data: Buffer.from(target) });

const positionsOf = (events: readonly { event?: { position?: Position } }[]) => events.map(({ event }) => event?.position?.commit ?? 0n);

async function readAll(peer: Peer, options: Parameters<Peer['client']['readAll']>[0]): Promise<AllStreamResolvedEvent[]> {
  return (await collect(peer.client.readAll(options))) as AllStreamResolvedEvent[];
}

/** Gives a stream a maximum age, and waits until all its events are older. */
async function makeOld(peer: Peer, stream: string): Promise<void> {
  await peer.client.setStreamMetadata(stream, { maxAge: 1 });
  while ((await collect(peer.client.readStream(stream))).length > 0) await nextTurn();
}

contract('4 positions and $all', {
  'positions grow from event to event, commit and prepare alike, and are never 0': async (peer) => {
    const stream = await written(peer, 5);
    const events = await collect(peer.client.readStream(stream));
    const positions = positionsOf(events);
    for (const [index, position] of positions.entries()) expect(position).toBeGreaterThan(positions[index - 1] ?? 0n);
    for (const { event } of events) expect(event?.position?.prepare).toBe(event?.position?.commit);
  },
  'forwards includes the event at the position, backwards does not': async (peer) => {
    const stream = await written(peer, 3);
    const [first, second, third] = await collect(peer.client.readStream(stream));
    const from = second?.event?.position ?? 'start';
    const forwards = await readAll(peer, { fromPosition: from, maxCount: 2 });
    expect(forwards.map(({ event }) => event?.id)).toEqual([second?.event?.id, third?.event?.id]);
    const backwards = await readAll(peer, { fromPosition: from, direction: 'backwards', maxCount: 1 });
    expect(backwards.map(({ event }) => event?.id)).toEqual([first?.event?.id]);
  },
  'backwards from the end is newest first; forwards from the end is empty': async (peer) => {
    const stream = await written(peer, 3);
    const newest = await readAll(peer, { fromPosition: 'end', direction: 'backwards', maxCount: 3 });
    expect(newest.map(({ event }) => [event?.streamId, Number(event?.revision)])).toEqual([2, 1, 0].map((revision) => [stream, revision]));
    expect(await readAll(peer, { fromPosition: 'end', direction: 'forwards' })).toEqual([]);
    expect(await readAll(peer, { fromPosition: 'start', direction: 'backwards' })).toEqual([]);
    const zero = { commit: 0n, prepare: 0n };
    expect(await readAll(peer, { fromPosition: zero, maxCount: 5 })).toEqual(await readAll(peer, { maxCount: 5 }));
    expect(await readAll(peer, { fromPosition: zero, direction: 'backwards' })).toEqual([]);
  },
  'a whole read gives every event once, in the same order both ways': async (peer) => {
    const stream = await written(peer, 700);
    const forwards = await readAll(peer, {});
    const backwards = await readAll(peer, { fromPosition: 'end', direction: 'backwards' });
    expect(backwards.map(({ event }) => event?.id).toReversed()).toEqual(forwards.map(({ event }) => event?.id));
    expect(forwards.filter(({ event }) => event?.streamId === stream)).toHaveLength(700);
  },
  'holds events that truncation, $maxCount, $maxAge and soft deletes hide in their streams': async (peer) => {
    const hidden = await Promise.all(Array.from({ length: 4 }, () => written(peer, 3)));
    const [truncated = '', counted = '', deleted = '', aged = ''] = hidden;
    await makeOld(peer, aged);
    await peer.client.setStreamMetadata(truncated, { truncateBefore: 2 });
    await peer.client.setStreamMetadata(counted, { maxCount: 1 });
    await peer.client.deleteStream(deleted);
    const all = await readAll(peer, {});
    for (const stream of hidden) expect(all.filter(({ event }) => event?.streamId === stream)).toHaveLength(3);
  },
  'holds system events: metadata and tombstones': async (peer) => {
    const stream = await written(peer, 1);
    await peer.client.setStreamMetadata(stream, { maxCount: 5 });
    const { position } = await peer.client.tombstoneStream(stream);
    const newest = await readAll(peer, { fromPosition: 'end', direction: 'backwards', maxCount: 2 });
    expect(newest.map(({ event }) => [event?.streamId, event?.type])).toEqual([
      [stream, '$streamDeleted'],
      [`$$${stream}`, '$metadata'],
    ]);
    expect(newest[0]?.event?.position).toEqual(position);
    expect(newest[0]?.event?.revision).toBe(9_223_372_036_854_775_807n);
  },
  'holds what groups on streams note about themselves, and the definitions of all groups': async (peer) => {
    const stream = await written(peer, 2);
    await createGroup(peer, stream, eager);
    const consumer = consume(peer, stream);
    const [first, second] = await consumer.has(2);
    if (first) await consumer.group.nack('park', 'no', first);
    if (second) await consumer.ack(second);
    await untilInfo(peer, stream, ({ stats }) => stats.lastCheckpointedEventRevision === 1n && stats.parkedMessageCount === 1n);
    await consumer.close();
    const all = await readAll(peer, {});
    const kinds = all.map(({ event }) => `${event?.streamId} ${event?.type}`);
    expect(kinds).toContain(`${checkpointStream(stream)} SubscriptionCheckpoint`);
    expect(kinds).toContain(`${parkedStream(stream)} $>`);
    expect(kinds).toContain('$persistentSubscriptionConfig $PersistentConfig');
    expect(all.filter(({ event }) => event?.streamId === '$epoch-information')).toEqual([]);
  },
  'is not empty on a server on which nobody wrote': async (peer) => {
    expect((await readAll(peer, { maxCount: 1 }))[0]?.event?.type).toMatch(/^\$/);
  },
  'refuses a position whose commit is before its prepare': async (peer) => {
    const error = await failureOf(readAll(peer, { fromPosition: { commit: 1n, prepare: 2n } }));
    expect(error['type']).toBe('unknown');
  },
});

contract('5 stream reads', {
  'an event comes with all that was written and the time of the server': async (peer) => {
    const stream = peer.fresh();
    const before = Date.now();
    const event = jsonEvent<Happened>({ type: 'Happened', data: { a: 1 }, metadata: { b: 2 } });
    const { position } = await peer.client.appendToStream(stream, event, classic);
    const [read] = await collect(peer.client.readStream(stream));
    expect(read?.event).toMatchObject({
      streamId: stream,
      id: event.id,
      revision: 0n,
      type: 'Happened',
      isJson: true,
      data: { a: 1 },
      metadata: { b: 2 },
      position,
    });
    expect(read?.commitPosition).toBe(position?.commit);
    expect(Math.abs((read?.event?.created.getTime() ?? 0) - before)).toBeLessThan(60_000);
  },
  'forwards and backwards are both inclusive': async (peer) => {
    const stream = await written(peer, 5);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 2n })))).toEqual([2, 3, 4]);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 2n, direction: 'backwards' })))).toEqual([2, 1, 0]);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 1n, maxCount: 2 })))).toEqual([1, 2]);
    expect(
      revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 'end', direction: 'backwards', maxCount: 2 }))),
    ).toEqual([4, 3]);
  },
  'a stream that does not exist is "not found"': async (peer) => {
    const stream = peer.fresh();
    for (const direction of ['forwards', 'backwards'] as const) {
      const error = await failureOf(collect(peer.client.readStream(stream, { direction })));
      expect(error).toMatchObject({ type: 'stream-not-found', streamName: stream });
    }
  },
  'a soft-deleted stream is "not found", a tombstoned one "deleted"': async (peer) => {
    const [soft, hard] = [await written(peer, 1), await written(peer, 1)];
    await peer.client.deleteStream(soft);
    await peer.client.tombstoneStream(hard);
    expect(await failureOf(collect(peer.client.readStream(soft)))).toMatchObject({ type: 'stream-not-found' });
    expect(await failureOf(collect(peer.client.readStream(hard)))).toMatchObject({ type: 'stream-deleted', streamName: hard });
  },
  '"not found" is an answer, and the call ends well': async (peer) => {
    const raw = rawStreams(peer.server.connectionString);
    const stream = peer.fresh();
    const { error, responses } = await rawRead(raw, readRequest(stream));
    raw.close();
    expect(error).toBeUndefined();
    expect(responses).toHaveLength(1);
    const name = responses[0]?.getStreamNotFound()?.getStreamIdentifier()?.getStreamName_asU8();
    expect(Buffer.from(name ?? []).toString()).toBe(stream);
  },
  'a count counts visible events, however many hidden ones lie before them': async (peer) => {
    const [truncated, counted] = await Promise.all([written(peer, 600), written(peer, 600)]);
    await peer.client.setStreamMetadata(truncated, { truncateBefore: 590 });
    await peer.client.setStreamMetadata(counted, { maxCount: 10 });
    for (const stream of [truncated, counted]) {
      const read = (options: Parameters<typeof peer.client.readStream>[1]) => collect(peer.client.readStream(stream, options));
      expect(revisionsOf(await read({ maxCount: 3 }))).toEqual([590, 591, 592]);
      expect(revisionsOf(await read({ fromRevision: 595n, maxCount: 3 }))).toEqual([595, 596, 597]);
      expect(revisionsOf(await read({ direction: 'backwards', fromRevision: 591n, maxCount: 5 }))).toEqual([591, 590]);
    }
  },
  'from beyond the head is empty, and backwards starts at the head': async (peer) => {
    const stream = await written(peer, 3);
    for (const fromRevision of [10n, 9_007_199_254_740_993n, 9_223_372_036_854_775_806n])
      expect(await collect(peer.client.readStream(stream, { fromRevision }))).toEqual([]);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 10n, direction: 'backwards' })))).toEqual([2, 1, 0]);
  },
  'backwards from the start is event 0 alone': async (peer) => {
    const stream = await written(peer, 3);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { fromRevision: 'start', direction: 'backwards' })))).toEqual([0]);
  },
  'forwards from the end, and a count of 0, are refused': async (peer) => {
    const stream = await written(peer, 1);
    const raw = rawStreams(peer.server.connectionString);
    const fromEnd = readRequest(stream, (options) => options.getStream()?.setEnd(new Empty()));
    expect((await rawRead(raw, fromEnd)).error?.code).toBe(2);
    const none = readRequest(stream, (options) => void options.setCount('0'));
    expect((await rawRead(raw, none)).error?.code).toBe(2);
    raw.close();
  },
  'ids come structured for who asks for that': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(
      stream,
      jsonEvent<Happened>({ id: '80000000-0000-0001-7fff-ffffffffffff', type: 'Happened', data: {} }),
    );
    const raw = rawStreams(peer.server.connectionString);
    const request = readRequest(stream, (options) => void options.getUuidOption()?.setStructured(new Empty()));
    const { responses } = await rawRead(raw, request);
    raw.close();
    const id = responses[0]?.getEvent()?.getEvent()?.getId()?.getStructured();
    expect([id?.getMostSignificantBits(), id?.getLeastSignificantBits()]).toEqual(['-9223372036854775807', '9223372036854775807']);
    expect(responses[0]?.getEvent()?.getEvent()?.getData_asU8()).toEqual(new Uint8Array(Buffer.from('{}')));
  },
  'answers carry no stream positions that this client would not know': async (peer) => {
    const stream = await written(peer, 2);
    const raw = rawStreams(peer.server.connectionString);
    const { responses } = await rawRead(raw, readRequest(stream));
    raw.close();
    expect(responses.map((response) => response.hasEvent())).toEqual([true, true]);
  },
  'a long stream of large events comes in full': async (peer) => {
    const stream = peer.fresh();
    const events = Array.from({ length: 40 }, () => binaryEvent({ type: 'Large', data: Buffer.alloc(200_000, 3) }));
    for (let index = 0; index < events.length; index += 5) await peer.client.appendToStream(stream, events.slice(index, index + 5));
    const read = await collect(peer.client.readStream(stream));
    expect(read.map(({ event }) => event?.id)).toEqual(events.map(({ id }) => id));
  },
  'a read that is left early does not disturb the next': async (peer) => {
    const stream = await written(peer, 1000);
    const reading = peer.client.readStream(stream);
    for await (const { event } of reading) if (event?.revision === 5n) break;
    await reading.cancel();
    expect(await collect(peer.client.readStream(stream))).toHaveLength(1000);
  },
});

contract('5 link resolution', {
  'unresolved, a link is an event like any other': async (peer) => {
    const target = await written(peer, 1);
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, link(`0@${target}`));
    const [read] = await collect(peer.client.readStream(stream));
    expect(read?.event).toMatchObject({ streamId: stream, type: '$>' });
    expect(read?.link).toBeUndefined();
  },
  'resolved, it comes with its target, at the position of the link': async (peer) => {
    const target = await written(peer, 2);
    const stream = peer.fresh();
    const { position } = await peer.client.appendToStream(stream, [happened('Other'), link(`1@${target}`)]);
    const [plain, read] = await collect(peer.client.readStream(stream, { resolveLinkTos: true }));
    expect(plain?.event?.type).toBe('Other');
    expect(plain?.link).toBeUndefined();
    expect(read?.event).toMatchObject({ streamId: target, revision: 1n });
    expect(read?.link).toMatchObject({ streamId: stream, revision: 1n });
    expect(read?.commitPosition).toBe(position?.commit);
  },
  'a stream name may hold an @': async (peer) => {
    const target = peer.fresh('mail@example');
    await peer.client.appendToStream(target, happened('Mailed'));
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, link(`0@${target}`));
    expect((await collect(peer.client.readStream(stream, { resolveLinkTos: true })))[0]?.event?.type).toBe('Mailed');
  },
  'a target that is missing, truncated, deleted or too old comes as a link without event': async (peer) => {
    const [truncated, deleted, hard, counted] = await Promise.all([written(peer, 2), written(peer, 1), written(peer, 1), written(peer, 3)]);
    const aged = await written(peer, 1);
    await makeOld(peer, aged);
    await peer.client.setStreamMetadata(truncated, { truncateBefore: 1 });
    await peer.client.deleteStream(deleted);
    await peer.client.tombstoneStream(hard);
    await peer.client.setStreamMetadata(counted, { maxCount: 1 });
    const stream = peer.fresh();
    const targets = [`0@${truncated}`, `0@${deleted}`, `0@${hard}`, `1@${counted}`, `0@${aged}`, `7@${truncated}`, `0@${peer.fresh()}`];
    await peer.client.appendToStream(stream, targets.map(link));
    const read = await collect(peer.client.readStream(stream, { resolveLinkTos: true }));
    expect(read.map(({ event, link: from }) => [event, Number(from?.revision)])).toEqual(targets.map((_, index) => [undefined, index]));
  },
  'a link whose number does not parse stays as it is': async (peer) => {
    const stream = peer.fresh();
    await peer.client.appendToStream(stream, link('first@somewhere'));
    const [read] = await collect(peer.client.readStream(stream, { resolveLinkTos: true }));
    expect(read?.event?.type).toBe('$>');
    expect(read?.link).toBeUndefined();
  },
  '$all resolves links too': async (peer) => {
    const target = await written(peer, 1);
    const stream = peer.fresh();
    const { position } = await peer.client.appendToStream(stream, link(`0@${target}`));
    const [read] = await readAll(peer, { fromPosition: position ?? 'start', maxCount: 1, resolveLinkTos: true });
    expect(read?.event?.streamId).toBe(target);
    expect(read?.link?.streamId).toBe(stream);
  },
});
