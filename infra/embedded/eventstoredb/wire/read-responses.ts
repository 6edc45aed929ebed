import type { LoggedEvent } from '../log/logged-event.ts';
import type { ResolvedEvent } from '../store/event-reader.ts';
import { originalRecord } from '../store/event-reader.ts';
import { ReadControl } from './messages.ts';
import { ProtoWriter, putVarint, varintLength } from './proto-writer.ts';

export type UuidFormat = 'string' | 'structured';

const eventTag = 0x0a;
const linkTag = 0x12;
const commitPositionTag = 0x18;

/** `ReadResp.event`: the stored bytes of event and link with a frame around them. */
export function readEventResponse(resolved: ResolvedEvent, uuids: UuidFormat): Buffer {
  const event = resolved.event && recordedBytes(resolved.event, uuids);
  const link = resolved.link && recordedBytes(resolved.link, uuids);
  const position = originalRecord(resolved).position;
  const size = fieldLength(event) + fieldLength(link) + 1 + varintLength(position);
  const response = Buffer.allocUnsafe(1 + varintLength(size) + size);
  response[0] = eventTag;
  let at = putVarint(response, 1, size);
  if (event) at = putBytes(response, at, eventTag, event);
  if (link) at = putBytes(response, at, linkTag, link);
  response[at] = commitPositionTag;
  putVarint(response, at + 1, position);
  return response;
}

export const confirmation = (subscriptionId: string): Buffer => ReadControl.encode({ confirmation: { subscriptionId } });
export const caughtUp = (): Buffer => ReadControl.encode({ caughtUp: {} });
export const streamNotFound = (stream: string): Buffer =>
  ReadControl.encode({ streamNotFound: { streamIdentifier: { streamName: Buffer.from(stream) } } });
export const checkpoint = (position: number): Buffer =>
  ReadControl.encode({ checkpoint: { commit: BigInt(position), prepare: BigInt(position) } });

/** The stored `RecordedEvent`, whose first 40 bytes are its id as a string. */
export function recordedBytes(event: LoggedEvent, uuids: UuidFormat): Buffer {
  if (uuids === 'string') return event.recorded;
  const digits = BigInt(`0x${event.id.replaceAll('-', '')}`);
  const writer = new ProtoWriter();
  writer.nested(1, () => writer.nested(1, () => writer.integer(1, BigInt.asIntN(64, digits >> 64n)).integer(2, BigInt.asIntN(64, digits))));
  return Buffer.concat([writer.finish(), event.recorded.subarray(40)]);
}

function fieldLength(value: Buffer | undefined): number {
  return value ? 1 + varintLength(value.length) + value.length : 0;
}

function putBytes(target: Buffer, offset: number, tag: number, value: Buffer): number {
  target[offset] = tag;
  const start = putVarint(target, offset + 1, value.length);
  value.copy(target, start);
  return start + value.length;
}
