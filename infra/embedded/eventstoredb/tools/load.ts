import type { EventData } from '@eventstore/db-client';
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { isMetastream, originalOf, parseStreamMetadata } from '../store/stream-metadata.ts';
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
 * Writes a dump into any EventStoreDB. Streams keep their names, numbers and ids, so a load that broke off can be run again; positions and
 * times of writing are the target's. Streams of the target that hold other events make it fail.
 * @throws Error of the client
 */
export async function load(lines: AsyncIterable<string>, connectionString: string): Promise<Loaded> {
  const client = EventStoreDBClient.connectionString(connectionString);
  let events = 0;
  let skipped = 0;
  let pending: Pending | undefined;

  const flush = async (): Promise<void> => {
    const append = pending;
    pending = undefined;
    if (!append) return;
    // Metadata are also written by the target itself, when a deleted stream comes back, so their numbers are its own.
    const expectedRevision = isMetastream(append.stream) ? 'any' : append.first === 0 ? 'no_stream' : BigInt(append.first - 1);
    await client.appendToStream(append.stream, append.events, { expectedRevision });
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
      const deletion = deletionBy(event);
      if (deletion) {
        await flush();
        await deletion(client);
        continue;
      }
      const size = line.length;
      const continues =
        pending?.stream === event.stream &&
        pending.first + pending.events.length === event.revision &&
        pending.events.length < mostEvents &&
        pending.size + size < mostBytes;
      if (!continues) await flush();
      pending ??= { stream: event.stream, first: event.revision ?? 0, events: [], size: 0 };
      pending.events.push(eventData(event));
      pending.size += size;
    }
    await flush();
    return { events, skipped };
  } finally {
    await client.dispose();
  }
}

/** System streams and their metadata: groups, checkpoints, statistics. */
function isOfTheServer(stream: string): boolean {
  return isMetastream(stream) ? originalOf(stream).startsWith('$') : stream.startsWith('$');
}

function deletionBy(event: DumpedEvent): ((client: EventStoreDBClient) => Promise<unknown>) | undefined {
  if (event.revision === undefined) return (client) => client.tombstoneStream(event.stream);
  if (!isMetastream(event.stream) || !parseStreamMetadata(bytesOf(event, 'data')).deleted) return undefined;
  return (client) => client.deleteStream(originalOf(event.stream));
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
