import { credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

/** What the client library never sends is sent with its generated messages, which share nothing with our own codec. */
export const { AppendReq, BatchAppendReq, BatchAppendResp, DeleteReq, ReadReq, ReadResp, TombstoneReq } = streams;
export const { Empty, StreamDeleted, StreamIdentifier, UUID, WrongExpectedVersion } = shared;

export function rawStreams(connectionString: string): InstanceType<typeof streamsGrpc.StreamsClient> {
  const { host } = new URL(connectionString);
  return new streamsGrpc.StreamsClient(host, credentials.createInsecure());
}

export function identifier(stream: string | Uint8Array): InstanceType<typeof StreamIdentifier> {
  const message = new StreamIdentifier();
  message.setStreamName(Buffer.from(stream as string));
  return message;
}

export function uuid(text: string = randomUUID()): InstanceType<typeof UUID> {
  const message = new UUID();
  message.setString(text);
  return message;
}

/** The form of an id in two signed halves. */
export function structuredUuid(mostSignificantBits: string, leastSignificantBits: string): InstanceType<typeof UUID> {
  const structured = new UUID.Structured();
  structured.setMostSignificantBits(mostSignificantBits);
  structured.setLeastSignificantBits(leastSignificantBits);
  const message = new UUID();
  message.setStructured(structured);
  return message;
}

/** An id as text, in whichever form it came. */
export function dashed(id: InstanceType<typeof UUID> | undefined): string {
  const structured = id?.getStructured();
  if (!structured) return id?.getString() ?? '';
  const halves = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()];
  const hex = halves.map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function batchMessage(id: string = randomUUID(), size = 2): InstanceType<typeof BatchAppendReq.ProposedMessage> {
  const message = new BatchAppendReq.ProposedMessage();
  message.setId(uuid(id));
  message.getMetadataMap().set('type', 'Happened').set('content-type', 'application/octet-stream');
  message.setData(Buffer.alloc(size, 1));
  return message;
}

export function batchOptions(stream: string): InstanceType<typeof BatchAppendReq.Options> {
  const options = new BatchAppendReq.Options();
  options.setStreamIdentifier(identifier(stream));
  options.setAny(new Empty() as never);
  return options;
}

/** One chunk of a batch append. */
export function chunk(
  correlationId: string,
  content: { options?: ReturnType<typeof batchOptions>; messages?: ReturnType<typeof batchMessage>[]; final?: boolean },
): InstanceType<typeof BatchAppendReq> {
  const request = new BatchAppendReq();
  request.setCorrelationId(uuid(correlationId));
  if (content.options) request.setOptions(content.options);
  request.setProposedMessagesList(content.messages ?? []);
  request.setIsFinal(content.final ?? false);
  return request;
}

/** Runs a classic append of hand-made messages; gives the answer or the error. */
export function rawAppend(
  client: ReturnType<typeof rawStreams>,
  requests: readonly InstanceType<typeof AppendReq>[],
): Promise<{ error?: ServiceError; response?: InstanceType<typeof streams.AppendResp> }> {
  return new Promise((resolve) => {
    const call = client.append(new Metadata(), (error, response) => resolve(error ? { error } : { response }));
    call.on('error', () => undefined);
    for (const request of requests) call.write(request);
    call.end();
  });
}

/**
 * Sends the messages of a classic append, never says that they are all, and resolves when the server has them. It speaks HTTP/2 itself: the
 * gRPC library ends the requests of a call that it cancels, before it cancels it.
 */
export async function unfinishedAppend(
  connectionString: string,
  requests: readonly InstanceType<typeof AppendReq>[],
  headers: OutgoingHttpHeaders = {},
): Promise<{ answer: Promise<IncomingHttpHeaders>; cutOff: () => void }> {
  const session = connect(`http://${new URL(connectionString).host}`);
  const path = '/event_store.client.streams.Streams/Append';
  const call = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  const answer = once(call, 'response').then(([received]) => received as IncomingHttpHeaders);
  const frames = requests.map((request) => {
    const message = request.serializeBinary();
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    return Buffer.concat([prefix, message]);
  });
  await new Promise<void>((written) => void call.write(Buffer.concat(frames), () => written()));
  // A ping is answered after the frames before it were read.
  await new Promise<void>((answered) => void session.ping(() => answered()));
  return { answer, cutOff: () => session.destroy() };
}

export function appendOptions(
  stream: string | Uint8Array,
  expect: (options: InstanceType<typeof AppendReq.Options>) => unknown = (options) => options.setAny(new Empty()),
): InstanceType<typeof AppendReq> {
  const options = new AppendReq.Options();
  options.setStreamIdentifier(identifier(stream));
  expect(options);
  const request = new AppendReq();
  request.setOptions(options);
  return request;
}

export function appendMessage(change: (message: InstanceType<typeof AppendReq.ProposedMessage>) => unknown = () => undefined) {
  const message = new AppendReq.ProposedMessage();
  message.setId(uuid());
  message.getMetadataMap().set('type', 'Happened').set('content-type', 'application/json');
  message.setData(Buffer.from('{}'));
  change(message);
  const request = new AppendReq();
  request.setProposedMessage(message);
  return request;
}

/** Reads with a hand-made request; gives the answers, and the error if it ended with one. It is cancelled after the last answer that is wanted. */
export function rawRead(
  client: ReturnType<typeof rawStreams>,
  request: InstanceType<typeof ReadReq>,
  isLast: (response: InstanceType<typeof ReadResp>) => boolean = () => false,
): Promise<{ error?: ServiceError; responses: InstanceType<typeof ReadResp>[] }> {
  return new Promise((resolve) => {
    const responses: InstanceType<typeof ReadResp>[] = [];
    const call = client.read(request, new Metadata());
    call.on('data', (response: InstanceType<typeof ReadResp>) => {
      responses.push(response);
      if (!isLast(response)) return;
      call.cancel();
      resolve({ responses });
    });
    call.on('error', (error: ServiceError) => resolve({ error, responses }));
    call.on('end', () => resolve({ responses }));
  });
}

export function readRequest(
  stream: string,
  change: (options: InstanceType<typeof ReadReq.Options>) => void = () => undefined,
): InstanceType<typeof ReadReq> {
  const from = new ReadReq.Options.StreamOptions();
  from.setStreamIdentifier(identifier(stream));
  from.setStart(new Empty());
  const uuids = new ReadReq.Options.UUIDOption();
  uuids.setString(new Empty());
  const options = new ReadReq.Options();
  options.setStream(from);
  options.setCount('100');
  options.setNoFilter(new Empty());
  options.setUuidOption(uuids);
  change(options);
  const request = new ReadReq();
  request.setOptions(options);
  return request;
}

/** Asks to delete a stream that is expected to exist. */
export function deleteRequest(method: 'delete' | 'tombstone', stream: string) {
  if (method === 'delete') {
    const options = new DeleteReq.Options();
    options.setStreamIdentifier(identifier(stream));
    options.setStreamExists(new Empty());
    const request = new DeleteReq();
    request.setOptions(options);
    return request;
  }
  const options = new TombstoneReq.Options();
  options.setStreamIdentifier(identifier(stream));
  options.setStreamExists(new Empty());
  const request = new TombstoneReq();
  request.setOptions(options);
  return request;
}
