import type { EventData } from '@eventstore/db-client';
import { binaryEvent, EventStoreDBClient, jsonEvent, StreamDeletedError, StreamNotFoundError } from '@eventstore/db-client';
import { isMetastream, originalOf } from '../store/stream-metadata.ts';
import type { DumpedEvent } from './dump.ts';

export interface Loaded {
  readonly events: number;
  /** What a server writes about itself, and the target writes anew. */
  readonly skipped: number;
}

/** An append stays well below the limit of 1 MiB that servers have by default. */
const mostEvents = 500;
const mostBytes = 512 * 1024;

interface Pending {
  readonly stream: string;
  readonly first: number;
  readonly events: EventData[];
  size: number;
}

/**
 * Writes a dump into any EventStoreDB. Streams keep their names, numbers and ids; positions and times of writing are the target's. Of the metadata
 * of a stream, soft deletes among them, the last ones are written, when all events are there, and then the tombstones. So nothing depends on what
 * the target has already of this dump, and a load that broke off can be run again. Streams of the target that hold other events make it fail.
 * @throws Error of the client, or for a stream that is deleted for good in the target only
 */
export async function load(lines: AsyncIterable<string>, connectionString: string): Promise<Loaded> {
  const client = EventStoreDBClient.connectionString(connectionString);
  let events = 0;
  let skipped = 0;
  let pending: Pending | undefined;
  const metadata = new Map<string, DumpedEvent>();
  const tombstones = new Set<string>();
  const gone = new Set<string>();

  const flush = async (): Promise<void> => {
    const append = pending;
    pending = undefined;
    if (!append) return;
    const expectedRevision = append.first === 0 ? 'no_stream' : BigInt(append.first - 1);
    const done = await unlessTombstoned(client.appendToStream(append.stream, append.events, { expectedRevision }));
    if (!done) gone.add(append.stream);
  };

  try {
    for await (const line of lines) {
      if (line === '') continue;
      const event = JSON.parse(line) as DumpedEvent;
      if (isOfTheServer(event.stream)) {
        skipped += 1;
        continue;
      }
      events += 1;
      if (event.revision === undefined) tombstones.add(event.stream);
      else if (isMetastream(event.stream)) metadata.set(event.stream, event);
      else {
        const size = Buffer.byteLength(line);
        const continues =
          pending?.stream === event.stream &&
          pending.first + pending.events.length === event.revision &&
          pending.events.length < mostEvents &&
          pending.size + size < mostBytes;
        if (!continues) await flush();
        pending ??= { stream: event.stream, first: event.revision, events: [], size: 0 };
        pending.events.push(eventData(event));
        pending.size += size;
      }
    }
    await flush();
    for (const stream of gone) if (!tombstones.has(stream)) throw new Error(`${stream} is deleted for good in the target.`);
    for (const [metastream, event] of metadata) if (!tombstones.has(originalOf(metastream))) await makeLast(client, event);
    for (const stream of tombstones) await unlessTombstoned(client.tombstoneStream(stream));
    return { events, skipped };
  } finally {
    await client.dispose();
  }
}

/** Whether it was done; not, when the stream is deleted for good. */
async function unlessTombstoned(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof StreamDeletedError) return false;
    throw error;
  }
}

/** A server adds metadata of its own when a soft-deleted stream comes back, but not a second time. */
const mostRounds = 3;

/** Sees to it that the last metadata of a stream are these. */
async function makeLast(client: EventStoreDBClient, event: DumpedEvent): Promise<void> {
  for (let round = 0; round < mostRounds; round += 1) {
    const last = await lastOf(client, event.stream);
    if (last?.id === event.id) return;
    await client.appendToStream(event.stream, eventData(event), { expectedRevision: last?.revision ?? 'no_stream' });
  }
  if ((await lastOf(client, event.stream))?.id !== event.id) throw new Error(`${event.stream} does not keep its metadata.`);
}

async function lastOf(client: EventStoreDBClient, stream: string): Promise<{ readonly id: string; readonly revision: bigint } | undefined> {
  let last: { readonly id: string; readonly revision: bigint } | undefined;
  try {
    for await (const { event } of client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })) last = event;
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error;
  }
  return last;
}

/** System streams and their metadata: groups, checkpoints, statistics. */
function isOfTheServer(stream: string): boolean {
  return isMetastream(stream) ? originalOf(stream).startsWith('$') : stream.startsWith('$');
}

function bytesOf(event: DumpedEvent, name: 'data' | 'metadata'): Buffer {
  const base64 = event[`${name}Base64`];
  return base64 === undefined ? Buffer.from(event[name] ?? '') : Buffer.from(base64, 'base64');
}

function eventData(event: DumpedEvent): EventData {
  const { id, type } = event;
  // The client takes bytes only as a plain Uint8Array.
  const metadata = new Uint8Array(bytesOf(event, 'metadata'));
  const rest = metadata.length > 0 ? { metadata } : {};
  const json = event.isJson && event.data !== undefined ? parseExactly(event.data) : undefined;
  if (json !== undefined) return jsonEvent({ id, type, data: json as Record<string, unknown>, ...rest });
  return binaryEvent({ id, type, data: new Uint8Array(bytesOf(event, 'data')), ...rest });
}

interface ReviverContext {
  readonly source?: string;
}
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** JSON whose numbers are written again digit by digit as they stand; undefined for text that is not JSON. */
function parseExactly(text: string): unknown {
  const keep = (_key: string, value: unknown, context: ReviverContext): unknown =>
    typeof value === 'number' && context.source !== undefined && String(value) !== context.source ? rawJson(context.source) : value;
  try {
    return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}
