import type { Peer } from './contract.ts';
import { expect } from '@jest/globals';
import type { ServiceError } from '@grpc/grpc-js';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { collect, contract, failureOf, happened, revisionsOf, several } from './contract.ts';
import { appendMessage, appendOptions, DeleteReq, deleteRequest, rawAppend, rawRead, rawStreams, readRequest } from './raw-client.ts';

async function written(peer: Peer, count: number): Promise<string> {
  const stream = peer.fresh();
  await peer.client.appendToStream(stream, several(count));
  return stream;
}

const visible = async (peer: Peer, stream: string) => revisionsOf(await collect(peer.client.readStream(stream)));
const metadataEvents = async (peer: Peer, stream: string) => await collect(peer.client.readStream(`$$${stream}`));
/** Writes metadata byte for byte, also what the client would not send. */
async function writeMetadata(peer: Peer, stream: string, data: string | Uint8Array): Promise<void> {
  const raw = rawStreams(peer.server.connectionString);
  const message = appendMessage((proposed) => {
    proposed.getMetadataMap().set('type', '$metadata');
    proposed.setData(Buffer.from(data as string));
  });
  const { response } = await rawAppend(raw, [appendOptions(`$$${stream}`), message]);
  raw.close();
  expect(response?.hasSuccess()).toBe(true);
}
/** The metadata of a stream letter by letter: numbers as big as these do not survive JSON.parse. */
async function metadataText(peer: Peer, stream: string): Promise<string> {
  const raw = rawStreams(peer.server.connectionString);
  const { responses } = await rawRead(raw, readRequest(`$$${stream}`));
  raw.close();
  return Buffer.from(responses[0]?.getEvent()?.getEvent()?.getData_asU8() ?? [])
    .toString()
    .replaceAll(/\s/g, '');
}
/** A delete or tombstone of a stream that "exists", which the client cannot say; gives how it failed. */
function rawDelete(peer: Peer, method: 'delete' | 'tombstone', stream: string): Promise<ServiceError> {
  const client = rawStreams(peer.server.connectionString);
  return new Promise<ServiceError>((resolve, reject) => {
    const request = deleteRequest(method, stream);
    const done = (error: ServiceError | null): void => (error ? resolve(error) : reject(new Error('It should have failed.')));
    if (request instanceof DeleteReq) client.delete(request, done);
    else client.tombstone(request, done);
  }).finally(() => client.close());
}

const notFound = { type: 'stream-not-found' };
const deleted = { type: 'stream-deleted' };

contract('6 metadata and truncation', {
  'metadata are read back as they were set; without any only the name comes': async (peer) => {
    const stream = peer.fresh();
    expect(await peer.client.getStreamMetadata(stream)).toEqual({ streamName: stream });
    const metadata = {
      maxCount: 7,
      maxAge: 60,
      truncateBefore: 1,
      cacheControl: 5,
      acl: { readRoles: ['$all'] },
      own: { text: 'x', list: [1] },
    };
    const { nextExpectedRevision } = await peer.client.setStreamMetadata(stream, metadata);
    expect(nextExpectedRevision).toBe(0n);
    expect((await peer.client.getStreamMetadata(stream)).metadata).toEqual(metadata);
  },
  'metadata obey the expected revision of their own stream': async (peer) => {
    const stream = peer.fresh();
    await peer.client.setStreamMetadata(stream, { maxCount: 1 }, { expectedRevision: 'no_stream' });
    expect(await failureOf(peer.client.setStreamMetadata(stream, { maxCount: 2 }, { expectedRevision: 'no_stream' }))).toMatchObject({
      type: 'wrong-expected-version',
    });
    await peer.client.setStreamMetadata(stream, { maxCount: 3 }, { expectedRevision: 0n });
  },
  'a stream of metadata keeps its last event only': async (peer) => {
    const stream = peer.fresh();
    for (const maxCount of [1, 2, 3]) await peer.client.setStreamMetadata(stream, { maxCount });
    expect(revisionsOf(await metadataEvents(peer, stream))).toEqual([2]);
  },
  '$maxCount shows the last events, counted from the head': async (peer) => {
    const stream = await written(peer, 6);
    await peer.client.setStreamMetadata(stream, { maxCount: 2 });
    expect(await visible(peer, stream)).toEqual([4, 5]);
    expect(revisionsOf(await collect(peer.client.readStream(stream, { direction: 'backwards', fromRevision: 'end' })))).toEqual([5, 4]);
    await peer.client.appendToStream(stream, happened());
    expect(await visible(peer, stream)).toEqual([5, 6]);
  },
  '$maxAge hides what is older, and a count does not count it': async (peer) => {
    const stream = await written(peer, 300);
    await peer.client.setStreamMetadata(stream, { maxAge: 3 });
    while ((await visible(peer, stream)).length > 0) await nextTurn();
    await peer.client.appendToStream(stream, several(5));
    expect(revisionsOf(await collect(peer.client.readStream(stream, { maxCount: 2 })))).toEqual([300, 301]);
  },
  'truncate-before hides lower numbers and leaves the head': async (peer) => {
    const stream = await written(peer, 5);
    await peer.client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(await visible(peer, stream)).toEqual([3, 4]);
    expect(await peer.client.appendToStream(stream, happened(), { expectedRevision: 4n })).toMatchObject({ nextExpectedRevision: 5n });
    expect(revisionsOf(await collect(peer.client.readStream(stream, { direction: 'backwards', fromRevision: 4n })))).toEqual([4, 3]);
  },
  'truncate-before beyond the head makes the stream empty, not "not found"': async (peer) => {
    const stream = await written(peer, 2);
    await peer.client.setStreamMetadata(stream, { truncateBefore: 9 });
    expect(await visible(peer, stream)).toEqual([]);
    expect(await peer.client.appendToStream(stream, happened(), { expectedRevision: 1n })).toMatchObject({ nextExpectedRevision: 2n });
  },
  'the strictest of the three wins': async (peer) => {
    const stream = await written(peer, 6);
    await peer.client.setStreamMetadata(stream, { maxCount: 4, truncateBefore: 4 });
    expect(await visible(peer, stream)).toEqual([4, 5]);
  },
  'numbers beyond what JavaScript counts exactly are numbers': async (peer) => {
    const stream = await written(peer, 3);
    await writeMetadata(peer, stream, '{"$tb":9007199254740993}');
    expect(await visible(peer, stream)).toEqual([]);
    await writeMetadata(peer, stream, '{"$maxCount":9007199254740993,"$tb":1}');
    expect(await visible(peer, stream)).toEqual([1, 2]);
  },
  'metadata that are no JSON, or have a value of a wrong type, count as none': async (peer) => {
    const wrongTypes = ['{"$maxCount":"2"}', '{"$maxCount":0}', '{"$maxAge":-1,"$maxCount":1}', '{"$tb":-1,"$maxCount":1}', '[1]'];
    for (const text of [...wrongTypes, '{"$maxCount":1', 'no JSON', '', Uint8Array.of(0xff, 0xfe, 0)]) {
      const stream = await written(peer, 3);
      await writeMetadata(peer, stream, text);
      expect(await visible(peer, stream)).toEqual([0, 1, 2]);
    }
  },
});

contract('6 access control', {
  'lists of who may do what keep nobody out': async (peer) => {
    const stream = await written(peer, 1);
    const nobody = ['nobody'];
    await peer.client.setStreamMetadata(stream, {
      acl: { readRoles: nobody, writeRoles: nobody, deleteRoles: nobody, metaReadRoles: nobody, metaWriteRoles: nobody },
    });
    await peer.client.appendToStream(stream, happened());
    expect(await visible(peer, stream)).toEqual([0, 1]);
    await peer.client.setStreamMetadata(stream, { maxCount: 1 });
    await peer.client.deleteStream(stream);
  },
});

contract('6 soft delete', {
  'hides the stream; the answer is the position of the metadata event': async (peer) => {
    const stream = await written(peer, 2);
    const { position } = await peer.client.deleteStream(stream);
    expect(await failureOf(collect(peer.client.readStream(stream)))).toMatchObject(notFound);
    const [event] = await metadataEvents(peer, stream);
    expect(event?.event?.position).toEqual(position);
  },
  'of nothing is a wrong version, whatever was expected': async (peer) => {
    for (const [expectedRevision, expectedVersion] of [
      ['any', -2n],
      ['no_stream', -1n],
      [3n, 3n],
    ] as const) {
      const error = await failureOf(peer.client.deleteStream(peer.fresh(), { expectedRevision }));
      expect(error).toMatchObject({ type: 'wrong-expected-version', expectedVersion, actualVersion: -1n });
    }
    const { metadata } = await rawDelete(peer, 'delete', peer.fresh());
    expect(metadata.get('exception')).toEqual(['wrong-expected-version']);
    expect(metadata.get('expected-version')).toEqual(['-4']);
    expect(metadata.get('actual-version')).toEqual(['-1']);
  },
  'of a stream with metadata alone succeeds': async (peer) => {
    const stream = peer.fresh();
    await peer.client.setStreamMetadata(stream, { maxCount: 1 });
    await peer.client.deleteStream(stream);
    expect(await failureOf(collect(peer.client.readStream(stream)))).toMatchObject(notFound);
  },
  'obeys the expected revision': async (peer) => {
    const stream = await written(peer, 3);
    for (const [expectedRevision, expectedVersion] of [
      [0n, 0n],
      [5n, 5n],
      ['no_stream', -1n],
    ] as const) {
      const error = await failureOf(peer.client.deleteStream(stream, { expectedRevision }));
      expect(error).toMatchObject({
        type: 'wrong-expected-version',
        streamName: stream,
        expectedVersion,
        actualVersion: 2n,
      });
    }
    await peer.client.deleteStream(stream, { expectedRevision: 2n });
  },
  'again succeeds': async (peer) => {
    const stream = await written(peer, 1);
    await peer.client.deleteStream(stream);
    await peer.client.deleteStream(stream);
    expect((await rawDelete(peer, 'delete', stream)).metadata.get('exception')).toEqual(['stream-deleted']);
  },
  'replaces all other metadata': async (peer) => {
    const stream = await written(peer, 1);
    await peer.client.setStreamMetadata(stream, { maxCount: 5, own: 1 });
    await peer.client.deleteStream(stream);
    const [event] = await metadataEvents(peer, stream);
    expect(Object.keys(event?.event?.data as object)).toEqual(['$tb']);
    expect(await metadataText(peer, stream)).toBe('{"$tb":9223372036854775807}');
  },
  'may be written by hand, and the metadata that come with it stay when the stream comes back, digit by digit': async (peer) => {
    const stream = await written(peer, 2);
    await writeMetadata(peer, stream, '{"own":{"big":12345678901234567890},"$tb":9223372036854775807}');
    expect(await failureOf(collect(peer.client.readStream(stream)))).toMatchObject(notFound);
    await peer.client.appendToStream(stream, happened(), { expectedRevision: 'no_stream' });
    expect(await visible(peer, stream)).toEqual([2]);
    expect(await metadataText(peer, stream)).toBe('{"own":{"big":12345678901234567890},"$tb":2}');
  },
  'an empty append brings the stream back with nothing in it': async (peer) => {
    const stream = await written(peer, 2);
    await peer.client.deleteStream(stream);
    expect(await failureOf(peer.client.appendToStream(stream, [], { expectedRevision: 'no_stream' }))).toMatchObject({
      type: 'wrong-expected-version',
      actualVersion: 1n,
    });
    expect(await peer.client.appendToStream(stream, [])).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(await visible(peer, stream)).toEqual([]);
  },
  'a new append brings the stream back, and its numbers go on': async (peer) => {
    for (const expectedRevision of ['any', 'no_stream', 2n] as const) {
      const stream = await written(peer, 3);
      await peer.client.deleteStream(stream);
      expect(await peer.client.appendToStream(stream, several(2), { expectedRevision })).toMatchObject({ nextExpectedRevision: 4n });
      expect(await visible(peer, stream)).toEqual([3, 4]);
      expect((await peer.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 3 });
    }
  },
  'a stream that came back can be appended to at its head, and be deleted again': async (peer) => {
    const stream = await written(peer, 2);
    await peer.client.deleteStream(stream);
    await peer.client.appendToStream(stream, happened(), { expectedRevision: 'no_stream' });
    await peer.client.appendToStream(stream, happened(), { expectedRevision: 2n });
    await peer.client.deleteStream(stream, { expectedRevision: 3n });
    await peer.client.appendToStream(stream, happened());
    expect(await visible(peer, stream)).toEqual([4]);
  },
  'metadata written to a deleted stream bring it back empty': async (peer) => {
    const stream = await written(peer, 2);
    await peer.client.deleteStream(stream);
    await peer.client.setStreamMetadata(stream, { maxCount: 10, own: 'kept' });
    expect(await visible(peer, stream)).toEqual([]);
    expect((await peer.client.getStreamMetadata(stream)).metadata).toEqual({ maxCount: 10, own: 'kept', truncateBefore: 2 });
  },
});

contract('6 tombstone', {
  'is an event of the highest number that ends the stream and its metadata for good': async (peer) => {
    const stream = await written(peer, 2);
    await peer.client.setStreamMetadata(stream, { maxCount: 5 });
    const { position } = await peer.client.tombstoneStream(stream, { expectedRevision: 1n });
    const { client } = peer;
    const [tombstone] = await collect(client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }));
    expect(tombstone?.event).toMatchObject({ type: '$streamDeleted', isJson: false, revision: 9_223_372_036_854_775_807n, position });
    expect(tombstone?.event?.data).toHaveLength(0);
    expect(tombstone?.event?.metadata).toBeUndefined();
    for (const attempt of [
      () => collect(client.readStream(stream)),
      () => collect(client.readStream(stream, { direction: 'backwards', fromRevision: 'end' })),
      () => collect(client.readStream(`$$${stream}`)),
      () => client.appendToStream(stream, happened()),
      () => client.appendToStream(`$$${stream}`, happened()),
      () => client.setStreamMetadata(stream, { maxCount: 1 }),
      () => client.deleteStream(stream),
      () => client.deleteStream(`$$${stream}`),
      () => client.tombstoneStream(`$$${stream}`),
      () => client.tombstoneStream(stream),
    ]) {
      expect(await failureOf(attempt())).toMatchObject(deleted);
    }
  },
  'may come before there is a stream': async (peer) => {
    for (const expectedRevision of ['any', 'no_stream'] as const) {
      const stream = peer.fresh();
      await peer.client.tombstoneStream(stream, { expectedRevision });
      expect(await failureOf(collect(peer.client.readStream(stream)))).toMatchObject(deleted);
    }
  },
  'obeys the expected revision': async (peer) => {
    const stream = await written(peer, 2);
    for (const [expectedRevision, expectedVersion] of [
      [0n, 0n],
      [7n, 7n],
      ['no_stream', -1n],
    ] as const) {
      const error = await failureOf(peer.client.tombstoneStream(stream, { expectedRevision }));
      expect(error).toMatchObject({ type: 'wrong-expected-version', expectedVersion, actualVersion: 1n });
    }
    const { metadata } = await rawDelete(peer, 'tombstone', peer.fresh());
    expect(metadata.get('exception')).toEqual(['wrong-expected-version']);
  },
  'of a soft-deleted stream succeeds': async (peer) => {
    const stream = await written(peer, 1);
    await peer.client.deleteStream(stream);
    await peer.client.tombstoneStream(stream);
    expect(await failureOf(collect(peer.client.readStream(stream)))).toMatchObject(deleted);
  },
});
