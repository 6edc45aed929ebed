import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchedEventStore } from './launch.ts';
import { launchEventStore } from './launch.ts';

const streams = '/event_store.client.streams.Streams';
const persistent = '/event_store.client.persistent_subscriptions.PersistentSubscriptions';
const methods = [
  ...['Read', 'Append', 'BatchAppend', 'Delete', 'Tombstone'].map((name) => `${streams}/${name}`),
  ...['Create', 'Update', 'Delete', 'Read', 'GetInfo', 'ReplayParked', 'List'].map((name) => `${persistent}/${name}`),
];
const identity = (bytes: Buffer): Buffer => bytes;

let dir: string;
let server: LaunchedEventStore;
let bystander: EventStoreDBClient;
let raw: Client;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'eventstore-fuzz-'));
  server = await launchEventStore({ dir });
  bystander = EventStoreDBClient.connectionString(server.connectionString);
  raw = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
});

afterAll(async () => {
  raw.close();
  await bystander.dispose();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The one call that rightly stays open when it has all it wants: a read may be a subscription. */
const mayStayOpen = (path: string): boolean => path === `${streams}/Read`;

/** Sends messages on a call and gives the status with which the server ends it; a read that stays open is cancelled. */
function call(path: string, messages: readonly Buffer[]): Promise<number> {
  return new Promise((resolve) => {
    const duplex = raw.makeBidiStreamRequest(path, identity, identity, new Metadata(), {});
    const enough = mayStayOpen(path) ? setTimeout(() => duplex.cancel(), 300) : undefined;
    duplex.on('data', () => undefined);
    duplex.on('error', (error: ServiceError) => {
      clearTimeout(enough);
      resolve(error.code);
    });
    duplex.on('end', () => {
      clearTimeout(enough);
      resolve(0);
    });
    for (const message of messages) duplex.write(message);
    duplex.end();
  });
}

/** Calls methods at the same time and says how each call ended. */
async function outcomes(attempts: readonly (readonly [path: string, messages: readonly Uint8Array[]])[]) {
  return await Promise.all(
    attempts.map(async ([path, messages]) => {
      const code = await call(
        path,
        messages.map((bytes) => Buffer.from(bytes)),
      );
      return { path, code };
    }),
  );
}

/** OK, or an error about what was asked (12 for a second message where one is due): never that the server is gone, and a cancelled call only where it was we who cancelled it. */
const answers = new Set([0, 2, 3, 5, 6, 9, 12, 13]);
const isAnswered = ({ path, code }: { path: string; code: number }): boolean => answers.has(code) || (code === 1 && mayStayOpen(path));

/** Another client appends and reads as if nothing had happened. */
async function othersDoNotNotice(): Promise<void> {
  const stream = `Bystander-${Math.random()}`;
  await bystander.appendToStream(stream, jsonEvent({ type: 'Seen', data: {} }));
  let count = 0;
  for await (const { event } of bystander.readStream(stream)) if (event) count += 1;
  expect(count).toBe(1);
}

const varint = (value: number): Buffer =>
  value < 0x80 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), varint(value >>> 7)]);
const field = (number: number, content: Buffer): Buffer => Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);

/** Bytes that look like protobuf: small field numbers, all wire types, nested a few levels deep. */
const protobuf: fc.Arbitrary<Buffer> = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
  message: fc.array(tie('field'), { maxLength: 5 }).map((fields) => Buffer.concat(fields)),
  field: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(fc.integer({ min: 1, max: 17 }), fc.uint8Array({ maxLength: 40 })).map(([number, bytes]) => field(number, Buffer.from(bytes))),
    fc.tuple(fc.integer({ min: 1, max: 17 }), fc.nat()).map(([number, value]) => Buffer.concat([varint(number << 3), varint(value)])),
    fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 7 })).map(([number, type]) => varint((number << 3) | type)),
    fc.tuple(fc.integer({ min: 1, max: 10 }), tie('message')).map(([number, content]) => field(number, content)),
  ),
})).message;

describe('malformed requests', () => {
  it('random bytes get a status or a closed call, on every method', async () => {
    const attempts = fc.tuple(fc.constantFrom(...methods), fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(attempts, { minLength: 8, maxLength: 8 }), async (batch) => {
        expect((await outcomes(batch)).filter((outcome) => !isAnswered(outcome))).toEqual([]);
      }),
      { numRuns: 15 },
    );
    await othersDoNotNotice();
  });

  it('things that look like requests get a status or a closed call, on every method', async () => {
    const attempts = fc.tuple(fc.constantFrom(...methods), fc.array(protobuf, { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(attempts, { minLength: 8, maxLength: 8 }), async (batch) => {
        expect((await outcomes(batch)).filter((outcome) => !isAnswered(outcome))).toEqual([]);
      }),
      { numRuns: 40 },
    );
    await othersDoNotNotice();
  });

  it('a request that breaks off is a typed error', async () => {
    const request = field(1, field(1, field(1, field(3, Buffer.from('Stream-1')))));
    for (let length = 1; length < request.length; length += 1)
      expect(await call(`${streams}/Delete`, [request.subarray(0, length)])).toBeGreaterThan(0);
    await othersDoNotNotice();
  });

  it('a name that is not UTF-8 is a typed error', async () => {
    const options = Buffer.concat([field(1, field(3, Buffer.from([0xc3, 0x28]))), field(4, Buffer.alloc(0))]);
    for (const method of ['Delete', 'Tombstone', 'Append']) expect(await call(`${streams}/${method}`, [field(1, options)])).toBe(3);
    await othersDoNotNotice();
  });

  it('a huge name works or is refused, and is cut in the trailers', async () => {
    const name = 'x'.repeat(200_000);
    const append = bystander.appendToStream(name, jsonEvent({ type: 'Seen', data: {} }), { expectedRevision: 5n });
    await expect(append).rejects.toMatchObject({ type: 'wrong-expected-version' });
    await bystander.tombstoneStream(name);
    await expect(bystander.deleteStream(name)).rejects.toMatchObject({ type: 'stream-deleted' });
    await othersDoNotNotice();
  });

  it('a name full of control characters and lone surrogates reaches the trailers as ASCII', async () => {
    const name = `\u0000\r\n\u001b%${String.fromCodePoint(0x1f4a9)}`;
    await bystander.tombstoneStream(name);
    await expect(bystander.deleteStream(name)).rejects.toMatchObject({ type: 'stream-deleted' });
    await othersDoNotNotice();
  });

  it('an oversize message closes its own call only', async () => {
    expect(await call(`${streams}/BatchAppend`, [Buffer.alloc(18 * 1024 * 1024)])).toBe(8);
    await othersDoNotNotice();
  });

  it('a connection that does not speak HTTP/2 is closed', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'));
      socket.on('close', () => resolve());
      socket.on('error', () => undefined);
      socket.resume();
    });
    await othersDoNotNotice();
  });

  it('expressions that cannot be are refused', async () => {
    for (const regex of ['(', '[z-a]', '(?<=', '\\Aabc(?i)', '*', '\\p{Nonsense}']) {
      const subscription = bystander.subscribeToAll({
        filter: { filterOn: 'eventType', regex, prefixes: [], checkpointInterval: 1, maxSearchWindow: 32 } as never,
      });
      await new Promise<void>((resolve) => void subscription.on('error', () => resolve()));
    }
    await othersDoNotNotice();
  });

  it('an expression that goes back and forth for ever holds nobody up', async () => {
    const type = `${'a'.repeat(60)}!`;
    await bystander.appendToStream('Backtracking-1', jsonEvent({ type, data: {} }));
    for (const [regex, outcome] of [
      ['^(a+)+$', 'caughtUp'],
      ['(a|aa)+$', 'caughtUp'],
      ['^(?!b)(a+)+$', 'error'],
    ] as const) {
      const subscription = bystander.subscribeToAll({
        filter: { filterOn: 'eventType', regex, prefixes: [], checkpointInterval: 1, maxSearchWindow: 32 } as never,
      });
      subscription.on('error', () => undefined);
      await new Promise<void>((resolve) => void subscription.on(outcome, () => resolve()));
      await othersDoNotNotice();
      await subscription.unsubscribe().catch(() => undefined);
    }
  });
});
