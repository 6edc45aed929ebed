import grpc, { type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';

export type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

/** What the server does; every call of one kind goes to the same function, which counts for itself. */
export interface Script {
  batchAppend?: (call: BatchCall) => void;
  read?: (call: ReadCall) => void;
  /** Fails the question for the server's features, when it gives an error. */
  features?: () => Error | undefined;
}

export interface ScriptedServer {
  readonly connectionString: string;
  /** Calls that the client has not ended yet. */
  readonly open: ReadonlySet<BatchCall | ReadCall>;
  /** Resolves when the condition holds, looked at after every begin and end of a call. */
  until(condition: () => boolean): Promise<void>;
  stop(): void;
}

/**
 * A server of the streams protocol that misbehaves as it is told, on a loopback port. For the specs of what our code does
 * when a server or the client behaves as section 10 of the protocol notes describes.
 */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const server = new grpc.Server();
  const open = new Set<BatchCall | ReadCall>();
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const test of waiting) test();
  };
  const track = (call: BatchCall | ReadCall): void => {
    open.add(call);
    const gone = (): void => {
      open.delete(call);
      look();
    };
    call.on('cancelled', gone).on('finish', gone).on('error', gone);
  };
  const batchAppend = (call: BatchCall): void => {
    track(call);
    script.batchAppend?.(call);
    look();
  };
  const read = (call: ReadCall): void => {
    track(call);
    script.read?.(call);
    look();
  };
  server.addService(streamsGrpc.StreamsService as unknown as grpc.ServiceDefinition, { batchAppend, read });
  server.addService(featuresGrpc.ServerFeaturesService as unknown as grpc.ServiceDefinition, {
    getSupportedMethods: (_call: ServerUnaryCall<unknown, SupportedMethods>, answer: sendUnaryData<SupportedMethods>) => {
      const failure = script.features?.();
      if (failure !== undefined) answer({ ...failure, code: grpc.status.UNAVAILABLE, details: failure.message });
      else answer(null, supportedMethods());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    connectionString: `esdb://127.0.0.1:${port}?tls=false`,
    open,
    until: (condition) =>
      new Promise((resolve) => {
        const test = (): void => {
          if (!condition()) return;
          waiting.delete(test);
          resolve();
        };
        waiting.add(test);
        test();
      }),
    stop: () => server.forceShutdown(),
  };
}

function supportedMethods(): SupportedMethods {
  const method = new features.SupportedMethod();
  method.setServiceName('event_store.client.streams.streams');
  method.setMethodName('batchappend');
  const supported = new features.SupportedMethods();
  supported.setEventStoreServerVersion('23.10.0');
  supported.addMethods(method);
  return supported;
}

/** The answer that an append was written; the position is 100 times the number of the event, counted from 1. */
export function written(request: BatchAppendReq, revision: number): BatchAppendResp {
  const position = new shared.AllStreamPosition();
  position.setCommitPosition(String(100 * (revision + 1)));
  position.setPreparePosition(String(100 * (revision + 1)));
  const success = new streams.BatchAppendResp.Success();
  success.setCurrentRevision(String(revision));
  success.setPosition(position);
  const answer = new streams.BatchAppendResp();
  answer.setCorrelationId(request.getCorrelationId());
  answer.setStreamIdentifier(request.getOptions()?.getStreamIdentifier());
  answer.setSuccess(success);
  return answer;
}

/** A small event of a stream as a read sends it, at a position. */
export function sent(stream: string, revision: number, position: number, type = 'TallyAdded'): ReadResp {
  const id = new shared.UUID();
  id.setString(`00000000-0000-4000-8000-${String(position).padStart(12, '0')}`);
  const name = new shared.StreamIdentifier();
  name.setStreamName(Buffer.from(stream).toString('base64'));
  const event = new streams.ReadResp.ReadEvent.RecordedEvent();
  event.setId(id);
  event.setStreamIdentifier(name);
  event.setStreamRevision(String(revision));
  event.setCommitPosition(String(position));
  event.setPreparePosition(String(position));
  event.getMetadataMap().set('type', type).set('content-type', 'application/json').set('created', `${Date.now()}0000`);
  const [aggregateType = '', ...rest] = stream.split('-');
  const aggregateId = rest.join('-');
  const metadata = { eventVersion: '1.0', aggregateType, aggregateId, timestamp: '2026-11-23T12:00:00.000Z', $correlationId: aggregateId };
  event.setCustomMetadata(Buffer.from(JSON.stringify(metadata)).toString('base64'));
  event.setData(Buffer.from(JSON.stringify({ tallyId: aggregateId, amount: revision + 1 })).toString('base64'));
  const place = new streams.ReadResp.ReadEvent();
  place.setEvent(event);
  place.setCommitPosition(String(position));
  const response = new streams.ReadResp();
  response.setEvent(place);
  return response;
}

/** The confirmation that a subscription begins with. */
export function confirmed(): ReadResp {
  const confirmation = new streams.ReadResp.SubscriptionConfirmation();
  confirmation.setSubscriptionId('scripted');
  const response = new streams.ReadResp();
  response.setConfirmation(confirmation);
  return response;
}

/** The notice that everything up to a position has been considered. */
export function checkpoint(position: number): ReadResp {
  const reached = new streams.ReadResp.Checkpoint();
  reached.setCommitPosition(String(position));
  reached.setPreparePosition(String(position));
  const response = new streams.ReadResp();
  response.setCheckpoint(reached);
  return response;
}

/** Whether a read is a subscription, and after which position (undefined: from the start). */
export function subscriptionOf(request: ReadReq): { after: number | undefined } | undefined {
  const options = request.getOptions();
  if (options === undefined || !options.hasSubscription()) return undefined;
  const position = options.getAll()?.getPosition();
  return { after: position === undefined ? undefined : Number(position.getCommitPosition()) };
}
