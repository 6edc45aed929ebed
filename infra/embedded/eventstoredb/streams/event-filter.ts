import { status } from '@grpc/grpc-js';
import type { LoggedEvent } from '../log/logged-event.ts';
import type { FilterOptions } from '../wire/messages.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { RpcError } from '../wire/rpc-error.ts';

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

/** Where .NET and JavaScript give a pattern different meanings without either of them complaining. */
const dotnetOnly = /\\[AZzGpPaeXRKHQEx]/;

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
    const expression = compile(filter.regex);
    return (event) => expression.test(text(event));
  }
  return (event) => {
    const value = text(event);
    return filter.prefixes.some((prefix) => value.startsWith(prefix));
  };
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    // .NET allows needless escapes such as `\-`, which JavaScript only does without the flag.
    if (dotnetOnly.test(source)) throw invalid(source, error);
  }
  try {
    return new RegExp(source);
  } catch (error) {
    throw invalid(source, error);
  }
}

function invalid(source: string, error: unknown): RpcError {
  const reason = error instanceof Error ? error.message : 'it does not compile';
  return new RpcError(status.INVALID_ARGUMENT, `The regular expression ${JSON.stringify(source.slice(0, 200))} cannot be used: ${reason}`);
}
