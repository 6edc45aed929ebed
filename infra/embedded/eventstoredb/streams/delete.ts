import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { ExpectedRevision } from '../store/append-check.ts';
import type { EventStore, WriteResult } from '../store/event-store.ts';
import { DeleteReq, DeleteResp } from '../wire/messages.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { expectedRevision, streamName } from '../wire/request-values.ts';
import { streamDeleted, wrongExpectedVersion } from '../wire/rpc-error.ts';
import { answer } from '../wire/unary.ts';
import { atPosition } from './classic-append.ts';

type Call = ServerUnaryCall<MessageOf<typeof DeleteReq>, Buffer>;

/** `Streams.Delete`: a soft delete. */
export function softDelete(store: EventStore) {
  return (call: Call, callback: sendUnaryData<Buffer>): void =>
    answer(callback, () => remove(call.request, (stream, expected) => store.softDelete(stream, expected)));
}

/** `Streams.Tombstone`: a delete for good. */
export function tombstone(store: EventStore) {
  return (call: Call, callback: sendUnaryData<Buffer>): void =>
    answer(callback, () => remove(call.request, (stream, expected) => store.tombstone(stream, expected)));
}

async function remove(
  request: MessageOf<typeof DeleteReq>,
  run: (stream: string, expected: ExpectedRevision) => Promise<WriteResult>,
): Promise<Buffer> {
  const stream = streamName(request.options?.streamIdentifier);
  const expected = expectedRevision(request.options ?? {});
  const result = await run(stream, expected);
  if (result.kind === 'stream-deleted') throw streamDeleted(stream);
  if (result.kind === 'wrong-expected-version') throw wrongExpectedVersion(stream, asNumber(expected), result.current);
  return DeleteResp.encode(result.position === undefined ? { noPosition: {} } : { position: atPosition(result.position) });
}

function asNumber(expected: ExpectedRevision): bigint {
  if (typeof expected === 'bigint') return expected;
  if (expected === 'no_stream') return -1n;
  return expected === 'any' ? -2n : -4n;
}
