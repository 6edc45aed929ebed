import type { MessageOf } from '../wire/proto-message.ts';
import { positionText } from './checkpoints.ts';
import type { Consumer } from './consumer.ts';
import type { Group } from './group.ts';
import type { GroupDefinition } from './group-definition.ts';
import { allStream } from './group-definition.ts';
import type { SubscriptionInfo } from './messages.ts';

type Info = MessageOf<typeof SubscriptionInfo>;

/** Everybody is this user on an insecure node. */
const username = 'system';

/** What `GetInfo` and `List` tell about a group. */
export function groupInfo(group: Group): Info {
  const { definition, buffer } = group;
  const { averagePerSecond, sinceLast } = group.rate.measure();
  const text = (position: number | undefined): string => (position === undefined ? '' : positionText(definition.stream, position));
  const consumers = [...group.consumers];
  return {
    eventSource: definition.stream,
    groupName: definition.group,
    status: group.live ? 'Live' : 'Behind',
    connections: consumers.map(connectionInfo),
    averagePerSecond,
    totalItems: BigInt(group.rate.total),
    countSinceLastMeasurement: BigInt(sinceLast),
    lastCheckpointedEventPosition: text(group.lastCheckpoint),
    lastKnownEventPosition: text(group.lastKnown),
    resolveLinkTos: definition.resolveLinks,
    startFrom: startText(definition),
    messageTimeoutMilliseconds: definition.messageTimeout,
    extraStatistics: definition.extraStatistics,
    maxRetryCount: definition.maxRetryCount,
    liveBufferSize: definition.liveBufferSize,
    bufferSize: definition.historyBufferSize,
    readBatchSize: definition.readBatchSize,
    checkPointAfterMilliseconds: definition.checkpointAfter,
    minCheckPointCount: definition.minCheckpointCount,
    maxCheckPointCount: definition.maxCheckpointCount,
    readBufferCount: group.live ? 0 : buffer.freshCount,
    liveBufferCount: BigInt(group.live ? buffer.freshCount : 0),
    retryBufferCount: buffer.retryCount,
    totalInFlightMessages: consumers.reduce((sum, { inFlight }) => sum + inFlight.size, 0),
    outstandingMessagesCount: group.outstanding.size,
    namedConsumerStrategy: definition.strategy,
    maxSubscriberCount: definition.maxSubscriberCount,
    parkedMessageCount: BigInt(group.parked.count),
  };
}

function connectionInfo(consumer: Consumer): NonNullable<Info['connections']>[number] {
  const { averagePerSecond, sinceLast } = consumer.rate.measure();
  return {
    from: '',
    username,
    averageItemsPerSecond: averagePerSecond,
    totalItems: BigInt(consumer.rate.total),
    countSinceLastMeasurement: BigInt(sinceLast),
    availableSlots: consumer.freeSlots,
    inFlightMessages: consumer.inFlight.size,
    connectionName: consumer.connectionName,
    ...(consumer.latency ? { observedMeasurements: consumer.latency.measurements() } : {}),
  };
}

function startText({ stream, startFrom }: GroupDefinition): string {
  const [commit, prepare] = startFrom === 'end' ? [-1, -1] : [startFrom.commit, startFrom.prepare];
  return stream === allStream ? `C:${commit}/P:${prepare}` : String(commit);
}
