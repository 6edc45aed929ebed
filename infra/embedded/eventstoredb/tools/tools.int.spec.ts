import type { ResolvedEvent } from '@eventstore/db-client';
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { LaunchedEventStore } from '../launch.ts';
import { launchEventStore } from '../launch.ts';
import { fileLog } from '../log/file-log.ts';
import { logFile } from '../log/log-file.ts';
import { recordEvent } from '../log/logged-event.ts';
import { indexFile } from '../log/stream-index.ts';
import { backup } from './backup.ts';
import { dump } from './dump.ts';
import { load } from './load.ts';
import { verify } from './verify.ts';

let root: string;
const running: LaunchedEventStore[] = [];
const clients: EventStoreDBClient[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'eventstore-tools-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const server of running.splice(0)) await server.stop();
  rmSync(root, { recursive: true, force: true });
});

const folder = (name: string): string => join(root, name);

async function start(name: string): Promise<{ server: LaunchedEventStore; client: EventStoreDBClient }> {
  const server = await launchEventStore({ dir: folder(name) });
  const client = EventStoreDBClient.connectionString(server.connectionString);
  running.push(server);
  clients.push(client);
  return { server, client };
}

async function collect(events: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> {
  const all: ResolvedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Every kind of thing that a log can hold. */
async function fill(client: EventStoreDBClient): Promise<void> {
  const big = JSON.parse('{"text":"Größe ☃","list":[1,null]}') as Record<string, unknown>;
  await client.appendToStream('Lesson-1', [
    jsonEvent({ type: 'Booked', data: big, metadata: { who: 'me' } }),
    jsonEvent({ type: 'Held', data: {} }),
  ]);
  await client.appendToStream(
    'Bytes-1',
    binaryEvent({ type: 'Bytes', data: new Uint8Array([0, 255, 1]), metadata: new Uint8Array([254]) }),
  );
  await client.setStreamMetadata('Lesson-1', { maxCount: 100, own: 'kept' });
  await client.appendToStream('Deleted-1', [jsonEvent({ type: 'Gone', data: {} })]);
  await client.deleteStream('Deleted-1');
  await client.appendToStream('Back-1', [jsonEvent({ type: 'Old', data: {} })]);
  await client.deleteStream('Back-1');
  await client.appendToStream('Back-1', [jsonEvent({ type: 'New', data: {} })], { expectedRevision: 'no_stream' });
  await client.appendToStream('Shown-1', [jsonEvent({ type: 'Old', data: {} })]);
  await client.deleteStream('Shown-1');
  await client.setStreamMetadata('Shown-1', { truncateBefore: 0, own: 'back' });
  await client.setStreamMetadata('Shown-1', { truncateBefore: 0, own: 'whole' });
  await client.setStreamMetadata('Empty-1', { own: 'alone' });
  await client.deleteStream('Empty-1');
  await client.appendToStream('Dead-1', [jsonEvent({ type: 'Last', data: {} })]);
  await client.tombstoneStream('Dead-1');
}

async function* linesOf(text: readonly string[]): AsyncGenerator<string> {
  for (const line of text) {
    await Promise.resolve();
    yield line.trimEnd();
  }
}

const seen = ({ event }: ResolvedEvent) => [event?.streamId, event?.revision, event?.id, event?.type, event?.data, event?.metadata];

describe('dump and load', () => {
  it('bring everything into another server, numbers and ids included; a second load changes nothing, nor one after a restart', async () => {
    const source = await start('source');
    await fill(source.client);
    let target = await start('target');
    const lines = [...dump(folder('source'))];
    const first = await load(linesOf(lines), target.server.connectionString);
    expect(first.events + first.skipped).toBe(lines.length);

    const check = async (): Promise<void> => {
      for (const stream of ['Lesson-1', 'Bytes-1', 'Back-1', 'Shown-1']) {
        const [there, here] = await Promise.all([source, target].map(({ client }) => collect(client.readStream(stream))));
        expect(here?.map(seen)).toEqual(there?.map(seen));
        const metadata = await Promise.all([source, target].map(async ({ client }) => (await client.getStreamMetadata(stream)).metadata));
        expect(metadata[1]).toEqual(metadata[0]);
      }
      for (const stream of ['Deleted-1', 'Empty-1'])
        await expect(collect(target.client.readStream(stream))).rejects.toMatchObject({ type: 'stream-not-found' });
      await expect(collect(target.client.readStream('Dead-1'))).rejects.toMatchObject({ type: 'stream-deleted' });
      expect(verify(folder('target')).faults).toEqual([]);
    };
    await check();
    const loaded = [...dump(folder('target'))];
    await load(linesOf(lines), target.server.connectionString);
    await target.server.stop();
    target = await start('target');
    await load(linesOf(lines), target.server.connectionString);
    await check();
    expect([...dump(folder('target'))]).toEqual(loaded);
  });

  it('a stream that is deleted for good in the target only makes it fail', async () => {
    const source = await start('source');
    await source.client.appendToStream('Lesson-1', [jsonEvent({ type: 'Held', data: {} })]);
    const target = await start('target');
    await target.client.tombstoneStream('Lesson-1');
    const loading = load(linesOf([...dump(folder('source'))]), target.server.connectionString);
    await expect(loading).rejects.toThrow('Lesson-1 is deleted for good in the target');
  });

  it('a load that broke off can be run again', async () => {
    const source = await start('source');
    for (let number = 0; number < 20; number += 1) {
      await source.client.appendToStream(`Lesson-${number % 3}`, [jsonEvent({ type: 'Held', data: { number } })]);
    }
    const lines = [...dump(folder('source'))];
    const target = await start('target');
    await load(linesOf(lines.slice(0, 12)), target.server.connectionString);
    await load(linesOf(lines), target.server.connectionString);
    for (const stream of ['Lesson-0', 'Lesson-1', 'Lesson-2']) {
      const [there, here] = await Promise.all([source, target].map(({ client }) => collect(client.readStream(stream))));
      expect(here?.map(seen)).toEqual(there?.map(seen));
    }
  });

  it('keep numbers that JavaScript would round', async () => {
    const target = await start('target');
    const line = JSON.stringify({
      position: 1,
      stream: 'Big-1',
      revision: 0,
      id: '11111111-2222-4333-8444-555555555555',
      type: 'Big',
      isJson: true,
      data: '{"n":12345678901234567890}',
    });
    await load(linesOf([line]), target.server.connectionString);
    const big = [...dump(folder('target'))].find((text) => text.includes('Big-1'));
    expect(big).toContain('12345678901234567890');
  });
});

describe('backup', () => {
  it('copies a log while it is written to; the copy is sound, whole up to a moment, and can be served', async () => {
    const { client } = await start('source');
    let written = 0;
    let go = true;
    const writing = (async () => {
      for (; go; written += 1) await client.appendToStream('Busy-1', [jsonEvent({ type: 'Written', data: { written } })]);
    })();
    while (written < 50) await new Promise((resolve) => setImmediate(resolve));
    const before = written;
    backup(folder('source'), folder('copy'));
    go = false;
    await writing;
    expect(verify(folder('copy')).faults).toEqual([]);
    const copy = await start('copy');
    const events = await collect(copy.client.readStream('Busy-1'));
    expect(events.length).toBeGreaterThanOrEqual(before);
    expect(events.length).toBeLessThanOrEqual(written);
  });

  it('does not overwrite', async () => {
    await start('source');
    expect(() => backup(folder('source'), folder('source'))).toThrow('already');
  });
});

describe('verify', () => {
  async function stopped(): Promise<void> {
    const { server, client } = await start('source');
    await fill(client);
    await client.dispose();
    await server.stop();
  }

  it('counts a sound log, also while it is served', async () => {
    const { client } = await start('source');
    await fill(client);
    const { faults, events, streams } = verify(folder('source'));
    expect(faults).toEqual([]);
    expect(events).toBe([...dump(folder('source'))].length);
    expect(streams).toBeGreaterThan(5);
  });

  it('finds a changed byte', async () => {
    await stopped();
    const file = logFile(folder('source'));
    const bytes = readFileSync(file);
    const place = bytes.indexOf('Größe');
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(verify(folder('source')).faults.join()).toContain('checksum');
  });

  it('and backup and dump too refuse a log that they cannot read to its end', async () => {
    await stopped();
    const file = logFile(folder('source'));
    const sound = [...dump(folder('source'))];
    const bytes = readFileSync(file);
    const place = bytes.indexOf('Größe');
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(() => backup(folder('source'), folder('copy'))).toThrow('is damaged at');
    expect(existsSync(logFile(folder('copy')))).toBe(false);
    const readable: string[] = [];
    expect(() => {
      for (const line of dump(folder('source'))) readable.push(line);
    }).toThrow('is damaged at');
    expect(readable).toEqual(sound.slice(0, readable.length));
  });

  it('finds an event that is missing in the index, and one that is there too often', async () => {
    await stopped();
    const index = new DatabaseSync(indexFile(folder('source')));
    const lesson = "stream = (SELECT id FROM streams WHERE name = 'Lesson-1')";
    index.exec(`DELETE FROM events WHERE ${lesson} AND revision = 0; UPDATE events SET revision = 7 WHERE ${lesson} AND revision = 1`);
    index.close();
    const { faults } = verify(folder('source'));
    expect(faults.join()).toContain('The index does not find number 0 of Lesson-1');
    expect(faults.join()).toContain('The index does not find number 1 of Lesson-1');
    expect(faults.join()).toMatch(/The index holds \d+ events/);
  });

  it('finds a gap in the numbers of a stream', async () => {
    mkdirSync(folder('gap'));
    const log = fileLog(folder('gap'));
    const event = { id: randomUUID(), type: 'Held', isJson: true, data: Buffer.from('{}'), customMetadata: Buffer.alloc(0) };
    log.transaction(() => [0, 2].forEach((revision) => log.write(recordEvent(event, 'Lesson-1', revision, log.end(), 0))));
    await log.close();
    expect(verify(folder('gap')).faults).toEqual([expect.stringContaining('is number 2 of Lesson-1, where 1 should follow')]);
  });
});
