import type { ProposedEvent } from '../log/logged-event.ts';
import type { ExpectedRevision } from '../store/append-check.ts';
import type { AppendReq, StreamIdentifier, Uuid } from './messages.ts';
import type { MessageOf } from './proto-message.ts';
import { MalformedMessage, utf8 } from './proto-message.ts';
import { missingRequiredMetadata } from './rpc-error.ts';

type Proposed = NonNullable<MessageOf<typeof AppendReq>['proposedMessage']>;

interface RevisionChoice {
  readonly revision?: bigint | undefined;
  readonly noStream?: object | undefined;
  readonly any?: object | undefined;
  readonly streamExists?: object | undefined;
}

const emptyUuid = '00000000-0000-0000-0000-000000000000';
const nothing = Buffer.alloc(0);

/** Something that must not be empty is; a call that ends with it is an "unknown" failure, as a real server has it. */
export class EmptyValue extends Error {
  override readonly name = 'EmptyValue';
}

/** @throws EmptyValue when there is no name in it; MalformedMessage when it is not UTF-8 */
export function streamName(identifier: MessageOf<typeof StreamIdentifier> | undefined): string {
  const name = utf8(identifier?.streamName ?? nothing);
  if (name === '') throw new EmptyValue('The stream name is empty.');
  return name;
}

/** Lower-case and dashed. @throws MalformedMessage */
export function uuidText(value: MessageOf<typeof Uuid> | undefined): string {
  if (value?.structured) {
    const high = BigInt.asUintN(64, value.structured.mostSignificantBits ?? 0n);
    const low = BigInt.asUintN(64, value.structured.leastSignificantBits ?? 0n);
    const hex = ((high << 64n) | low).toString(16).padStart(32, '0');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  const text = value?.string ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new MalformedMessage('An id is not a UUID.');
  return text.toLowerCase();
}

/** @throws MalformedMessage when none of the four was said */
export function expectedRevision(options: RevisionChoice): ExpectedRevision {
  if (options.revision !== undefined) return options.revision;
  if (options.noStream) return 'no_stream';
  if (options.any) return 'any';
  if (options.streamExists) return 'stream_exists';
  throw new MalformedMessage('No expected revision was given.');
}

/** @throws RpcError when type or content type are missing; EmptyValue for an empty id or type; MalformedMessage for an id that cannot be */
export function proposedEvent(proposed: Proposed): ProposedEvent {
  let type: string | undefined;
  let contentType: string | undefined;
  for (const entry of proposed.metadata ?? []) {
    if (entry.key === 'type') type = entry.value ?? '';
    else if (entry.key === 'content-type') contentType = entry.value ?? '';
  }
  if (type === undefined) throw missingRequiredMetadata('type');
  if (contentType === undefined) throw missingRequiredMetadata('content-type');
  const id = uuidText(proposed.id);
  if (id === emptyUuid) throw new EmptyValue('An event id is empty.');
  if (type === '') throw new EmptyValue('An event type is empty.');
  return {
    id,
    type,
    isJson: contentType === 'application/json',
    data: proposed.data ?? nothing,
    customMetadata: proposed.customMetadata ?? nothing,
  };
}

/** What an event counts towards the limit of an append, as servers since 24.10 count it. */
export function appendSize(event: ProposedEvent): number {
  return event.data.length + event.customMetadata.length + 2 * event.type.length;
}

/** A revision or position as a number; what is too big for one is beyond every stream and log anyway. */
export function clampedNumber(value: bigint | undefined): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value !== undefined && value > limit ? limit : (value ?? 0n));
}
