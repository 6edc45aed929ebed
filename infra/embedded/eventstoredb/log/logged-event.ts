import { ProtoWriter } from '../wire/proto-writer.ts';

/** The event number of a tombstone: 2^63-1 on the wire, the largest safe integer inside. */
export const tombstoneRevision = Number.MAX_SAFE_INTEGER;
export const tombstoneOnWire = 9223372036854775807n;

/** What an event consists of before it has a place in the log. `id` is a lower-case dashed UUID. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly customMetadata: Uint8Array;
}

export interface EventContent {
  readonly type: string;
  /** Milliseconds since the Unix epoch. */
  readonly created: number;
  readonly contentType: string;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
}

const idStart = 4;
const idEnd = 40;
const empty = Buffer.alloc(0);

/**
 * An event in the log. It is stored as the protobuf `RecordedEvent` that is sent to clients, so that a read copies bytes and encodes
 * nothing; what the server itself must know of it is read out of those bytes on demand.
 */
export class LoggedEvent {
  /** Bytes into the log, strictly increasing; commit and prepare position alike. */
  readonly position: number;
  readonly revision: number;
  readonly recorded: Buffer;
  private streamName: string | undefined;
  private eventType: string | undefined;

  /** `stream` saves reading it out of the bytes. */
  constructor(position: number, revision: number, recorded: Buffer, stream?: string) {
    this.position = position;
    this.revision = revision;
    this.recorded = recorded;
    this.streamName = stream;
  }

  /** An event as the log holds it; its number is read out of its bytes. */
  static read(position: number, recorded: Buffer): LoggedEvent {
    const [length, start] = readVarint(recorded, idEnd + 1);
    // The tag of field 3 stands behind the stream's name.
    const [revision] = readVarint(recorded, start + length + 1);
    return new LoggedEvent(position, Math.min(revision, tombstoneRevision), recorded);
  }

  get id(): string {
    return this.recorded.toString('latin1', idStart, idEnd);
  }

  get stream(): string {
    if (this.streamName === undefined) {
      const [length, start] = readVarint(this.recorded, idEnd + 1);
      const [nameLength, nameStart] = readVarint(this.recorded, start + 1);
      if (nameStart + nameLength !== start + length) throw new Error(`The event at ${this.position} has no readable stream name.`);
      this.streamName = this.recorded.toString('utf8', nameStart, nameStart + nameLength);
    }
    return this.streamName;
  }

  /** Whether the stream's name begins with these bytes; cheaper than its name. */
  streamStartsWith(prefix: Buffer): boolean {
    const [, start] = readVarint(this.recorded, idEnd + 1);
    const [length, nameStart] = readVarint(this.recorded, start + 1);
    if (length < prefix.length || this.recorded[nameStart] !== prefix[0]) return false;
    return this.recorded.compare(prefix, 0, prefix.length, nameStart, nameStart + prefix.length) === 0;
  }

  get type(): string {
    if (this.eventType === undefined) {
      const [start, end] = this.typePlace();
      this.eventType = this.recorded.toString('utf8', start, end);
    }
    return this.eventType;
  }

  /** Whether the type is exactly these bytes; cheaper than the type. */
  isOfType(type: Buffer): boolean {
    const [start, end] = this.typePlace();
    return end - start === type.length && this.recorded.compare(type, 0, type.length, start, end) === 0;
  }

  content(): EventContent {
    let customMetadata: Buffer = empty;
    let data: Buffer = empty;
    const metadata = this.metadata((field, value) => {
      if (field === 7) customMetadata = value;
      else if (field === 8) data = value;
    });
    return {
      type: metadata.get('type') ?? '',
      created: Number(metadata.get('created') ?? '0') / 10_000,
      contentType: metadata.get('content-type') ?? '',
      customMetadata,
      data,
    };
  }

  /** Where the type stands: it is the first entry of the metadata, behind the stream's name, the number and the positions. */
  private typePlace(): [start: number, end: number] {
    const bytes = this.recorded;
    const [length, name] = readVarint(bytes, idEnd + 1);
    let at = name + length;
    while (((bytes[at] ?? 0) & 7) === 0) at = skipVarint(bytes, at + 1);
    const [, entry] = readVarint(bytes, at + 1);
    const [keyLength, key] = readVarint(bytes, entry + 1);
    const [valueLength, value] = readVarint(bytes, key + keyLength + 1);
    return [value, value + valueLength];
  }

  /** Reads the metadata map, and hands out the other fields. */
  private metadata(other: (field: number, value: Buffer) => void): Map<string, string> {
    const entries = new Map<string, string>();
    const bytes = this.recorded;
    let at = idEnd;
    while (at < bytes.length) {
      const tag = bytes[at] ?? 0;
      const [value, next] = readVarint(bytes, at + 1);
      at = next;
      if ((tag & 7) !== 2) continue;
      at += value;
      if (tag >> 3 !== 6) {
        other(tag >> 3, bytes.subarray(next, at));
        continue;
      }
      const [keyLength, keyStart] = readVarint(bytes, next + 1);
      const [valueLength, valueStart] = readVarint(bytes, keyStart + keyLength + 1);
      entries.set(bytes.toString('utf8', keyStart, keyStart + keyLength), bytes.toString('utf8', valueStart, valueStart + valueLength));
    }
    return entries;
  }
}

function readVarint(bytes: Buffer, offset: number): [value: number, next: number] {
  let result = 0;
  let factor = 1;
  for (let at = offset; ; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('A stored event is cut off.');
    result += (byte & 0x7f) * factor;
    if (byte < 0x80) return [result, at + 1];
    factor *= 0x80;
  }
}

function skipVarint(bytes: Buffer, offset: number): number {
  let at = offset;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 1;
}

const writer = new ProtoWriter();

/** Gives an event its place. `createdAt` is in milliseconds since the Unix epoch. */
export function recordEvent(event: ProposedEvent, stream: string, revision: number, position: number, createdAt: number): LoggedEvent {
  writer.reset();
  writer.nested(1, () => writer.string(2, event.id));
  writer.nested(2, () => writer.string(3, stream));
  writer.integer(3, revision === tombstoneRevision ? tombstoneOnWire : revision);
  writer.integer(4, position);
  writer.integer(5, position);
  writeMetadata('type', event.type);
  writeMetadata('created', `${createdAt}0000`);
  writeMetadata('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  if (event.customMetadata.length > 0) writer.bytes(7, event.customMetadata);
  if (event.data.length > 0) writer.bytes(8, event.data);
  return new LoggedEvent(position, revision, writer.finish(), stream);
}

function writeMetadata(key: string, value: string): void {
  writer.nested(6, () => writer.string(1, key).string(2, value));
}
