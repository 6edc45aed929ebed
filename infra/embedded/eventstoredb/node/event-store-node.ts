import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { MethodDefinition, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { EventLog } from '../log/event-log.ts';
import { EventReader } from '../store/event-reader.ts';
import { EventStore } from '../store/event-store.ts';
import { BatchAppends } from '../streams/batch-append.ts';
import { ClassicAppends } from '../streams/classic-append.ts';
import { softDelete, tombstone } from '../streams/delete.ts';
import { Reads } from '../streams/read.ts';
import { AppendReq, BatchAppendReq, DeleteReq, Empty, ReadReq } from '../wire/messages.ts';
import { DefineReq, DeleteGroupReq, GetInfoReq, GroupReadReq, ListReq, ReplayParkedReq } from '../persistent/messages.ts';
import { GroupRegistry } from '../persistent/group-registry.ts';
import { persistentSubscriptions } from '../persistent/service.ts';
import { RpcError } from '../wire/rpc-error.ts';
import { rpcMethod } from '../wire/rpc-method.ts';
import { writeBootEvents } from './boot-events.ts';
import { gossip } from './gossip.ts';
import { supportedMethods } from './server-features.ts';

const loopback = '127.0.0.1';

/** What the real server takes: one record may be 16 MiB. */
const maxMessageBytes = 17 * 1024 * 1024;
export const defaultMaxAppendSize = 1024 * 1024;

export interface NodeOptions {
  readonly log: EventLog;
  /** 0 takes a free one. */
  readonly port: number;
  /** Bytes of one append. */
  readonly maxAppendSize?: number;
}

export interface EventStoreNode {
  readonly port: number;
  /** Answers what is under way, cuts every call, closes the log. */
  stop(): Promise<void>;
}

interface Route {
  readonly method: MethodDefinition<unknown, Buffer>;
  readonly handler: UntypedHandleCall;
}

/** Serves a log on 127.0.0.1. @throws Error when the port is taken */
export async function startNode(options: NodeOptions): Promise<EventStoreNode> {
  const store = new EventStore(options.log);
  const reader = new EventReader(store);
  await writeBootEvents(store);
  const maxAppendSize = options.maxAppendSize ?? defaultMaxAppendSize;
  const classicAppends = new ClassicAppends(store, maxAppendSize);
  const registry = new GroupRegistry(store, reader);
  const groups = persistentSubscriptions(registry, reader);
  let port = options.port;

  const streams = 'event_store.client.streams.Streams';
  const persistent = 'event_store.client.persistent_subscriptions.PersistentSubscriptions';
  const routes: Route[] = [
    route(rpcMethod(`/${streams}/Read`, 'server-stream', ReadReq), new Reads(store, reader).handle),
    route(rpcMethod(`/${streams}/Append`, 'client-stream', AppendReq), classicAppends.handle),
    route(rpcMethod(`/${streams}/BatchAppend`, 'duplex', BatchAppendReq), new BatchAppends(store, maxAppendSize).handle),
    route(rpcMethod(`/${streams}/Delete`, 'unary', DeleteReq), softDelete(store)),
    route(rpcMethod(`/${streams}/Tombstone`, 'unary', DeleteReq), tombstone(store)),
    route(rpcMethod(`/${persistent}/Create`, 'unary', DefineReq), groups.create),
    route(rpcMethod(`/${persistent}/Update`, 'unary', DefineReq), groups.update),
    route(rpcMethod(`/${persistent}/Delete`, 'unary', DeleteGroupReq), groups.delete),
    route(rpcMethod(`/${persistent}/Read`, 'duplex', GroupReadReq), groups.read),
    route(rpcMethod(`/${persistent}/GetInfo`, 'unary', GetInfoReq), groups.getInfo),
    route(rpcMethod(`/${persistent}/ReplayParked`, 'unary', ReplayParkedReq), groups.replayParked),
    route(rpcMethod(`/${persistent}/List`, 'unary', ListReq), groups.list),
    route(rpcMethod(`/${persistent}/RestartSubsystem`, 'unary', Empty), groups.restartSubsystem),
    route(
      rpcMethod('/event_store.client.gossip.Gossip/Read', 'unary', Empty),
      gossip(loopback, () => port),
    ),
  ];
  const featuresPath = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods';
  const paths = [...routes.map(({ method }) => method.path), featuresPath];
  routes.push(route(rpcMethod(featuresPath, 'unary', Empty), supportedMethods(paths)));

  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.so_reuseport': 0,
  });
  for (const { method, handler } of routes) {
    server.addService({ [method.path]: method }, { [method.path]: handler } as UntypedServiceImplementation);
  }
  port = await listen(server, options.port);

  return {
    port,
    async stop() {
      await store.drain();
      // The answers of what was just committed leave before the calls are cut.
      await new Promise((resolve) => setImmediate(resolve));
      classicAppends.abortAll(new RpcError(status.UNAVAILABLE, 'Server is shutting down.'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      server.forceShutdown();
      registry.close();
      await store.close();
    },
  };
}

function route<Req>(method: MethodDefinition<Req, Buffer>, handler: (...call: never[]) => void): Route {
  return { method: method as unknown as MethodDefinition<unknown, Buffer>, handler: handler as UntypedHandleCall };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${loopback}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(new Error(`Cannot listen on ${loopback}:${port}: ${error.message}`));
      else resolve(bound);
    });
  });
}
