import type { AppendExpectedRevision, EventData } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import type { Peer } from './contract.ts';
import { classic, collect, contract, failureOf, happened, revisionsOf, several } from './contract.ts';

async function idsIn({ client }: Peer, stream: string): Promise<string[]> {
  return (await collect(client.readStream(stream))).map(({ event }) => event?.id ?? '');
}

const wrong = (actualVersion: bigint | 'no_stream') => ({ type: 'wrong-expected-version', actualVersion });
const idsOf = (events: readonly EventData[]): string[] => events.map(({ id }) => id);

for (const [path, call] of [
  ['batch', {}],
  ['classic', classic],
] as const) {
  const append = (peer: Peer, stream: string, events: EventData[], expectedRevision: AppendExpectedRevision) =>
    peer.client.appendToStream(stream, events, { ...call, expectedRevision });

  contract(`3.3 concurrency and idempotency, ${path}`, {
    'a tombstoned stream refuses even an identical retry': async (peer) => {
      const stream = peer.fresh();
      const events = several(2);
      await append(peer, stream, events, 'no_stream');
      await peer.client.tombstoneStream(stream);
      for (const expected of ['no_stream', 'any', 'stream_exists', 0n] as const) {
        expect(await failureOf(append(peer, stream, events, expected))).toMatchObject({ type: 'stream-deleted' });
      }
    },
    'stream_exists: refused with nothing there, taken with events or with metadata alone': async (peer) => {
      const stream = peer.fresh();
      expect(await failureOf(append(peer, stream, [happened()], 'stream_exists'))).toMatchObject(wrong('no_stream'));
      await peer.client.setStreamMetadata(stream, { maxCount: 100 });
      expect(await append(peer, stream, [happened()], 'stream_exists')).toMatchObject({ nextExpectedRevision: 0n });
      expect(await append(peer, stream, [happened()], 'stream_exists')).toMatchObject({ nextExpectedRevision: 1n });
    },
    'stream_exists: a soft-deleted stream is "deleted"': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, [happened()], 'any');
      await peer.client.deleteStream(stream);
      expect(await failureOf(append(peer, stream, [happened()], 'stream_exists'))).toMatchObject({ type: 'stream-deleted' });
    },
    'stream_exists: a retry succeeds like one with any, and one with a later id unknown is a wrong version': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, [happened()], 'any');
      const events = several(2);
      const first = await append(peer, stream, events, 'stream_exists');
      await append(peer, stream, [happened()], 'any');
      expect(await append(peer, stream, events, 'stream_exists')).toEqual(first);
      expect(await failureOf(append(peer, stream, [...events, happened()], 'stream_exists'))).toMatchObject(wrong(3n));
      expect(await idsIn(peer, stream)).toHaveLength(4);
    },
    'any: a retry succeeds with the revision and position of its own last event': async (peer) => {
      const stream = peer.fresh();
      const events = several(3);
      const first = await append(peer, stream, events, 'any');
      await append(peer, stream, several(2), 'any');
      expect(await append(peer, stream, events, 'any')).toEqual(first);
      expect(await idsIn(peer, stream)).toHaveLength(5);
    },
    'any: the same ids in another stream are another append': async (peer) => {
      const events = several(2);
      const [one, two] = [peer.fresh(), peer.fresh()];
      await append(peer, one, events, 'any');
      await append(peer, two, events, 'any');
      expect(await idsIn(peer, two)).toEqual(idsOf(events));
    },
    'any: the first writer of an id keeps it, so a retry in the second stream is written again': async (peer) => {
      const events = several(2);
      const [one, two] = [peer.fresh(), peer.fresh()];
      for (const stream of [one, two, two, one]) await append(peer, stream, events, 'any');
      expect(await idsIn(peer, one)).toEqual(idsOf(events));
      expect(await idsIn(peer, two)).toEqual([...idsOf(events), ...idsOf(events)]);
    },
    'any: with the first id unknown all is written, later duplicates included': async (peer) => {
      const stream = peer.fresh();
      const [known, fresh] = [happened(), happened()];
      await append(peer, stream, [known], 'any');
      await append(peer, stream, [fresh, known], 'any');
      expect(await idsIn(peer, stream)).toEqual([known.id, fresh.id, known.id]);
    },
    'any: with the first id known and a later one unknown it is a wrong version': async (peer) => {
      const stream = peer.fresh();
      const known = happened();
      await append(peer, stream, [known], 'any');
      expect(await failureOf(append(peer, stream, [known, happened()], 'any'))).toMatchObject(wrong(0n));
    },
    'exact: an identical retry succeeds at any later time': async (peer) => {
      const stream = peer.fresh();
      const events = several(300);
      await append(peer, stream, events, 'no_stream');
      const second = several(2);
      await append(peer, stream, second, 299n);
      await append(peer, stream, several(2), 301n);
      expect(await append(peer, stream, events, 'no_stream')).toMatchObject({ nextExpectedRevision: 299n });
      expect(await append(peer, stream, second, 299n)).toMatchObject({ nextExpectedRevision: 301n });
      expect(await idsIn(peer, stream)).toHaveLength(304);
    },
    'exact: a retry succeeds though the events are truncated, or their stream is deleted, and brings nothing back': async (peer) => {
      const [truncated, deleted] = [peer.fresh(), peer.fresh()];
      const events = several(3);
      for (const stream of [truncated, deleted]) await append(peer, stream, events, 'no_stream');
      await peer.client.setStreamMetadata(truncated, { truncateBefore: 3 });
      await peer.client.deleteStream(deleted);
      for (const stream of [truncated, deleted]) {
        expect(await append(peer, stream, events, 'no_stream')).toMatchObject({ success: true, nextExpectedRevision: 2n });
      }
      expect(await idsIn(peer, truncated)).toEqual([]);
      expect(await failureOf(idsIn(peer, deleted))).toMatchObject({ type: 'stream-not-found' });
    },
    'no_stream: retrying what brought a deleted stream back is a wrong version': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, several(2), 'no_stream');
      await peer.client.deleteStream(stream);
      const events = several(2);
      expect(await append(peer, stream, events, 'no_stream')).toMatchObject({ nextExpectedRevision: 3n });
      expect(await failureOf(append(peer, stream, events, 'no_stream'))).toMatchObject(wrong(3n));
    },
    'exact: other events at a revision that is taken are a wrong version': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, several(3), 'no_stream');
      for (const expected of ['no_stream', 0n, 1n] as const) {
        expect(await failureOf(append(peer, stream, [happened()], expected))).toMatchObject(wrong(2n));
      }
    },
    'exact: a retry that overlaps in part, or runs past the head, is a wrong version': async (peer) => {
      const stream = peer.fresh();
      const events = several(3);
      await append(peer, stream, events, 'no_stream');
      const [first, second] = events;
      if (!first || !second) throw new Error('unreachable');
      expect(await failureOf(append(peer, stream, [first, happened()], 'no_stream'))).toMatchObject(wrong(2n));
      expect(await failureOf(append(peer, stream, [...events, happened()], 'no_stream'))).toMatchObject(wrong(2n));
      expect(await failureOf(append(peer, stream, [second], 'no_stream'))).toMatchObject(wrong(2n));
    },
    'exact: no events behind the head are a wrong version': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, several(2), 'no_stream');
      expect(await failureOf(append(peer, stream, [], 0n))).toMatchObject(wrong(1n));
    },
    'exact: beyond the head is a wrong version': async (peer) => {
      const stream = peer.fresh();
      expect(await failureOf(append(peer, stream, [happened()], 0n))).toMatchObject(wrong('no_stream'));
      await append(peer, stream, [happened()], 'no_stream');
      expect(await failureOf(append(peer, stream, [happened()], 1n))).toMatchObject(wrong(0n));
      expect(await failureOf(append(peer, stream, [happened()], 9_007_199_254_740_993n))).toMatchObject(wrong(0n));
    },
    'exact: at the head the ids are not looked at, so the same event is written twice': async (peer) => {
      const stream = peer.fresh();
      const event = happened();
      await append(peer, stream, [event], 'no_stream');
      expect(await append(peer, stream, [event], 0n)).toMatchObject({ nextExpectedRevision: 1n });
      expect(await idsIn(peer, stream)).toEqual([event.id, event.id]);
    },
    'of many writers with one expected revision exactly one wins': async (peer) => {
      const stream = peer.fresh();
      const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => append(peer, stream, several(2), 'no_stream')));
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await idsIn(peer, stream)).toHaveLength(2);
    },
    'appends from many writers each stay together, in their stream and in $all': async (peer) => {
      const stream = peer.fresh();
      const { position = 'start' } = await append(peer, peer.fresh(), [happened()], 'any');
      const batches = Array.from({ length: 30 }, (_, index) => several(1 + (index % 5)));
      const elsewhere = Array.from({ length: 30 }, () => append(peer, peer.fresh(), several(2), 'any'));
      await Promise.all([...batches.map((events) => append(peer, stream, events, 'any')), ...elsewhere]);
      const read = await collect(peer.client.readStream(stream));
      expect(revisionsOf(read)).toEqual(read.map((_, index) => index));
      const positions = read.map(({ event }) => event?.position?.commit ?? 0n);
      expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
      const all = await collect(peer.client.readAll({ fromPosition: position }));
      for (const ids of [read, all].map((events) => events.map(({ event }) => event?.id).join())) {
        for (const events of batches) expect(ids).toContain(idsOf(events).join());
      }
    },
    'an empty append changes nothing and answers the head': async (peer) => {
      const stream = peer.fresh();
      await append(peer, stream, several(2), 'no_stream');
      for (const expected of [1n, 'any', 'stream_exists'] as const) {
        expect(await append(peer, stream, [], expected)).toMatchObject({ success: true, nextExpectedRevision: 1n });
      }
      expect(await idsIn(peer, stream)).toHaveLength(2);
    },
  });
}
