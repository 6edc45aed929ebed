import { status } from '@grpc/grpc-js';
import type { LoggedEvent } from '../log/logged-event.ts';
import type { FilterOptions } from '../wire/messages.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { RpcError } from '../wire/rpc-error.ts';
import { filterExpression } from './filter-expression.ts';

export interface EventFilter {
  readonly matches: (event: LoggedEvent) => boolean;
  /** How many events a page of the catch-up may look at. */
  readonly window: number;
  /** After how many considered events a checkpoint is due. */
  readonly checkpointInterval: number;
}

/** The same filter as plain values: what a persistent subscription keeps of it. */
export interface FilterDefinition {
  readonly on: 'stream' | 'type';
  readonly regex: string;
  readonly prefixes: readonly string[];
}

/** @throws RpcError INVALID_ARGUMENT for an expression that does not compile or an interval of zero */
export function eventFilter(options: MessageOf<typeof FilterOptions>): EventFilter {
  if (!options.checkpointIntervalMultiplier) throw new RpcError(status.INVALID_ARGUMENT, 'checkpointIntervalMultiplier must be positive.');
  const window = options.max === undefined || options.max <= 0 ? 32 : options.max;
  return {
    matches: matcher(filterDefinition(options)),
    window,
    checkpointInterval: window * options.checkpointIntervalMultiplier,
  };
}

/** @throws RpcError INVALID_ARGUMENT when neither stream nor type are filtered on */
export function filterDefinition(options: MessageOf<typeof FilterOptions>): FilterDefinition {
  const expression = options.streamIdentifier ?? options.eventType;
  if (!expression) throw new RpcError(status.INVALID_ARGUMENT, 'The filter names neither stream nor event type.');
  return { on: options.streamIdentifier ? 'stream' : 'type', regex: expression.regex ?? '', prefixes: expression.prefix ?? [] };
}

/** A regular expression wins over prefixes; with neither nothing matches. @throws RpcError INVALID_ARGUMENT */
export function matcher(filter: FilterDefinition): (event: LoggedEvent) => boolean {
  const text = filter.on === 'stream' ? (event: LoggedEvent) => event.stream : (event: LoggedEvent) => event.type;
  if (filter.regex !== '') {
    const expression = filterExpression(filter.regex);
    return (event) => expression.test(text(event));
  }
  return (event) => {
    const value = text(event);
    return filter.prefixes.some((prefix) => value.startsWith(prefix));
  };
}
