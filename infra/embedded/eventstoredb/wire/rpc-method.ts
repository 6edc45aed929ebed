import type { MethodDefinition } from '@grpc/grpc-js';
import type { Message } from './proto-message.ts';

type Flow = 'unary' | 'client-stream' | 'server-stream' | 'duplex';

/** A gRPC method whose answers are handed over as encoded bytes. The server never plays the client, hence the identities. */
export function rpcMethod<Req>(path: string, flow: Flow, request: Message<Req>): MethodDefinition<Req, Buffer> {
  return {
    path,
    requestStream: flow === 'client-stream' || flow === 'duplex',
    responseStream: flow === 'server-stream' || flow === 'duplex',
    requestSerialize: (value) => request.encode(value),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
  };
}
