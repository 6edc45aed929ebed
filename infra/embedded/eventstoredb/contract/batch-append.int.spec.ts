import { binaryEvent } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { collect, contract, failureOf, happened, several } from './contract.ts';
import { batch, chunkWithDeadline } from './raw-batch.ts';
import {
  batchMessage,
  batchOptions,
  chunk,
  Empty,
  rawStreams,
  StreamDeleted,
  structuredUuid,
  uuid,
  WrongExpectedVersion,
} from './raw-client.ts';

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
      { id: second, stream: two, revision: '1' },
      { id: first, stream: one, revision: '2' },
    ]);
    expect(await collect(client.readStream(one))).toHaveLength(3);
  },
  'ignores chunks of an append that it does not know, or has answered': async ({ server, fresh }) => {
    const [known, next] = [randomUUID(), randomUUID()];
    const answers = await batch(server.connectionString, 2, (call) => {
      call.write(chunk(randomUUID(), { messages: [batchMessage()], final: true }));
      call.write(chunk(known, { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
      call.once('data', () => {
        call.write(chunk(known, { messages: [batchMessage()], final: true }));
        call.write(chunk(next, { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
      });
    });
    expect(answers).toMatchObject([
      { id: known, revision: '0' },
      { id: next, revision: '0' },
    ]);
  },
  'says "no stream" and "no position" for an empty append to nothing': async ({ server, fresh }) => {
    const id = randomUUID();
    const stream = fresh();
    const answers = await batch(server.connectionString, 1, (call) =>
      call.write(chunk(id, { options: batchOptions(stream), final: true })),
    );
    expect(answers).toEqual([{ id, stream, nothing: true }]);
  },
  'takes structured ids and upper-case ones': async ({ client, server, fresh }) => {
    const [id, eventId] = ['80000000-0000-0001-7fff-ffffffffffff', randomUUID()];
    const stream = fresh();
    const answers = await batch(server.connectionString, 1, (call) => {
      const message = batchMessage(eventId.toUpperCase());
      const request = chunk(randomUUID(), { options: batchOptions(stream), messages: [message], final: true });
      request.setCorrelationId(structuredUuid('-9223372036854775807', '9223372036854775807'));
      call.write(request);
    });
    expect(answers).toMatchObject([{ id, stream, revision: '0' }]);
    expect((await collect(client.readStream(stream)))[0]?.event?.id).toBe(eventId);
  },
  'answers "Timeout" at once when the deadline has passed': async ({ client, fresh }) => {
    const error = await failureOf(client.appendToStream(fresh(), happened(), { deadline: -1000 }));
    expect(error).toMatchObject({ type: 'deadline-exceeded' });
  },
  'answers "Timeout" when the rest of an append does not come; what comes later is swallowed, and nothing is written': async ({
    client,
    server,
    fresh,
  }) => {
    const [patient, hasty, next] = [randomUUID(), randomUUID(), randomUUID()];
    const [one, two] = [fresh(), fresh()];
    const answers = await batch(server.connectionString, 3, (call) => {
      call.write(chunk(patient, { options: batchOptions(one), messages: [batchMessage()] }));
      call.write(chunkWithDeadline(hasty, two, { field: 7, milliseconds: 300 }, false));
      let answered = 0;
      call.on('data', () => {
        answered += 1;
        if (answered !== 2) return;
        for (const late of [patient, hasty]) call.write(chunk(late, { messages: [batchMessage()], final: true }));
        call.write(chunk(next, { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
      });
    });
    const timeout = { error: 'event_store.client.Timeout', code: 4 };
    // Without a deadline of its own an append has two seconds.
    expect(answers).toMatchObject([
      { id: hasty, stream: two, ...timeout },
      { id: patient, stream: one, ...timeout },
      { id: next, revision: '0' },
    ]);
    for (const stream of [one, two]) expect((await failureOf(collect(client.readStream(stream))))['type']).toBe('stream-not-found');
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
  'a single message of several MiB is too large, and the call lives on': async ({ server, fresh }) => {
    const [first, second, next] = [randomUUID(), randomUUID(), randomUUID()];
    const answers = await batch(server.connectionString, 3, (call) => {
      call.write(chunk(first, { options: batchOptions(fresh()), messages: [batchMessage(undefined, 5 << 20)], final: true }));
      call.write(chunk(second, { options: batchOptions(fresh()), messages: [batchMessage(undefined, 16_700_000)], final: true }));
      call.write(chunk(next, { options: batchOptions(fresh()), messages: [batchMessage()], final: true }));
    });
    const tooLarge = { error: 'event_store.client.MaximumAppendSizeExceeded', code: 3 };
    expect(answers).toMatchObject([
      { id: first, ...tooLarge },
      { id: second, ...tooLarge },
      { id: next, revision: '0' },
    ]);
  },
  'a malformed append is a bad request, and the call lives on': async ({ server, fresh }) => {
    const changed = (change: (message: ReturnType<typeof batchMessage>) => unknown) => {
      const message = batchMessage();
      change(message);
      return { options: batchOptions(fresh()), messages: [message], final: true };
    };
    const malformed = [
      changed((message) => message.clearId()),
      changed((message) => message.setId(uuid('00000000-0000-0000-0000-000000000000'))),
      changed((message) => message.setId(uuid('no uuid'))),
      changed((message) => message.getMetadataMap().set('type', '')),
      changed((message) => message.getMetadataMap().del('type')),
      changed((message) => message.getMetadataMap().del('content-type')),
      { options: batchOptions(''), messages: [batchMessage()], final: true },
    ];
    for (const content of malformed) {
      const [bad, good] = [randomUUID(), randomUUID()];
      const answers = await batch(server.connectionString, 2, (call) => {
        call.write(chunk(bad, content));
        call.once('data', () => call.write(chunk(good, { options: batchOptions(fresh()), messages: [batchMessage()], final: true })));
      });
      expect(answers).toMatchObject([
        { id: bad, error: 'event_store.client.BadRequest', code: 3 },
        { id: good, revision: '0' },
      ]);
    }
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
  'a wrong expected version is code 6, and names what was expected, in words too': async ({ client, server, fresh }) => {
    const [known, unknown, eventId] = [fresh(), fresh(), randomUUID()];
    await client.appendToStream(known, [...several(2), { ...happened(), id: eventId }]);
    for (const [stream, expecting, answered] of [
      [known, (options) => options.setNoStream(new Empty() as never), { currentStreamRevision: '2', expectedNoStream: {} }],
      [known, (options) => options.setStreamPosition('0'), { currentStreamRevision: '2', expectedStreamPosition: '0' }],
      [known, (options) => options.setAny(new Empty() as never), { currentStreamRevision: '2', expectedAny: {} }],
      [unknown, (options) => options.setStreamExists(new Empty() as never), { currentNoStream: {}, expectedStreamExists: {} }],
    ] as [string, (options: ReturnType<typeof batchOptions>) => unknown, object][]) {
      const options = batchOptions(stream);
      expecting(options);
      const [answer] = await batch(server.connectionString, 1, (call) => {
        call.write(chunk(randomUUID(), { options, messages: [batchMessage(eventId), batchMessage()], final: true }));
      });
      expect(answer).toMatchObject({ stream, error: 'event_store.client.WrongExpectedVersion', code: 6 });
      expect(WrongExpectedVersion.deserializeBinary(answer?.details ?? new Uint8Array()).toObject()).toMatchObject(answered);
    }
  },
  '"stream deleted" is code 5, with the name of the stream': async ({ client, server, fresh }) => {
    const stream = fresh();
    await client.tombstoneStream(stream);
    const [answer] = await batch(server.connectionString, 1, (call) => {
      call.write(chunk(randomUUID(), { options: batchOptions(stream), messages: [batchMessage()], final: true }));
    });
    expect(answer).toMatchObject({ stream, error: 'event_store.client.StreamDeleted', code: 5 });
    const details = StreamDeleted.deserializeBinary(answer?.details ?? new Uint8Array());
    expect(Buffer.from(details.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
  },
  'gives "stream deleted" for a tombstoned stream': async ({ client, fresh }) => {
    const stream = fresh();
    await client.tombstoneStream(stream);
    expect(await failureOf(client.appendToStream(stream, happened()))).toMatchObject({ type: 'stream-deleted', streamName: stream });
  },
  'takes a deadline as a point in time and as a span': async ({ server, fresh }) => {
    for (const [field, later, past] of [
      [6, Date.now() + 5000, Date.now() - 5000],
      [7, 5000, 0],
    ] as const) {
      const [good, late] = [randomUUID(), randomUUID()];
      const answers = await batch(server.connectionString, 2, (call) => {
        call.write(chunkWithDeadline(late, fresh(), { field, milliseconds: past }, true));
        call.write(chunkWithDeadline(good, fresh(), { field, milliseconds: later }, true));
      });
      expect(answers).toMatchObject([
        { id: late, error: 'event_store.client.Timeout', code: 4 },
        { id: good, revision: '0' },
      ]);
    }
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
