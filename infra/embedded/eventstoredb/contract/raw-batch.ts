import { Metadata } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { BatchAppendReq } from './raw-client.ts';
import { BatchAppendResp, batchMessage, batchOptions, chunk, dashed, rawStreams } from './raw-client.ts';

type Request = InstanceType<typeof BatchAppendReq>;
type Response = InstanceType<typeof BatchAppendResp>;
type BatchCall = ClientDuplexStream<Request | Buffer, Response>;

export interface BatchAnswer {
  readonly id: string;
  readonly stream: string;
  readonly revision: string | undefined;
  /** True when it says that there is neither a stream nor a position. */
  readonly nothing: true | undefined;
  readonly error: string | undefined;
  readonly code: number | undefined;
  /** The packed message that explains the error. */
  readonly details: Uint8Array | undefined;
}

/** Runs `send` on a batch call and gives the first `count` answers. */
export async function batch(connectionString: string, count: number, send: (call: BatchCall) => void): Promise<BatchAnswer[]> {
  const client = rawStreams(connectionString);
  const call: BatchCall = client.makeBidiStreamRequest(
    '/event_store.client.streams.Streams/BatchAppend',
    (request) => (Buffer.isBuffer(request) ? request : Buffer.from(request.serializeBinary())),
    (bytes) => BatchAppendResp.deserializeBinary(bytes),
    new Metadata(),
  );
  try {
    return await new Promise((resolve, reject) => {
      const answers: BatchAnswer[] = [];
      call.on('data', (response) => {
        const success = response.getSuccess();
        const details = response.getError()?.getDetails();
        answers.push({
          id: dashed(response.getCorrelationId()),
          stream: Buffer.from(response.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString(),
          revision: success?.hasCurrentRevision() ? success.getCurrentRevision() : undefined,
          nothing: (success?.hasNoStream() && success.hasNoPosition()) || undefined,
          error: details?.getTypeName(),
          code: response.getError()?.getCode(),
          details: details?.getValue_asU8(),
        });
        if (answers.length === count) resolve(answers);
      });
      call.on('error', reject);
      send(call);
    });
  } finally {
    call.on('error', () => undefined);
    call.cancel();
    client.close();
  }
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))]);

const field = (number: number, content: ArrayLike<number>): number[] => [
  (number << 3) | 2,
  ...varint(content.length),
  ...Array.from(content),
];

/** A chunk whose options have a deadline: field 6 is a point in time, and field 7, which the client does not know yet, a span. */
export function chunkWithDeadline(id: string, stream: string, deadline: { field: 6 | 7; milliseconds: number }, final: boolean): Buffer {
  const { milliseconds } = deadline;
  const time = [0x08, ...varint(Math.floor(milliseconds / 1000)), 0x10, ...varint((milliseconds % 1000) * 1_000_000)];
  const options = [...batchOptions(stream).serializeBinary(), ...field(deadline.field, time)];
  return Buffer.from([...chunk(id, { messages: [batchMessage()], final }).serializeBinary(), ...field(2, options)]);
}
