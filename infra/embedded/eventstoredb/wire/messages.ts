import { bool, bytes, int32, int64, message, nested, repeated, string, uint64 } from './proto-message.ts';

// The messages of the EventStoreDB gRPC API that are exchanged with one another rarely enough to be encoded field by field.
// What is sent per event has its own lean encoder in read-responses.ts.

export const Empty = message({});
const StructuredUuid = message({ mostSignificantBits: int64(1), leastSignificantBits: int64(2) });
export const Uuid = message({ structured: nested(1, StructuredUuid), string: string(2) });
export const StreamIdentifier = message({ streamName: bytes(3) });
export const Position = message({ commit: uint64(1), prepare: uint64(2) });
const MapEntry = message({ key: string(1), value: string(2) });

const ProposedMessage = message({
  id: nested(1, Uuid),
  metadata: repeated(nested(2, MapEntry)),
  customMetadata: bytes(3),
  data: bytes(4),
});

export const AppendReq = message({
  options: nested(
    1,
    message({
      streamIdentifier: nested(1, StreamIdentifier),
      revision: uint64(2),
      noStream: nested(3, Empty),
      any: nested(4, Empty),
      streamExists: nested(5, Empty),
    }),
  ),
  proposedMessage: nested(2, ProposedMessage),
});

export const AppendResp = message({
  success: nested(
    1,
    message({ currentRevision: uint64(1), noStream: nested(2, Empty), position: nested(3, Position), noPosition: nested(4, Empty) }),
  ),
  wrongExpectedVersion: nested(
    2,
    message({
      currentRevision: uint64(6),
      currentNoStream: nested(7, Empty),
      expectedRevision: uint64(8),
      expectedAny: nested(9, Empty),
      expectedStreamExists: nested(10, Empty),
      expectedNoStream: nested(11, Empty),
    }),
  ),
});

export const BatchAppendReq = message({
  correlationId: nested(1, Uuid),
  options: nested(
    2,
    message({
      streamIdentifier: nested(1, StreamIdentifier),
      revision: uint64(2),
      noStream: nested(3, Empty),
      any: nested(4, Empty),
      streamExists: nested(5, Empty),
      deadlineAt: nested(6, message({ seconds: int64(1), nanos: int32(2) })),
      deadline: nested(7, message({ seconds: int64(1), nanos: int32(2) })),
    }),
  ),
  proposedMessages: repeated(nested(3, ProposedMessage)),
  isFinal: bool(4),
});

const Any = message({ typeUrl: string(1), value: bytes(2) });
export const Status = message({ code: int32(1), message: string(2), details: nested(3, Any) });
export const BatchAppendResp = message({
  correlationId: nested(1, Uuid),
  error: nested(2, Status),
  success: nested(
    3,
    message({ currentRevision: uint64(1), noStream: nested(2, Empty), position: nested(3, Position), noPosition: nested(4, Empty) }),
  ),
  streamIdentifier: nested(4, StreamIdentifier),
  revision: uint64(5),
  noStream: nested(6, Empty),
  any: nested(7, Empty),
  streamExists: nested(8, Empty),
});

/** The details of a failed batch append. */
export const WrongExpectedVersionDetails = message({
  currentStreamRevision: uint64(1),
  currentNoStream: nested(2, Empty),
  expectedStreamPosition: uint64(3),
  expectedAny: nested(4, Empty),
  expectedStreamExists: nested(5, Empty),
  expectedNoStream: nested(6, Empty),
});
export const StreamDeletedDetails = message({ streamIdentifier: nested(1, StreamIdentifier) });
export const MaximumAppendSizeDetails = message({ maxAppendSize: int32(1) });
export const BadRequestDetails = message({ message: string(1) });

export const DeleteReq = message({
  options: nested(
    1,
    message({
      streamIdentifier: nested(1, StreamIdentifier),
      revision: uint64(2),
      noStream: nested(3, Empty),
      any: nested(4, Empty),
      streamExists: nested(5, Empty),
    }),
  ),
});
export const DeleteResp = message({ position: nested(1, Position), noPosition: nested(2, Empty) });

const Expression = message({ regex: string(1), prefix: repeated(string(2)) });
export const FilterOptions = message({
  streamIdentifier: nested(1, Expression),
  eventType: nested(2, Expression),
  max: int32(3),
  count: nested(4, Empty),
  checkpointIntervalMultiplier: int32(5),
});
export const UuidOption = message({ structured: nested(1, Empty), string: nested(2, Empty) });

export const ReadReq = message({
  options: nested(
    1,
    message({
      stream: nested(
        1,
        message({ streamIdentifier: nested(1, StreamIdentifier), revision: uint64(2), start: nested(3, Empty), end: nested(4, Empty) }),
      ),
      all: nested(2, message({ position: nested(1, Position), start: nested(2, Empty), end: nested(3, Empty) })),
      readDirection: int32(3),
      resolveLinks: bool(4),
      count: uint64(5),
      subscription: nested(6, Empty),
      filter: nested(7, FilterOptions),
      noFilter: nested(8, Empty),
      uuidOption: nested(9, UuidOption),
    }),
  ),
});

/** What ReadResp carries besides events. */
export const ReadControl = message({
  confirmation: nested(2, message({ subscriptionId: string(1) })),
  checkpoint: nested(3, Position),
  streamNotFound: nested(4, message({ streamIdentifier: nested(1, StreamIdentifier) })),
  caughtUp: nested(8, Empty),
});

export const SupportedMethods = message({
  methods: repeated(nested(1, message({ methodName: string(1), serviceName: string(2), features: repeated(string(3)) }))),
  eventStoreServerVersion: string(2),
});

export const ClusterInfo = message({
  members: repeated(
    nested(
      1,
      message({
        instanceId: nested(1, Uuid),
        timeStamp: int64(2),
        state: int32(3),
        isAlive: bool(4),
        httpEndPoint: nested(5, message({ address: string(1), port: int32(2) })),
      }),
    ),
  ),
});
