import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { classic, collect, contract, failureOf, happened, several } from './contract.ts';
import {
  appendMessage,
  appendOptions,
  Empty,
  rawAppend,
  rawRead,
  rawStreams,
  readRequest,
  structuredUuid,
  unfinishedAppend,
} from './raw-client.ts';

contract('3.1 classic append', {
  'answers the number and the position of the last event': async ({ client, fresh }) => {
    const stream = fresh();
    const result = await client.appendToStream(stream, several(3), { ...classic, expectedRevision: 'no_stream' });
    const last = (await collect(client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })))[0];
    expect(result).toEqual({ success: true, nextExpectedRevision: 2n, position: last?.event?.position });
  },
  'says "no stream" and "no position" for an empty append to nothing': async ({ client, server, fresh }) => {
    const stream = fresh();
    const raw = rawStreams(server.connectionString);
    const { response } = await rawAppend(raw, [appendOptions(stream)]);
    raw.close();
    expect(response?.getSuccess()?.toObject()).toMatchObject({ noStream: {}, noPosition: {} });
    expect((await failureOf(collect(client.readStream(stream))))['type']).toBe('stream-not-found');
  },
  'answers a wrong expected version as a response with both revisions': async ({ client, fresh }) => {
    const stream = fresh();
    await client.appendToStream(stream, several(2), classic);
    for (const [expectedRevision, expected] of [
      ['no_stream', 'no_stream'],
      [0n, 0n],
      [7n, 7n],
    ] as const) {
      const error = await failureOf(client.appendToStream(stream, happened(), { ...classic, expectedRevision }));
      expect(error).toMatchObject({ type: 'wrong-expected-version', streamName: stream, expectedVersion: expected, actualVersion: 1n });
    }
  },
  'a wrong expected version names what was expected, in words too': async ({ client, server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const known = fresh();
    const event = appendMessage();
    await client.appendToStream(known, several(2), classic);
    await rawAppend(raw, [appendOptions(known), event]);
    const unknown = fresh();
    for (const [stream, expecting, answered] of [
      [known, (options) => options.setNoStream(new Empty()), { currentRevision: '2', expectedNoStream: {} }],
      [known, (options) => options.setRevision('0'), { currentRevision: '2', expectedRevision: '0' }],
      [known, (options) => options.setAny(new Empty()), { currentRevision: '2', expectedAny: {} }],
      [unknown, (options) => options.setStreamExists(new Empty()), { currentNoStream: {}, expectedStreamExists: {} }],
    ] as [string, Parameters<typeof appendOptions>[1], object][]) {
      const { response } = await rawAppend(raw, [appendOptions(stream, expecting), event, appendMessage()]);
      expect(response?.getWrongExpectedVersion()?.toObject()).toMatchObject(answered);
    }
    raw.close();
  },
  'reports the current revision as a result when the client does not throw': async ({ server, fresh }) => {
    const lenient = EventStoreDBClient.connectionString(`${server.connectionString}&throwOnAppendFailure=false`);
    const stream = fresh();
    await lenient.appendToStream(stream, several(3), classic);
    const result = await lenient.appendToStream(stream, happened(), { ...classic, expectedRevision: 'no_stream' });
    await lenient.dispose();
    expect(result).toMatchObject({ success: false, nextExpectedRevision: 2n });
  },
  'refuses more than the maximum append size with that size': async ({ client, fresh }) => {
    const events = [0, 1].map(() => binaryEvent({ type: 'Big', data: Buffer.alloc(600_000) }));
    const error = await failureOf(client.appendToStream(fresh(), events, classic));
    expect(error).toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 1_048_576 });
  },
  'counts data, metadata and twice the length of the type towards the size': async ({ client, fresh }) => {
    const fits = binaryEvent({ type: 'ab', data: Buffer.alloc(1_000_000), metadata: Buffer.alloc(48_572) });
    expect((await client.appendToStream(fresh(), fits, classic)).success).toBe(true);
    const tooBig = binaryEvent({ type: 'abc', data: Buffer.alloc(1_000_000), metadata: Buffer.alloc(48_572) });
    expect(await failureOf(client.appendToStream(fresh(), tooBig, classic))).toMatchObject({ type: 'maximum-append-size-exceeded' });
  },
  'refuses a message without type or content type, naming what is required': async ({ server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    for (const missing of ['type', 'content-type']) {
      const message = appendMessage((proposed) => proposed.getMetadataMap().del(missing));
      const { error } = await rawAppend(raw, [appendOptions(fresh()), message]);
      expect(error?.code).toBe(3);
      expect(error?.metadata.get('exception')).toEqual(['missing-required-metadata-property']);
      expect(error?.metadata.get('required-metadata-properties')).toEqual(['type,content-type']);
    }
    raw.close();
  },
  'keeps JSON as JSON and takes every other content type for octets': async ({ client, server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const stream = fresh();
    const types = ['application/json', 'text/plain', 'application/octet-stream'];
    await rawAppend(raw, [
      appendOptions(stream),
      ...types.map((type) => appendMessage((proposed) => proposed.getMetadataMap().set('content-type', type))),
    ]);
    const { responses } = await rawRead(raw, readRequest(stream));
    raw.close();
    const kept = responses.map((response) => response.getEvent()?.getEvent()?.getMetadataMap().get('content-type'));
    expect(kept).toEqual(['application/json', 'application/octet-stream', 'application/octet-stream']);
    const events = await collect(client.readStream(stream));
    expect(events.map(({ event }) => event?.isJson)).toEqual([true, false, false]);
  },
  'gives back data and metadata byte for byte': async ({ client, fresh }) => {
    const stream = fresh('Ünïcode-☃');
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const json = jsonEvent({ type: 'Ünï', data: { text: '☃ "quoted" \\', nested: { list: [1, null, 'x'] } }, metadata: { why: 'därum' } });
    await client.appendToStream(stream, [binaryEvent({ type: 'Bytes', data: bytes, metadata: bytes }), json], classic);
    const [first, second] = await collect(client.readStream(stream));
    expect([...((first?.event?.data ?? []) as Uint8Array)]).toEqual([...bytes]);
    expect([...((first?.event?.metadata ?? []) as Uint8Array)]).toEqual([...bytes]);
    expect(second?.event).toMatchObject({ streamId: stream, type: 'Ünï', data: json.data, metadata: json.metadata, id: json.id });
  },
  'takes names as they are, a byte order mark at the front included': async ({ client, fresh }) => {
    const stream = fresh();
    await client.appendToStream(`\uFEFF${stream}`, happened('\uFEFFHappened'), classic);
    expect((await failureOf(collect(client.readStream(stream))))['type']).toBe('stream-not-found');
    const [read] = await collect(client.readStream(`\uFEFF${stream}`));
    expect(read?.event?.type).toBe('\uFEFFHappened');
  },
  'takes the structured form of an id': async ({ client, server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const stream = fresh();
    const message = appendMessage((proposed) => proposed.setId(structuredUuid('-1', '1')));
    await rawAppend(raw, [appendOptions(stream), message]);
    raw.close();
    expect((await collect(client.readStream(stream)))[0]?.event?.id).toBe('ffffffff-ffff-ffff-0000-000000000001');
  },
  'an empty event id, an empty type and an empty stream name are an "unknown" failure': async ({ server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const emptyId = appendMessage((proposed) => proposed.getId()?.setString('00000000-0000-0000-0000-000000000000'));
    const emptyType = appendMessage((proposed) => void proposed.getMetadataMap().set('type', ''));
    for (const requests of [
      [appendOptions(fresh()), emptyId],
      [appendOptions(fresh()), emptyType],
      [appendOptions(''), appendMessage()],
    ]) {
      const { error } = await rawAppend(raw, requests);
      expect([error?.code, error?.details]).toEqual([2, 'Exception was thrown by handler.']);
      expect(error?.metadata.get('exception')).toEqual([]);
    }
    raw.close();
  },
  'the deadline of the call is that of the append': async ({ client, server, fresh }) => {
    const stream = fresh();
    const append = await unfinishedAppend(server.connectionString, [appendOptions(stream), appendMessage()], { 'grpc-timeout': '100m' });
    expect((await append.answer)['grpc-status']).toBe('4');
    append.cutOff();
    expect((await failureOf(collect(client.readStream(stream))))['type']).toBe('stream-not-found');
  },
  'an append whose call is cut off is not written': async ({ client, server, fresh }) => {
    const stream = fresh();
    const append = await unfinishedAppend(server.connectionString, [appendOptions(stream), appendMessage()]);
    append.cutOff();
    for (let others = 0; others < 20; others++) await client.appendToStream(fresh(), happened());
    expect((await failureOf(collect(client.readStream(stream))))['type']).toBe('stream-not-found');
  },
  'a single node does not care whether the leader is required': async ({ client, fresh }) => {
    for (const call of [classic, {}]) {
      expect((await client.appendToStream(fresh(), happened(), { ...call, requiresLeader: true })).success).toBe(true);
    }
  },
});
