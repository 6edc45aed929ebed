import type { FilterDefinition } from '../streams/event-filter.ts';
import { filterDefinition, matcher } from '../streams/event-filter.ts';
import type { StreamIdentifier } from '../wire/messages.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { MalformedMessage } from '../wire/proto-message.ts';
import { clampedNumber, streamName } from '../wire/request-values.ts';
import { groupFailed } from './group-errors.ts';
import type { DefineReq, Settings } from './messages.ts';

export const allStream = '$all';
export const strategies = ['DispatchToSingle', 'RoundRobin', 'Pinned'] as const;
export type StrategyName = (typeof strategies)[number];

/** Where a group without a checkpoint begins: at the end, or with the event at a revision or position. */
export type StartFrom = 'end' | { readonly commit: number; readonly prepare: number };

/** All that is kept of a group. Times are in milliseconds; 0 subscribers means as many as like. */
export interface GroupDefinition {
  /** A stream, or `$all`. */
  readonly stream: string;
  readonly group: string;
  readonly filter: FilterDefinition | undefined;
  readonly startFrom: StartFrom;
  readonly resolveLinks: boolean;
  readonly extraStatistics: boolean;
  readonly messageTimeout: number;
  readonly maxRetryCount: number;
  readonly checkpointAfter: number;
  readonly minCheckpointCount: number;
  readonly maxCheckpointCount: number;
  readonly maxSubscriberCount: number;
  readonly liveBufferSize: number;
  readonly historyBufferSize: number;
  readonly readBatchSize: number;
  readonly strategy: StrategyName;
}

type Options = NonNullable<MessageOf<typeof DefineReq>['options']>;

export const groupKey = (stream: string, group: string): string => `${stream}::${group}`;

/** The stream of a request about a group. @throws MalformedMessage */
export function sourceOf(options: { all?: object | undefined; streamIdentifier?: MessageOf<typeof StreamIdentifier> | undefined }): string {
  return options.all ? allStream : streamName(options.streamIdentifier);
}

/**
 * Reads and checks a definition. `lastPosition` is that of the last event in the log.
 * @throws RpcError persistent-subscription-failed when the settings cannot be; MalformedMessage
 */
export function groupDefinition(options: Options, lastPosition: number): GroupDefinition {
  const settings = options.settings ?? {};
  const stream = options.all ? allStream : streamName(options.stream?.streamIdentifier ?? options.streamIdentifier);
  const group = options.groupName ?? '';
  if (group === '') throw new MalformedMessage('The group name is empty.');
  const failed = (reason: string) => groupFailed(stream, group, reason);
  const definition: GroupDefinition = {
    stream,
    group,
    filter: options.all?.filter && filterDefinition(options.all.filter),
    startFrom: startOf(options, failed),
    resolveLinks: settings.resolveLinks ?? false,
    extraStatistics: settings.extraStatistics ?? false,
    messageTimeout: settings.messageTimeoutMs ?? ticks(settings.messageTimeoutTicks),
    maxRetryCount: settings.maxRetryCount ?? 0,
    checkpointAfter: settings.checkpointAfterMs ?? ticks(settings.checkpointAfterTicks),
    minCheckpointCount: settings.minCheckpointCount ?? 0,
    maxCheckpointCount: settings.maxCheckpointCount ?? 0,
    maxSubscriberCount: settings.maxSubscriberCount ?? 0,
    liveBufferSize: settings.liveBufferSize ?? 0,
    historyBufferSize: settings.historyBufferSize ?? 0,
    readBatchSize: settings.readBatchSize ?? 0,
    strategy: strategyOf(settings, failed),
  };
  if (definition.filter) matcher(definition.filter);
  if (definition.readBatchSize >= definition.historyBufferSize) throw failed('BufferSize must be larger than ReadBatchSize');
  if (definition.readBatchSize <= 0 || definition.liveBufferSize <= 0) throw failed('Buffer sizes must be positive');
  const { startFrom } = definition;
  if (stream === allStream && startFrom !== 'end') {
    if (startFrom.prepare > startFrom.commit) throw failed('The prepare position must not be larger than the commit position');
    if (startFrom.commit > lastPosition) throw failed('The start position must not be beyond the last position of the log');
  }
  return definition;
}

const endOfStream = 0xffffffffffffffffn;
const lastRevision = 0x7fffffffffffffffn;
const ticks = (value: bigint | undefined): number => Number((value ?? 0n) / 10_000n);

function startOf({ all, stream, settings }: Options, failed: (reason: string) => Error): StartFrom {
  if (all) {
    if (all.end) return 'end';
    return { commit: clampedNumber(all.position?.commit), prepare: clampedNumber(all.position?.prepare) };
  }
  if (stream?.end) return 'end';
  const revision = stream ? (stream.revision ?? 0n) : (settings?.revision ?? 0n);
  // Read as a signed number it would be below -1, which is the end.
  if (revision > lastRevision && revision !== endOfStream) throw failed('The start must not be before the start of the stream');
  return revision === endOfStream ? 'end' : { commit: clampedNumber(revision), prepare: clampedNumber(revision) };
}

function strategyOf(settings: MessageOf<typeof Settings>, failed: (reason: string) => Error): StrategyName {
  const name = settings.consumerStrategy || strategies[settings.namedConsumerStrategy ?? 0];
  const known = strategies.find((strategy) => strategy === name);
  if (!known) throw failed(`Consumer strategy ${name ?? settings.namedConsumerStrategy} does not exist.`);
  return known;
}
