import { status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';
import type { ProposedEvent } from '../log/logged-event.ts';
import type { ExpectedRevision } from '../store/append-check.ts';
import type { EventStore, WriteResult } from '../store/event-store.ts';
import { AppendReq, AppendResp } from '../wire/messages.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { MalformedMessage } from '../wire/proto-message.ts';
import { appendSize, expectedRevision, proposedEvent, streamName } from '../wire/request-values.ts';
import { maximumAppendSizeExceeded, RpcError, streamDeleted, toRpcError } from '../wire/rpc-error.ts';

type Call = ServerReadableStream<MessageOf<typeof AppendReq>, Buffer>;

/** `Streams.Append`: one call per append, events streamed in, one answer. */
export class ClassicAppends {
  private readonly open = new Set<(error: RpcError) => void>();
  private readonly store: EventStore;
  private readonly maxAppendSize: number;

  constructor(store: EventStore, maxAppendSize: number) {
    this.store = store;
    this.maxAppendSize = maxAppendSize;
  }

  readonly handle = (call: Call, callback: sendUnaryData<Buffer>): void => {
    let target: { stream: string; expected: ExpectedRevision } | undefined;
    const events: ProposedEvent[] = [];
    let size = 0;
    let answered = false;

    const finish = (error: RpcError | null, response?: Buffer): void => {
      if (answered) return;
      answered = true;
      this.open.delete(abort);
      callback(error, response);
    };
    const abort = (error: RpcError): void => finish(error);
    this.open.add(abort);

    call.on('data', (request: MessageOf<typeof AppendReq>) => {
      if (answered) return;
      try {
        if (request.options)
          target ??= { stream: streamName(request.options.streamIdentifier), expected: expectedRevision(request.options) };
        if (!request.proposedMessage) return;
        if (!target) throw new MalformedMessage('An event came before the options.');
        const event = proposedEvent(request.proposedMessage);
        size += appendSize(event);
        if (size > this.maxAppendSize) throw maximumAppendSizeExceeded(this.maxAppendSize);
        events.push(event);
      } catch (error) {
        finish(toRpcError(error));
      }
    });
    const write = (): void => {
      if (answered) return;
      if (!target) return finish(toRpcError(new MalformedMessage('The options are missing.')));
      const { stream, expected } = target;
      this.store.append(stream, expected, events).then(
        (result) => (result.kind === 'stream-deleted' ? finish(streamDeleted(stream)) : finish(null, response(result, expected))),
        (error: unknown) => finish(toRpcError(error)),
      );
    };
    // A call that is cut off says that it ended, and in the same turn that it was cancelled; what it had sent is not all of the append.
    call.on('end', () => setImmediate(write));
    call.on('cancelled', () => finish(new RpcError(status.CANCELLED, 'The call was cancelled.')));
    call.on('error', (error: unknown) => finish(toRpcError(error)));
  };

  /** Answers every append that is still open with an error. */
  abortAll(error: RpcError): void {
    for (const abort of this.open) abort(error);
  }
}

function response(result: Exclude<WriteResult, { kind: 'stream-deleted' }>, expected: ExpectedRevision): Buffer {
  if (result.kind === 'written') {
    return AppendResp.encode({
      success: {
        ...(result.revision < 0 ? { noStream: {} } : { currentRevision: BigInt(result.revision) }),
        ...(result.position === undefined ? { noPosition: {} } : { position: atPosition(result.position) }),
      },
    });
  }
  return AppendResp.encode({
    wrongExpectedVersion: {
      ...(result.current < 0 ? { currentNoStream: {} } : { currentRevision: BigInt(result.current) }),
      ...(typeof expected === 'bigint' ? { expectedRevision: expected } : {}),
      ...(expected === 'any' ? { expectedAny: {} } : {}),
      ...(expected === 'stream_exists' ? { expectedStreamExists: {} } : {}),
      ...(expected === 'no_stream' ? { expectedNoStream: {} } : {}),
    },
  });
}

export const atPosition = (position: number): { commit: bigint; prepare: bigint } => ({
  commit: BigInt(position),
  prepare: BigInt(position),
});
