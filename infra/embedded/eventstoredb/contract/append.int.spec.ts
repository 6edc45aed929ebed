import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { classic, collect, contract, failureOf, happened, several } from './contract.ts';
import { appendMessage, appendOptions, batchMessage, batchOptions, BatchAppendReq, chunk, rawAppend, rawStreams } from './raw-client.ts';

type BatchCall = ReturnType<ReturnType<typeof rawStreams>['batchAppend']>;

interface BatchAnswer {
  readonly id: string;
  readonly stream: string;
  readonly revision: string | undefined;
  readonly error: string | undefined;
  readonly code: number | undefined;
}

/** Runs `send` on a batch call and gives the first `count` answers. */
async function batch(connectionString: string, count: number, send: (call: BatchCall) => void): Promise<BatchAnswer[]> {
  const client = rawStreams(connectionString);
  const call = client.batchAppend();
  try {
    return await new Promise((resolve, reject) => {
      const answers: BatchAnswer[] = [];
      call.on('data', (response) => {
        answers.push({
          id: response.getCorrelationId()?.getString() ?? '',
          stream: Buffer.from(response.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString(),
          revision: response.getSuccess()?.getCurrentRevision(),
          error: response.getError()?.getDetails()?.getTypeName(),
          code: response.getError()?.getCode(),
        });
        if (answers.length === count) resolve(answers);
      });
      call.on('error', reject);
      send(call);
    });
  } finally {
    call.on('error', () => undefined);
    call.cancel();
    client.close();
  }
}

contract('3.1 classic append', {
  'answers the number and the position of the last event': async ({ client, fresh }) => {
    const stream = fresh();
    const result = await client.appendToStream(stream, several(3), { ...classic, expectedRevision: 'no_stream' });
    const last = (await collect(client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })))[0];
    expect(result).toEqual({ success: true, nextExpectedRevision: 2n, position: last?.event?.position });
  },
  'says "no stream" for an empty append to nothing': async ({ client, fresh }) => {
    const stream = fresh();
    const result = await client.appendToStream(stream, [], classic);
    expect(result.success).toBe(true);
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
    raw.close();
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
  'takes the structured form of an id': async ({ client, server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const stream = fresh();
    const message = appendMessage((proposed) => {
      const id = proposed.getId();
      const structured = new (Object.getPrototypeOf(id).constructor.Structured)();
      structured.setMostSignificantBits('-1');
      structured.setLeastSignificantBits('1');
      id?.setStructured(structured);
    });
    await rawAppend(raw, [appendOptions(stream), message]);
    raw.close();
    expect((await collect(client.readStream(stream)))[0]?.event?.id).toBe('ffffffff-ffff-ffff-0000-000000000001');
  },
  'refuses an empty event id, an empty type and an empty stream name': async ({ server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const emptyId = appendMessage((proposed) => proposed.getId()?.setString('00000000-0000-0000-0000-000000000000'));
    const emptyType = appendMessage((proposed) => void proposed.getMetadataMap().set('type', ''));
    for (const requests of [
      [appendOptions(fresh()), emptyId],
      [appendOptions(fresh()), emptyType],
      [appendOptions(''), appendMessage()],
    ]) {
      expect((await rawAppend(raw, requests)).error?.code).toBeDefined();
    }
    raw.close();
  },
});

contract('3.2 batch append', {
  'answers the number and the position of the last event': async ({ client, fresh }) => {
    const stream = fresh();
    const result = await client.appendToStream(stream, several(3), { expectedRevision: 'no_stream' });
    const events = await collect(client.readStream(stream));
    expect(result).toEqual({ success: true, nextExpectedRevision: 2n, position: events[2]?.event?.position });
  },
  'puts together an append that comes in chunks': async ({ client, fresh }) => {
    const stream = fresh();
    const events = Array.from({ length: 20 }, () => binaryEvent({ type: 'Part', data: Buffer.alloc(10_000, 7) }));
    await client.appendToStream(stream, events, { batchAppendSize: 15_000 });
    const read = await collect(client.readStream(stream));
    expect(read.map(({ event }) => event?.id)).toEqual(events.map(({ id }) => id));
  },
  'keeps interleaved chunks of different appends apart': async ({ client, server, fresh }) => {
    const [first, second] = [randomUUID(), randomUUID()];
    const [one, two] = [fresh(), fresh()];
    const answers = await batch(server.connectionString, 2, (call) => {
      call.write(chunk(first, { options: batchOptions(one) }));
      call.write(chunk(second, { options: batchOptions(two), messages: [batchMessage()] }));
      call.write(chunk(first, { messages: [batchMessage(), batchMessage()] }));
      call.write(chunk(second, { messages: [batchMessage()], final: true }));
      call.write(chunk(first, { messages: [batchMessage()], final: true }));
    });
    expect(answers).toEqual([
      { id: second, stream: two, revision: '1', error: undefined, code: undefined },
      { id: first, stream: one, revision: '2', error: undefined, code: undefined },
    ]);
    expect(await collect(client.readStream(one))).toHaveLength(3);
  },
  'ignores chunks of an append that it does not know': async ({ server, fresh }) => {
    const known = randomUUID();
    const stream = fresh();
    const answers = await batch(server.connectionString, 1, (call) => {
      call.write(chunk(randomUUID(), { messages: [batchMessage()], final: true }));
      call.write(chunk(known, { options: batchOptions(stream), messages: [batchMessage()], final: true }));
    });
    expect(answers).toMatchObject([{ id: known, revision: '0' }]);
  },
  'answers "Timeout" at once when the deadline has passed': async ({ client, fresh }) => {
    const error = await failureOf(client.appendToStream(fresh(), happened(), { deadline: -1000 }));
    expect(error).toMatchObject({ type: 'deadline-exceeded' });
  },
  'answers "Timeout" when the rest of an append does not come': async ({ server, fresh }) => {
    const id = randomUUID();
    const stream = fresh();
    const answers = await batch(server.connectionString, 1, (call) => {
      call.write(chunk(id, { options: batchOptions(stream), messages: [batchMessage()] }));
    });
    expect(answers).toMatchObject([{ id, stream, error: 'event_store.client.Timeout', code: 4 }]);
  },
  'answers an append that is too large once and swallows the rest of it': async ({ server, fresh }) => {
    const [big, next] = [randomUUID(), randomUUID()];
    const answers = await batch(server.connectionString, 2, (call) => {
      call.write(chunk(big, { options: batchOptions(fresh()), messages: [batchMessage(undefined, 700_000)] }));
      call.write(chunk(big, { messages: [batchMessage(undefined, 700_000)] }));
      call.write(chunk(big, { messages: [batchMessage(undefined, 700_000)], final: true }));
      call.write(chunk(next, { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
    });
    expect(answers).toMatchObject([
      { id: big, error: 'event_store.client.MaximumAppendSizeExceeded', code: 3 },
      { id: next, revision: '0' },
    ]);
  },
  'tells the client the maximum append size': async ({ client, fresh }) => {
    const error = await failureOf(client.appendToStream(fresh(), binaryEvent({ type: 'Big', data: Buffer.alloc(1_048_577) })));
    expect(error).toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 1_048_576 });
  },
  'gives wrong expected versions with what was expected and what is': async ({ client, fresh }) => {
    const stream = fresh();
    expect(await failureOf(client.appendToStream(stream, happened(), { expectedRevision: 3n }))).toMatchObject({
      type: 'wrong-expected-version',
      expectedVersion: 3n,
      actualVersion: 'no_stream',
    });
    await client.appendToStream(stream, several(2));
    for (const expectedRevision of ['no_stream', 0n] as const) {
      const error = await failureOf(client.appendToStream(stream, happened(), { expectedRevision }));
      expect(error).toMatchObject({
        type: 'wrong-expected-version',
        expectedVersion: expectedRevision,
        actualVersion: 1n,
        streamName: stream,
      });
    }
  },
  'gives "stream deleted" for a tombstoned stream': async ({ client, fresh }) => {
    const stream = fresh();
    await client.tombstoneStream(stream);
    expect(await failureOf(client.appendToStream(stream, happened()))).toMatchObject({ type: 'stream-deleted', streamName: stream });
  },
  'takes a deadline as a point in time and as a span': async ({ server, fresh }) => {
    const id = randomUUID();
    const options = batchOptions(fresh());
    const seconds = BatchAppendReq.Options.deserializeBinary(
      Buffer.concat([Buffer.from(options.serializeBinary()), Buffer.from([0x3a, 0x02, 0x08, 0x05])]),
    );
    const answers = await batch(server.connectionString, 1, (call) => {
      call.write(chunk(id, { options: seconds, messages: [batchMessage()], final: true }));
    });
    expect(answers).toMatchObject([{ id, revision: '0' }]);
  },
  'ends the call only after the client half-closed and has every answer': async ({ server, fresh }) => {
    const raw = rawStreams(server.connectionString);
    const call = raw.batchAppend();
    const order: string[] = [];
    const ended = new Promise<void>((resolve, reject) => call.on('end', resolve).on('error', reject));
    call.on('data', () => order.push('answer'));
    call.write(chunk(randomUUID(), { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
    call.end();
    await ended;
    raw.close();
    expect(order).toEqual(['answer']);
  },
});
