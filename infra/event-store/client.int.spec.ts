import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { EventStoreClient, type EventStoreOptions } from './client.ts';
import { AppendTooLarge, EventStoreUnavailable, NoAnswer, NotSerialisable, StreamGone, WrongRevision } from './errors.ts';
import { sent, startScriptedServer, written, type BatchCall, type ReadCall, type Script, type ScriptedServer } from './scripted-server.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function scripted(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  cleanUp.push(() => server.stop());
  return server;
}

async function embedded(dir = mkdtempSync(join(tmpdir(), 'client-')), port = 0): Promise<LaunchedEventStore & { dir: string }> {
  const server = await launchEventStore({ dir, port });
  cleanUp.push(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return { ...server, dir };
}

function clientOf(server: { connectionString: string }, options: Partial<EventStoreOptions> = {}): EventStoreClient {
  const client = new EventStoreClient({ connectionString: server.connectionString, appendTimeoutMs: 200, readTimeoutMs: 200, ...options });
  cleanUp.push(() => client.close());
  return client;
}

const counted = (n = 1) => jsonEvent({ type: 'Counted', data: { n } });

/** What arrives at a scripted server, as far as it matters here: the ids and the expected revision of each append. */
function batches(onRequest: (call: BatchCall, request: Parameters<typeof written>[0], nth: number) => void) {
  const seen: { ids: string[]; expected: string }[] = [];
  const batchAppend = (call: BatchCall): void => {
    call.on('data', (request: Parameters<typeof written>[0]) => {
      const options = request.getOptions();
      const ids = request.getProposedMessagesList().map((message) => message.getId()?.getString() ?? '');
      seen.push({ ids, expected: options?.hasNoStream() === true ? 'no_stream' : (options?.getStreamPosition() ?? '') });
      onRequest(call, request, seen.length);
    });
    call.on('error', () => undefined);
  };
  return { seen, batchAppend };
}

const fail = (call: BatchCall | ReadCall, code: number, details: string): boolean =>
  call.emit('error', Object.assign(new Error(details), { code, details }));
const UNAVAILABLE = 14;

describe('An append', () => {
  it('that is never answered is sent again over a new connection, the very same', async () => {
    const { seen, batchAppend } = batches((call, request, nth) => {
      if (nth > 1) call.write(written(request, 5));
    });
    const client = clientOf(await scripted({ batchAppend }));
    expect(await client.append('Tally-1', [counted(), counted()], 3)).toEqual({ revision: 5, position: 600n });
    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]?.expected).toBe('3');
  });

  it('outlives a server that ends the batch stream as if all were well', async () => {
    const { batchAppend } = batches((call, request, nth) => {
      if (nth === 2) call.end();
      else call.write(written(request, nth));
    });
    const client = clientOf(await scripted({ batchAppend }));
    await client.append('Tally-1', [counted()], 'no_stream');
    const during = client.append('Tally-2', [counted()], 'no_stream');
    await expect(during).resolves.toMatchObject({ revision: 3 });
    await expect(client.append('Tally-3', [counted()], 'no_stream')).resolves.toMatchObject({ revision: 4 });
  });

  it('outlives the failure of another client, whose error rejects the appends of all', async () => {
    let answerLate: (() => void) | undefined;
    const healthy = batches((call, request, nth) => {
      if (nth === 1) answerLate = () => call.write(written(request, 0));
      else call.write(written(request, 0));
    });
    const broken = batches((call, request, nth) => {
      if (nth > 1) return void call.write(written(request, 7));
      fail(call, UNAVAILABLE, 'gone');
      answerLate?.();
    });
    const one = clientOf(await scripted({ batchAppend: healthy.batchAppend }), { appendTimeoutMs: 5_000 });
    const two = clientOf(await scripted({ batchAppend: broken.batchAppend }), { appendTimeoutMs: 5_000 });
    const waiting = one.append('Tally-1', [counted()], 'no_stream');
    while (answerLate === undefined) await new Promise(setImmediate);
    await expect(two.append('Tally-2', [counted()], 'no_stream')).resolves.toMatchObject({ revision: 7 });
    await expect(waiting).resolves.toMatchObject({ revision: 0 });
    expect(healthy.seen[1]).toEqual(healthy.seen[0]);
  });

  it('whose connection broke after the write is recognised and happens once', async () => {
    const log = new Set<string>();
    const { seen, batchAppend } = batches((call, request, nth) => {
      for (const id of seen.at(-1)?.ids ?? []) log.add(id);
      if (nth === 1) fail(call, UNAVAILABLE, 'just after the write');
      else call.write(written(request, 0));
    });
    const client = clientOf(await scripted({ batchAppend }));
    await expect(client.append('Tally-1', [counted()], 'no_stream')).resolves.toMatchObject({ revision: 0 });
    expect(log.size).toBe(1);
  });

  it('of many at once survives kill -9 of the store, each written once', async () => {
    const first = await embedded();
    const client = clientOf(first, { appendTimeoutMs: 2_000 });
    await client.append('Tally-0', [counted()], 'no_stream');
    const appends = Array.from({ length: 200 }, async (_, i) => {
      for (let n = 0; n < 3; n++) await client.append(`Tally-kill-${i}`, [counted(n)], n === 0 ? 'no_stream' : n - 1);
    });
    await appends[0];
    first.kill();
    await first.exited;
    await embedded(first.dir, first.port);
    await Promise.all(appends);
    for (let i = 0; i < 200; i++) {
      const events = await client.read(`Tally-kill-${i}`);
      expect(events.map(({ data }) => (data as { n: number }).n)).toEqual([0, 1, 2]);
    }
  });

  it('gets over a failing question for the features of the server, an error without a type', async () => {
    let asked = 0;
    const { batchAppend } = batches((call, request) => call.write(written(request, 0)));
    const features = (): Error | undefined => (++asked === 1 ? new Error('not ready') : undefined);
    const client = clientOf(await scripted({ batchAppend, features }));
    await expect(client.append('Tally-1', [counted()], 'no_stream')).resolves.toMatchObject({ revision: 0 });
  });

  it('is given up in the end, and says that the write may have happened', async () => {
    const { seen, batchAppend } = batches(() => undefined);
    const client = clientOf(await scripted({ batchAppend }), { appendTimeoutMs: 50, retryForMs: 200 });
    await expect(client.append('Tally-1', [counted()], 'no_stream')).rejects.toThrow(EventStoreUnavailable);
    expect(seen.length).toBeGreaterThan(1);
  });

  it('that waits when the client is closed fails at once', async () => {
    const { batchAppend } = batches(() => undefined);
    const client = clientOf(await scripted({ batchAppend }), { appendTimeoutMs: 60_000 });
    const waiting = client.append('Tally-1', [counted()], 'no_stream');
    await Promise.all([expect(waiting).rejects.toThrow(EventStoreUnavailable), client.close()]);
  });

  it('at the wrong revision says where the stream is, in numbers', async () => {
    const client = clientOf(await embedded());
    await expect(client.append('Tally-1', [counted()], 4)).rejects.toMatchObject({ expected: 4, actual: undefined });
    await expect(client.append('Tally-1', [counted(), counted()], 'no_stream')).resolves.toMatchObject({ revision: 1 });
    const late = client.append('Tally-1', [counted()], 'no_stream');
    await expect(late).rejects.toThrow(WrongRevision);
    await expect(late).rejects.toMatchObject({ expected: 'no_stream', actual: 1 });
  });

  it('tells an idempotent retry by the revision of the events, not by the end of the stream', async () => {
    const client = clientOf(await embedded());
    const events = [counted(), counted()];
    const first = await client.append('Tally-1', events, 'no_stream');
    await client.append('Tally-1', [counted()], 1);
    expect(await client.append('Tally-1', events, 'no_stream')).toEqual(first);
  });

  it.each([-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1])('at the revision %p is a mistake', async (revision) => {
    const { seen, batchAppend } = batches(() => undefined);
    const client = clientOf(await scripted({ batchAppend }));
    await expect(client.append('Tally-1', [counted()], revision)).rejects.toThrow(RangeError);
    expect(seen).toEqual([]);
  });

  it('of what JSON cannot hold fails at once, instead of never', async () => {
    const client = clientOf(await embedded());
    const cycle: Record<string, unknown> = {};
    cycle['itself'] = cycle;
    for (const data of [{ amount: 5n }, cycle])
      await expect(
        client.append('Tally-1', [jsonEvent({ type: 'Counted', data: data as unknown as { amount: string } })], 'no_stream'),
      ).rejects.toThrow(NotSerialisable);
    await expect(client.append('Tally-1', [counted()], 'no_stream')).resolves.toMatchObject({ revision: 0 });
  });

  it('is stored as JSON, letter for letter', async () => {
    const client = clientOf(await embedded());
    const [data, metadata] = [{ text: 'größer 🙂 "quoted"', list: [1, null], empty: {} }, { why: 'wegen ü' }];
    await client.append('Tally-1', [jsonEvent({ type: 'Counted', data, metadata }), counted()], 'no_stream');
    expect(await client.read('Tally-1')).toMatchObject([
      { isJson: true, data, metadata },
      { isJson: true, data: { n: 1 } },
    ]);
  });

  it('that is too large is not sent, and disturbs nobody', async () => {
    const client = clientOf(await embedded());
    const large = jsonEvent({ type: 'Counted', data: { text: 'x'.repeat(1_000_000) } });
    const other = client.append('Tally-2', [counted()], 'no_stream');
    await expect(client.append('Tally-1', [large], 'no_stream')).rejects.toThrow(AppendTooLarge);
    await expect(other).resolves.toMatchObject({ revision: 0 });
  });
});

describe('A read', () => {
  it('of a stream that does not exist finds nothing', async () => {
    expect(await clientOf(await embedded()).read('Tally-nowhere')).toEqual([]);
  });

  it('and an append of a tombstoned stream say that it is gone', async () => {
    const server = await embedded();
    const client = clientOf(server);
    await client.append('Tally-1', [counted()], 'no_stream');
    const raw = EventStoreDBClient.connectionString(server.connectionString);
    await raw.tombstoneStream('Tally-1');
    await raw.dispose();
    await expect(client.read('Tally-1')).rejects.toThrow(StreamGone);
    await expect(client.append('Tally-1', [counted()], 0)).rejects.toThrow(StreamGone);
  });

  it('gives the part that was asked for', async () => {
    const client = clientOf(await embedded());
    await client.append('Tally-1', [1, 2, 3, 4, 5].map(counted), 'no_stream');
    const revisions = async (part: Parameters<EventStoreClient['read']>[1]) =>
      (await client.read('Tally-1', part)).map(({ revision }) => Number(revision));
    expect(await revisions({ from: 2 })).toEqual([2, 3, 4]);
    expect(await revisions({ from: 5 })).toEqual([]);
    expect(await revisions({ from: 1, limit: 2 })).toEqual([1, 2]);
    expect(await revisions({ backwards: true, limit: 2 })).toEqual([4, 3]);
  });

  it('that falls silent is given up, ended at the server and tried again', async () => {
    let nth = 0;
    const server = await scripted({
      read: (call) => {
        call.write(sent('Tally-1', 0, 100));
        if (++nth > 1) call.end();
      },
    });
    expect(await clientOf(server).read('Tally-1')).toHaveLength(1);
    expect(nth).toBe(2);
    await server.until(() => server.open.size === 0);
  });

  it('beside one that falls silent is not taken for complete: it is tried again, or fails when it has one attempt', async () => {
    let nth = 0;
    const server = await scripted({
      read: (call) => {
        nth += 1;
        if (nth === 2 || nth > 3) call.write(sent('Tally-2', 0, 100));
        if (nth <= 3) return;
        call.write(sent('Tally-2', 1, 200));
        call.end();
      },
    });
    const client = clientOf(server, { readTimeoutMs: 1_000 });
    const silent = client.read('Tally-1');
    await server.until(() => nth === 1);
    const half = client.read('Tally-2');
    await server.until(() => nth === 2);
    const head = client.head().catch((error: unknown) => error);
    await server.until(() => nth === 3);
    expect(await half).toHaveLength(2);
    expect(await silent).toHaveLength(2);
    expect(await head).toBeInstanceOf(Error);
  });

  it('that is under way when the client closes is not taken for complete', async () => {
    const server = await scripted({ read: (call) => call.write(sent('Tally-1', 0, 100)) });
    const client = clientOf(server, { readTimeoutMs: 60_000 });
    const read = client.read('Tally-1').catch((error: unknown) => error);
    await server.until(() => server.open.size > 0);
    await client.close();
    expect(await read).toBeInstanceOf(EventStoreUnavailable);
  });

  it('that fails half-way is tried again from its start, nothing twice', async () => {
    let nth = 0;
    const server = await scripted({
      read: (call) => {
        call.write(sent('Tally-1', 0, 100));
        call.write(sent('Tally-1', 1, 200));
        if (++nth === 1) fail(call, UNAVAILABLE, 'half-way');
        else call.end();
      },
    });
    expect((await clientOf(server).read('Tally-1')).map(({ revision }) => revision)).toEqual([0n, 1n]);
  });

  it('that is left early is ended at the server too', async () => {
    const server = await scripted({
      read: (call) => {
        for (let n = 0; n < 50; n++) call.write(sent('Tally-1', n, 100 * (n + 1)));
      },
    });
    expect(await clientOf(server).head()).toBe(100n);
    await server.until(() => server.open.size === 0);
  });

  it('that is left early may fail afterwards', async () => {
    const server = await scripted({
      read: (call) => {
        call.write(sent('Tally-1', 0, 100));
        fail(call, UNAVAILABLE, 'later');
      },
    });
    const client = clientOf(server);
    expect(await client.head()).toBe(100n);
    expect(await client.head()).toBe(100n);
  });

  it('of the head has one attempt and its own time-out', async () => {
    const server = await scripted({ read: () => undefined });
    await expect(clientOf(server).head()).rejects.toThrow(NoAnswer);
    await server.until(() => server.open.size === 0);
  });
});
