import { binaryEvent, EventStoreDBClient } from '@eventstore/db-client';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import type { MemberInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchedEventStore } from '../launch.ts';
import { launchEventStore } from '../launch.ts';
import { classic, collect, contract, failureOf, happened, Recorder, several } from './contract.ts';
import { consume, createGroup, infoOf, toStreamSettings } from './groups.ts';
import { appendMessage, appendOptions, batchMessage, batchOptions, chunk, dashed, Empty, rawStreams } from './raw-client.ts';
import type { RunningServer } from './servers.ts';
import { embedded } from './servers.ts';

function supported(connectionString: string): Promise<SupportedMethods> {
  const client = new features.ServerFeaturesClient(new URL(connectionString).host, credentials.createInsecure());
  return new Promise<SupportedMethods>((resolve, reject) => {
    client.getSupportedMethods(new Empty(), (error, response) => (error ? reject(error) : resolve(response)));
  }).finally(() => client.close());
}

contract('2 server features and gossip', {
  'names every method of streams and of persistent subscriptions in lower case, and its version': async ({ server }) => {
    const response = await supported(server.connectionString);
    const methods = response.getMethodsList().map((method) => `${method.getServiceName()}/${method.getMethodName()}`);
    const streams = ['read', 'append', 'delete', 'tombstone', 'batchappend'].map((name) => `event_store.client.streams.streams/${name}`);
    const persistent = ['create', 'update', 'delete', 'read', 'getinfo', 'replayparked', 'list', 'restartsubsystem'].map(
      (name) => `event_store.client.persistent_subscriptions.persistentsubscriptions/${name}`,
    );
    expect(methods).toEqual(expect.arrayContaining([...streams, ...persistent]));
    expect(methods.join()).toBe(methods.join().toLowerCase());
    const [major = 0, minor = 0] = response.getEventStoreServerVersion().split('.').map(Number);
    expect(major * 100 + minor).toBeGreaterThanOrEqual(2310);
  },
  'says which features a method has': async ({ server }) => {
    const methods = (await supported(server.connectionString)).getMethodsList();
    const featuresOf = (service: string) =>
      Object.fromEntries(
        methods
          .filter((method) => method.getServiceName().endsWith(service))
          .map((method) => [method.getMethodName(), method.getFeaturesList()]),
      );
    expect(featuresOf('streams.streams')).toMatchObject({ read: ['position', 'events'], batchappend: ['deadline_duration'] });
    const groups = Object.values(featuresOf('.persistentsubscriptions'));
    expect(groups).toEqual(groups.map(() => ['stream', 'all']));
  },
  'an unknown method is "unimplemented"': async ({ server }) => {
    const raw = rawStreams(server.connectionString);
    const error = await new Promise<{ code: number } | null>((resolve) => {
      const encode = (): Buffer => Buffer.alloc(0);
      raw.makeUnaryRequest('/event_store.client.users.Users/Create', encode, encode, {}, (failure) => resolve(failure));
    });
    raw.close();
    expect(error?.code).toBe(12);
  },
  'gossips about one living leader': async ({ server }) => {
    const gossip = new gossipGrpc.GossipClient(new URL(server.connectionString).host, credentials.createInsecure());
    const members = await new Promise<MemberInfo[]>((resolve, reject) => {
      gossip.read(new Empty(), (error, response) => (error ? reject(error) : resolve(response.getMembersList())));
    });
    gossip.close();
    expect(members.map((member) => [member.getState(), member.getIsAlive()])).toEqual([[8, true]]);
    const [member] = members;
    expect(dashed(member?.getInstanceId())).toMatch(/^[0-9a-f-]{36}$/);
    expect(member?.getHttpEndPoint()?.getAddress()).toBeTruthy();
    expect(member?.getHttpEndPoint()?.getPort()).toBeGreaterThan(0);
    expect(Math.abs(Number(BigInt(member?.getTimeStamp() ?? 0) / 10_000n) - Date.now())).toBeLessThan(3_600_000);
  },
  'is found by discovery as a cluster of one leader': async ({ server, fresh }) => {
    const { host } = new URL(server.connectionString);
    const discovering = EventStoreDBClient.connectionString(`esdb+discover://${host}?tls=false`);
    const stream = fresh();
    await discovering.appendToStream(stream, happened());
    expect(await collect(discovering.readStream(stream))).toHaveLength(1);
    await discovering.dispose();
  },
});

const bothNames = (stream: string, exception: string) => ({ exception, 'stream-name': stream, 'group-name': 'group' });

contract('1 error mapping', {
  'every failure has its status, its exception, and the trailers that the client needs': async (peer) => {
    const { client, fresh } = peer;
    const [gone, stream] = [fresh(), fresh()];
    await client.tombstoneStream(gone);
    await client.appendToStream(stream, several(2));
    await createGroup(peer, stream, { maxSubscriberCount: 1 });
    const first = consume(peer, stream);
    await first.has(2);
    const second = consume(peer, stream);
    await second.said('error');
    await client.updatePersistentSubscriptionToStream(stream, 'group', toStreamSettings());
    await first.said('error');
    const deleted = { exception: 'stream-deleted', 'stream-name': gone };
    const wrong = { exception: 'wrong-expected-version', 'stream-name': stream, 'actual-version': '1' };
    const tooBig = binaryEvent({ type: 'Big', data: Buffer.alloc(1_048_577) });
    const noRoom = { readBatchSize: 20, historyBufferSize: 20 };
    for (const [attempt, code, trailers] of [
      [() => collect(client.readStream(gone)), 9, deleted],
      [() => client.appendToStream(gone, happened(), classic), 9, deleted],
      [() => client.deleteStream(gone), 9, deleted],
      [() => client.tombstoneStream(gone), 9, deleted],
      [() => client.deleteStream(stream, { expectedRevision: 0n }), 9, { ...wrong, 'expected-version': '0' }],
      [() => client.tombstoneStream(stream, { expectedRevision: 'no_stream' }), 9, { ...wrong, 'expected-version': '-1' }],
      [
        () => client.appendToStream(stream, tooBig, classic),
        3,
        { exception: 'maximum-append-size-exceeded', 'maximum-append-size': '1048576' },
      ],
      [() => createGroup(peer, stream), 6, bothNames(stream, 'persistent-subscription-exists')],
      [() => infoOf(peer, gone), 5, bothNames(gone, 'persistent-subscription-does-not-exist')],
      [() => createGroup(peer, gone, noRoom), 13, { ...bothNames(gone, 'persistent-subscription-failed'), reason: expect.any(String) }],
      [() => Promise.reject(second.error ?? new Error('none')), 9, bothNames(stream, 'maximum-subscribers-reached')],
      [() => Promise.reject(first.error ?? new Error('none')), 1, bothNames(stream, 'persistent-subscription-dropped')],
    ] as [() => Promise<unknown>, number, Record<string, unknown>][]) {
      const error = await failureOf(attempt());
      expect([error['code'], (error['_raw'] as ServiceError).metadata.getMap()]).toEqual([code, expect.objectContaining(trailers)]);
    }
  },
  'names that are not ASCII reach the client in its errors': async ({ client, fresh }) => {
    const stream = fresh('Größe ☃');
    await client.tombstoneStream(stream);
    const error = await failureOf(collect(client.readStream(stream)));
    expect(error['type']).toBe('stream-deleted');
    expect(decodeURIComponent(String(error['streamName']))).toBe(stream);
    const missing = await failureOf(client.getPersistentSubscriptionToStreamInfo(stream, 'Grüppe'));
    expect([missing['streamName'], missing['groupName']].map((name) => decodeURIComponent(String(name)))).toEqual([stream, 'Grüppe']);
  },
});

describe('8 shutdown (embedded)', () => {
  let server: RunningServer | undefined;
  afterEach(async () => {
    await server?.stop();
  });

  async function stopping(): Promise<{ client: EventStoreDBClient; connectionString: string; terminate: () => void; kill: () => void }> {
    const running = await embedded.start();
    server = running;
    const client = EventStoreDBClient.connectionString(running.connectionString);
    const signal = (name: NodeJS.Signals) => () => void process.kill(running.pid ?? 0, name);
    return { client, connectionString: running.connectionString, terminate: signal('SIGTERM'), kill: signal('SIGKILL') };
  }

  it('SIGTERM: a classic append in flight is "unavailable"', async () => {
    const { client, connectionString, terminate } = await stopping();
    const raw = rawStreams(connectionString);
    const failed = new Promise<number | undefined>((resolve) => {
      const call = raw.append((error) => resolve(error?.code));
      call.write(appendOptions('Stopping-1'));
      call.write(appendMessage());
      call.once('error', () => undefined);
    });
    await client.appendToStream('Other-1', happened(), classic);
    terminate();
    expect(await failed).toBe(14);
    raw.close();
    await client.dispose();
  });

  it('SIGTERM: batch call and subscription are "cancelled"', async () => {
    const { client, connectionString, terminate } = await stopping();
    const raw = rawStreams(connectionString);
    const batch = raw.batchAppend();
    batch.write(chunk(randomUUID(), { options: batchOptions('Stopping-2'), messages: [batchMessage()], final: true }));
    await once(batch, 'data');
    const failed = once(batch, 'error') as Promise<[{ code: number }]>;
    const subscription = new Recorder(client.subscribeToAll());
    await subscription.said('caughtUp');
    terminate();
    await subscription.said('error');
    expect(subscription.error?.['type']).toBe('cancelled');
    expect((await failed.catch(([error]: [{ code: number }]) => [error] as const))[0].code).toBe(1);
    raw.close();
    await client.dispose();
  });

  it('kill -9: every call is "unavailable"', async () => {
    const { client, kill } = await stopping();
    const subscription = new Recorder(client.subscribeToAll());
    await subscription.said('caughtUp');
    kill();
    await subscription.said('error');
    expect(subscription.error?.['type']).toBe('unavailable');
    await client.dispose();
  });
});

describe('3.3 and 8 a restart (embedded)', () => {
  let dir: string;
  let running: LaunchedEventStore;
  let client: EventStoreDBClient;
  const start = async (): Promise<void> => {
    running = await launchEventStore({ dir });
    client = EventStoreDBClient.connectionString(running.connectionString);
  };
  const terminate = (): void => void process.kill(running.pid, 'SIGTERM');
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'eventstore-restart-'));
    await start();
  });
  afterEach(async () => {
    await client.dispose();
    await running.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('what was acknowledged before SIGTERM is there afterwards', async () => {
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    await Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        while (failures.length === 0) {
          const events = several(3);
          await client.appendToStream(`Writer-${writer}`, events).then(
            () => acknowledged.push(...events.map(({ id }) => id)),
            (error: { type: unknown }) => failures.push(error.type),
          );
          if (acknowledged.length > 300) terminate();
        }
      }),
    );
    await running.exited;
    await client.dispose();
    await start();
    const there = new Set((await collect(client.readAll())).map(({ event }) => event?.id));
    expect(acknowledged.length).toBeGreaterThan(300);
    expect(acknowledged.filter((id) => !there.has(id))).toEqual([]);
    for (const type of failures) expect(['cancelled', 'unavailable']).toContain(type);
  });

  it('retries of appends at a revision are still recognised, those of appends with any are not', async () => {
    const [exact, any] = [several(2), several(2)];
    const first = await client.appendToStream('Exact-1', exact, { expectedRevision: 'no_stream' });
    await client.appendToStream('Any-1', any);
    terminate();
    await running.exited;
    await client.dispose();
    await start();
    expect(await client.appendToStream('Exact-1', exact, { expectedRevision: 'no_stream' })).toEqual(first);
    expect(await client.appendToStream('Any-1', any)).toMatchObject({ nextExpectedRevision: 3n });
    expect(await collect(client.readStream('Exact-1'))).toHaveLength(2);
  });
});
