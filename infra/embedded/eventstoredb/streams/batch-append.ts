import { status } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ProposedEvent } from '../log/logged-event.ts';
import type { ExpectedRevision } from '../store/append-check.ts';
import type { EventStore, WriteResult } from '../store/event-store.ts';
import {
  BadRequestDetails,
  BatchAppendReq,
  BatchAppendResp,
  Empty,
  MaximumAppendSizeDetails,
  StreamDeletedDetails,
  WrongExpectedVersionDetails,
} from '../wire/messages.ts';
import { Outlet } from '../wire/outlet.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { appendSize, expectedRevision, proposedEvent, streamName, uuidText } from '../wire/request-values.ts';
import { atPosition } from './classic-append.ts';

type Request = MessageOf<typeof BatchAppendReq>;
type Options = NonNullable<Request['options']>;
type Call = ServerDuplexStream<Request, Buffer>;
type Failure = NonNullable<MessageOf<typeof BatchAppendResp>['error']>;

/** google.rpc.Code */
const code = { unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, alreadyExists: 6 } as const;

/** How long an append may take to arrive in full, at most. */
const longestArrival = 2000;

/** How many appends of one call are under way at most: who sends more waits. */
const mostWriting = 1024;

interface PendingAppend {
  readonly streamBytes: Buffer;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: ProposedEvent[];
  size: number;
  timer: NodeJS.Timeout | undefined;
}

/** `Streams.BatchAppend`: one long-lived call per client, with many appends in flight; exactly one answer for each. */
export class BatchAppends {
  private readonly store: EventStore;
  private readonly maxAppendSize: number;

  constructor(store: EventStore, maxAppendSize: number) {
    this.store = store;
    this.maxAppendSize = maxAppendSize;
  }

  readonly handle = (call: Call): void => {
    new BatchCall(call, this.store, this.maxAppendSize);
  };
}

class BatchCall {
  private readonly pending = new Map<string, PendingAppend>();
  private readonly call: Call;
  private readonly outlet: Outlet;
  private readonly store: EventStore;
  private readonly maxAppendSize: number;
  private writing = 0;
  private halfClosed = false;

  constructor(call: Call, store: EventStore, maxAppendSize: number) {
    this.call = call;
    this.store = store;
    this.maxAppendSize = maxAppendSize;
    this.outlet = new Outlet(call);
    this.outlet.onClose(() => {
      for (const append of this.pending.values()) clearTimeout(append.timer);
      this.pending.clear();
    });
    call.on('data', (request: Request) => this.receive(request));
    call.on('end', () => {
      this.halfClosed = true;
      this.endWhenDone();
    });
    call.on('error', () => this.pending.clear());
  }

  private receive(request: Request): void {
    if (this.outlet.closed) return;
    let id: string;
    try {
      id = uuidText(request.correlationId);
    } catch (error) {
      this.outlet.fail(error);
      return;
    }
    let append = this.pending.get(id);
    if (!append && request.options) append = this.open(id, request.options, request.isFinal === true);
    if (!append) return;
    for (const proposed of request.proposedMessages ?? []) {
      let event: ProposedEvent;
      try {
        event = proposedEvent(proposed);
      } catch (error) {
        return this.refuse(
          id,
          append,
          failure(code.invalidArgument, 'BadRequest', BadRequestDetails.encode({ message: messageOf(error) })),
        );
      }
      append.size += appendSize(event);
      if (append.size > this.maxAppendSize) {
        const details = MaximumAppendSizeDetails.encode({ maxAppendSize: this.maxAppendSize });
        return this.refuse(id, append, failure(code.invalidArgument, 'MaximumAppendSizeExceeded', details));
      }
      append.events.push(event);
    }
    if (request.isFinal) this.write(id, append);
  }

  private open(id: string, options: Options, isFinal: boolean): PendingAppend | undefined {
    const streamBytes = options.streamIdentifier?.streamName ?? Buffer.alloc(0);
    const timeLeft = Math.min(timeUntilDeadline(options), longestArrival);
    if (timeLeft <= 0) {
      this.answer(id, streamBytes, { error: timeout() });
      return undefined;
    }
    try {
      const append: PendingAppend = {
        streamBytes,
        stream: streamName(options.streamIdentifier),
        expected: expectedRevision(options),
        events: [],
        size: 0,
        timer: undefined,
      };
      if (!isFinal) append.timer = setTimeout(() => this.refuse(id, append, timeout()), timeLeft);
      this.pending.set(id, append);
      return append;
    } catch (error) {
      this.answer(id, streamBytes, {
        error: failure(code.invalidArgument, 'BadRequest', BadRequestDetails.encode({ message: messageOf(error) })),
      });
      return undefined;
    }
  }

  private refuse(id: string, append: PendingAppend, error: Failure): void {
    this.forget(id, append);
    this.answer(id, append.streamBytes, { error });
    this.endWhenDone();
  }

  private write(id: string, append: PendingAppend): void {
    this.forget(id, append);
    this.writing += 1;
    if (this.writing >= mostWriting) this.call.pause();
    this.store
      .append(append.stream, append.expected, append.events)
      .then(
        (result) => this.answer(id, append.streamBytes, outcome(result, append)),
        () => this.answer(id, append.streamBytes, { error: failure(code.unknown, 'Unknown', Empty.encode({})) }),
      )
      .finally(() => {
        this.writing -= 1;
        this.goOn();
        this.endWhenDone();
      });
  }

  private forget(id: string, append: PendingAppend): void {
    clearTimeout(append.timer);
    this.pending.delete(id);
  }

  private answer(id: string, streamBytes: Buffer, result: Partial<MessageOf<typeof BatchAppendResp>>): void {
    this.outlet.send(BatchAppendResp.encode({ correlationId: { string: id }, streamIdentifier: { streamName: streamBytes }, ...result }));
    if (!this.outlet.full) return;
    this.call.pause();
    void this.outlet.ready().then(() => this.goOn());
  }

  /** Takes in more when there is room for answers and for appends. */
  private goOn(): void {
    if (this.call.isPaused() && !this.outlet.full && this.writing < mostWriting / 2) this.call.resume();
  }

  /** A client that half-closed and has all its answers is done; while it keeps its half open the call stays open too. */
  private endWhenDone(): void {
    if (this.halfClosed && this.writing === 0) this.outlet.end();
  }
}

function outcome(result: WriteResult, append: PendingAppend): Partial<MessageOf<typeof BatchAppendResp>> {
  if (result.kind === 'written') {
    return {
      success: {
        ...(result.revision < 0 ? { noStream: {} } : { currentRevision: BigInt(result.revision) }),
        ...(result.position === undefined ? { noPosition: {} } : { position: atPosition(result.position) }),
      },
    };
  }
  if (result.kind === 'stream-deleted') {
    const details = StreamDeletedDetails.encode({ streamIdentifier: { streamName: append.streamBytes } });
    return { error: failure(code.notFound, 'StreamDeleted', details) };
  }
  const { expected } = append;
  const details = WrongExpectedVersionDetails.encode({
    ...(result.current < 0 ? { currentNoStream: {} } : { currentStreamRevision: BigInt(result.current) }),
    ...(typeof expected === 'bigint' ? { expectedStreamPosition: expected } : {}),
    ...(expected === 'any' ? { expectedAny: {} } : {}),
    ...(expected === 'stream_exists' ? { expectedStreamExists: {} } : {}),
    ...(expected === 'no_stream' ? { expectedNoStream: {} } : {}),
  });
  return { error: failure(code.alreadyExists, 'WrongExpectedVersion', details) };
}

function timeUntilDeadline(options: Options): number {
  if (options.deadlineAt) {
    return Number(options.deadlineAt.seconds ?? 0n) * 1000 + (options.deadlineAt.nanos ?? 0) / 1e6 - Date.now();
  }
  if (options.deadline) return Number(options.deadline.seconds ?? 0n) * 1000 + (options.deadline.nanos ?? 0) / 1e6;
  return longestArrival;
}

const timeout = (): Failure => failure(code.deadlineExceeded, 'Timeout', Empty.encode({}));

function failure(statusCode: number, type: string, details: Buffer): Failure {
  return {
    code: statusCode,
    message: `${type}`,
    details: { typeUrl: `type.googleapis.com/event_store.client.${type}`, value: details },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : status[status.UNKNOWN]);
