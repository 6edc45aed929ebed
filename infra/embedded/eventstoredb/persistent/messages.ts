import { Empty, FilterOptions, Position, StreamIdentifier, Uuid, UuidOption } from '../wire/messages.ts';
import { bool, int32, int64, message, nested, repeated, string, uint64 } from '../wire/proto-message.ts';

// The messages of the PersistentSubscriptions service.

export const Settings = message({
  resolveLinks: bool(1),
  revision: uint64(2),
  extraStatistics: bool(3),
  messageTimeoutTicks: int64(4),
  maxRetryCount: int32(5),
  checkpointAfterTicks: int64(6),
  minCheckpointCount: int32(7),
  maxCheckpointCount: int32(8),
  maxSubscriberCount: int32(9),
  liveBufferSize: int32(10),
  readBatchSize: int32(11),
  historyBufferSize: int32(12),
  namedConsumerStrategy: int32(13),
  messageTimeoutMs: int32(14),
  checkpointAfterMs: int32(15),
  consumerStrategy: string(16),
});

/** Create and update alike. */
export const DefineReq = message({
  options: nested(
    1,
    message({
      streamIdentifier: nested(1, StreamIdentifier),
      groupName: string(2),
      settings: nested(3, Settings),
      stream: nested(
        4,
        message({ streamIdentifier: nested(1, StreamIdentifier), revision: uint64(2), start: nested(3, Empty), end: nested(4, Empty) }),
      ),
      all: nested(
        5,
        message({ position: nested(1, Position), start: nested(2, Empty), end: nested(3, Empty), filter: nested(4, FilterOptions) }),
      ),
    }),
  ),
});

export const DeleteGroupReq = message({
  options: nested(1, message({ streamIdentifier: nested(1, StreamIdentifier), groupName: string(2), all: nested(3, Empty) })),
});

export const GetInfoReq = message({
  options: nested(1, message({ streamIdentifier: nested(1, StreamIdentifier), all: nested(2, Empty), groupName: string(3) })),
});

export const ReplayParkedReq = message({
  options: nested(
    1,
    message({
      groupName: string(1),
      streamIdentifier: nested(2, StreamIdentifier),
      all: nested(3, Empty),
      stopAt: int64(4),
      noLimit: nested(5, Empty),
    }),
  ),
});

export const ListReq = message({
  options: nested(
    1,
    message({
      listAllSubscriptions: nested(1, Empty),
      listForStream: nested(2, message({ stream: nested(1, StreamIdentifier), all: nested(2, Empty) })),
    }),
  ),
});

export const GroupReadReq = message({
  options: nested(
    1,
    message({
      streamIdentifier: nested(1, StreamIdentifier),
      groupName: string(2),
      bufferSize: int32(3),
      uuidOption: nested(4, UuidOption),
      all: nested(5, Empty),
    }),
  ),
  ack: nested(2, message({ ids: repeated(nested(2, Uuid)) })),
  nack: nested(3, message({ ids: repeated(nested(2, Uuid)), action: int32(3), reason: string(4) })),
});

export const GroupConfirmation = message({ subscriptionConfirmation: nested(2, message({ subscriptionId: string(1) })) });

export const SubscriptionInfo = message({
  eventSource: string(1),
  groupName: string(2),
  status: string(3),
  connections: repeated(
    nested(
      4,
      message({
        from: string(1),
        username: string(2),
        averageItemsPerSecond: int32(3),
        totalItems: int64(4),
        countSinceLastMeasurement: int64(5),
        observedMeasurements: repeated(nested(6, message({ key: string(1), value: int64(2) }))),
        availableSlots: int32(7),
        inFlightMessages: int32(8),
        connectionName: string(9),
      }),
    ),
  ),
  averagePerSecond: int32(5),
  totalItems: int64(6),
  countSinceLastMeasurement: int64(7),
  lastCheckpointedEventPosition: string(8),
  lastKnownEventPosition: string(9),
  resolveLinkTos: bool(10),
  startFrom: string(11),
  messageTimeoutMilliseconds: int32(12),
  extraStatistics: bool(13),
  maxRetryCount: int32(14),
  liveBufferSize: int32(15),
  bufferSize: int32(16),
  readBatchSize: int32(17),
  checkPointAfterMilliseconds: int32(18),
  minCheckPointCount: int32(19),
  maxCheckPointCount: int32(20),
  readBufferCount: int32(21),
  liveBufferCount: int64(22),
  retryBufferCount: int32(23),
  totalInFlightMessages: int32(24),
  outstandingMessagesCount: int32(25),
  namedConsumerStrategy: string(26),
  maxSubscriberCount: int32(27),
  parkedMessageCount: int64(28),
});

export const GetInfoResp = message({ subscriptionInfo: nested(1, SubscriptionInfo) });
export const ListResp = message({ subscriptions: repeated(nested(1, SubscriptionInfo)) });
