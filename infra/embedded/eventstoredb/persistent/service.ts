import { status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import type { EventReader } from '../store/event-reader.ts';
import { Empty } from '../wire/messages.ts';
import { Outlet } from '../wire/outlet.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { MalformedMessage } from '../wire/proto-message.ts';
import { clampedNumber, streamName, uuidText } from '../wire/request-values.ts';
import { RpcError } from '../wire/rpc-error.ts';
import { answer } from '../wire/unary.ts';
import { Consumer } from './consumer.ts';
import type { Group, NackAction } from './group.ts';
import { allStream, groupDefinition, groupKey, sourceOf } from './group-definition.ts';
import { groupDoesNotExist, groupFailed } from './group-errors.ts';
import { groupInfo } from './group-info.ts';
import type { GroupRegistry } from './group-registry.ts';
import type { DefineReq, DeleteGroupReq, GetInfoReq, GroupReadReq, ListReq, ReplayParkedReq } from './messages.ts';
import { GetInfoResp, GroupConfirmation, ListResp } from './messages.ts';

type Unary<Req> = (call: ServerUnaryCall<Req, Buffer>, callback: sendUnaryData<Buffer>) => void;
type ReadRequest = MessageOf<typeof GroupReadReq>;
type ReadCall = ServerDuplexStream<ReadRequest, Buffer>;

const empty = Empty.encode({});

/** ReadReq.Nack.Action */
const nackActions: readonly NackAction[] = ['retry', 'park', 'retry', 'skip', 'skip'];

function unary<Req>(work: (request: Req) => Promise<Buffer>): Unary<Req> {
  return (call, callback) => answer(callback, () => work(call.request));
}

/** The options that every request must have. @throws MalformedMessage */
function required<T>(options: T | undefined): T {
  if (!options) throw new MalformedMessage('The options are missing.');
  return options;
}

/** The PersistentSubscriptions service. */
export function persistentSubscriptions(registry: GroupRegistry, reader: EventReader) {
  const define = (request: MessageOf<typeof DefineReq>) => groupDefinition(required(request.options), reader.lastPosition() ?? 0);

  return {
    create: unary<MessageOf<typeof DefineReq>>(async (request) => {
      await registry.create(define(request));
      return empty;
    }),

    update: unary<MessageOf<typeof DefineReq>>(async (request) => {
      await registry.update(define(request));
      return empty;
    }),

    delete: unary<MessageOf<typeof DeleteGroupReq>>(async (request) => {
      const options = required(request.options);
      await registry.delete(sourceOf(options), options.groupName ?? '');
      return empty;
    }),

    getInfo: unary<MessageOf<typeof GetInfoReq>>((request) => {
      const options = required(request.options);
      const group = registry.get(sourceOf(options), options.groupName ?? '');
      return Promise.resolve(GetInfoResp.encode({ subscriptionInfo: groupInfo(group) }));
    }),

    list: unary<MessageOf<typeof ListReq>>((request) => {
      const { listForStream } = required(request.options);
      let groups = registry.list();
      if (listForStream) {
        const stream = listForStream.all ? allStream : streamName(listForStream.stream);
        groups = groups.filter(({ definition }) => definition.stream === stream);
        if (groups.length === 0) throw groupDoesNotExist(stream, '');
      }
      return Promise.resolve(ListResp.encode({ subscriptions: groups.map(groupInfo) }));
    }),

    replayParked: unary<MessageOf<typeof ReplayParkedReq>>(async (request) => {
      const options = required(request.options);
      const stream = sourceOf(options);
      const group = registry.get(stream, options.groupName ?? '');
      if (options.stopAt !== undefined && options.stopAt < 0n)
        throw groupFailed(stream, options.groupName ?? '', 'stopAt must not be negative');
      await group.replayParked(options.stopAt === undefined ? Number.MAX_SAFE_INTEGER : clampedNumber(options.stopAt));
      return empty;
    }),

    restartSubsystem: unary<unknown>(() => {
      registry.restart();
      return Promise.resolve(empty);
    }),

    read(call: ReadCall): void {
      const outlet = new Outlet(call);
      let reading: { readonly group: Group; readonly consumer: Consumer } | undefined;
      call.on('data', (request: ReadRequest) => {
        try {
          if (reading) settle(reading.group, request);
          else reading = join(registry, call, outlet, request);
        } catch (error) {
          outlet.fail(error);
        }
      });
      outlet.onClose(() => reading?.group.disconnect(reading.consumer));
      call.on('end', () => outlet.end());
      call.on('error', () => reading?.group.disconnect(reading.consumer));
    },
  };
}

function join(registry: GroupRegistry, call: ReadCall, outlet: Outlet, request: ReadRequest): { group: Group; consumer: Consumer } {
  const options = required(request.options);
  const stream = sourceOf(options);
  const group = registry.get(stream, options.groupName ?? '');
  const capacity = options.bufferSize ?? 0;
  if (capacity <= 0) throw new RpcError(status.INVALID_ARGUMENT, 'The buffer size must be positive.');
  const consumer = new Consumer({
    outlet,
    capacity,
    connectionName: String(call.metadata.get('connection-name')[0] ?? ''),
    uuids: options.uuidOption?.structured ? 'structured' : 'string',
    extraStatistics: group.definition.extraStatistics,
  });
  group.connect(consumer);
  outlet.send(GroupConfirmation.encode({ subscriptionConfirmation: { subscriptionId: groupKey(stream, options.groupName ?? '') } }));
  group.pump();
  return { group, consumer };
}

function settle(group: Group, { ack, nack }: ReadRequest): void {
  if (ack) group.acknowledge((ack.ids ?? []).map(uuidText));
  if (nack) group.reject((nack.ids ?? []).map(uuidText), nackActions[nack.action ?? 0] ?? 'retry', nack.reason ?? '');
}
