import { EventStoreDBClient } from '@eventstore/db-client';
import features from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { credentials } from '@grpc/grpc-js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { collect, contract, classic, failureOf, happened, Recorder, several } from './contract.ts';
import { appendMessage, appendOptions, batchMessage, batchOptions, chunk, Empty, rawStreams } from './raw-client.ts';
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
    expect(response.getEventStoreServerVersion()).toMatch(/^2\d\.\d+\.\d+/);
  },
  'says which features a method has': async ({ server }) => {
    const methods = (await supported(server.connectionString)).getMethodsList();
    const featuresOf = (service: string, name: string) =>
      methods.find((method) => method.getServiceName().endsWith(service) && method.getMethodName() === name)?.getFeaturesList();
    expect(featuresOf('streams.streams', 'read')).toEqual(['position', 'events']);
    expect(featuresOf('streams.streams', 'batchappend')).toEqual(['deadline_duration']);
    expect(featuresOf('.persistentsubscriptions', 'create')).toEqual(['stream', 'all']);
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
  'is found by discovery as a cluster of one leader': async ({ server, fresh }) => {
    const { host } = new URL(server.connectionString);
    const discovering = EventStoreDBClient.connectionString(`esdb+discover://${host}?tls=false`);
    const stream = fresh();
    await discovering.appendToStream(stream, happened());
    expect(await collect(discovering.readStream(stream))).toHaveLength(1);
    await discovering.dispose();
  },
});

contract('1 error mapping', {
  'a name that is not ASCII reaches the client in its errors': async ({ client, fresh }) => {
    const stream = fresh('Größe ☃');
    await client.tombstoneStream(stream);
    const error = await failureOf(collect(client.readStream(stream)));
    expect(error['type']).toBe('stream-deleted');
    expect(decodeURIComponent(String(error['streamName']))).toBe(stream);
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

  it('SIGTERM: what was acknowledged before is there afterwards', async () => {
    const { client, terminate } = await stopping();
    const acknowledged: string[] = [];
    const writing = Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let round = 0; ; round += 1) {
          const events = several(3);
          try {
            await client.appendToStream(`Writer-${writer}`, events);
          } catch {
            return;
          }
          acknowledged.push(...events.map(({ id }) => id));
          if (acknowledged.length > 300) terminate();
        }
      }),
    );
    await writing;
    await client.dispose();
    expect(acknowledged.length).toBeGreaterThan(300);
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
