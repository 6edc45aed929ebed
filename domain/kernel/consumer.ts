import type { z } from 'zod';
import type { CommandMessage } from './command.ts';
import type { DomainEvent, RecordedEvent } from './event.ts';
import type { Instant } from './time.ts';

/** Event types by name: `EventMap['AccountCreated']` is that event. Bound once for all of ours in domain/deciders.ts. */
export type EventMap = Record<string, DomainEvent>;

// Method types are bivariant in their parameters: so a consumer of certain events can stand in a list of consumers of any.
type Handler<E, R> = { handle(event: E): R }['handle'];

/** A map from event type to what follows; its keys are the subscription's filter, so nothing is declared twice. */
export type On<M extends EventMap, R> = string extends keyof M
  ? { readonly [type: string]: Handler<RecordedEvent, R> | undefined }
  : { readonly [T in keyof M]?: Handler<RecordedEvent<M[T]>, R> };

// --- projections -----------------------------------------------------------------------------------------------------

export type ColumnType = 'text' | 'uuid' | 'integer' | 'bigint' | 'boolean' | 'instant' | 'date' | 'json' | 'text[]' | 'double';

/** A change to one keyed row. `change` is skipped when there is no such row. Amounts of work: one read of all touched keys per page. */
export type Change<R extends object> =
  | { readonly kind: 'put'; readonly key: string; readonly row: R }
  | { readonly kind: 'change'; readonly key: string; apply(row: R): R }
  | { readonly kind: 'remove'; readonly key: string };

export const put = <R extends object>(key: string, row: R): Change<R> => ({ kind: 'put', key, row });
export const change = <R extends object>(key: string, apply: (row: R) => R): Change<R> => ({ kind: 'change', key, apply });
export const remove = (key: string): Change<never> => ({ kind: 'remove', key });

/**
 * A read model: rows of one table, each under a text key, folded purely from events. Raise `version` when rows would come out
 * differently; the engine then rebuilds beside the serving table. It records and never judges.
 */
export interface ReadModel<R extends object = object, M extends EventMap = EventMap> {
  readonly name: string;
  readonly context: string;
  readonly version: number;
  readonly sentence: string;
  /** Columns beside the engine's own `key`; a column is nullable when its type ends in `?`. */
  readonly columns: { readonly [C in keyof R & string]: ColumnType | `${ColumnType}?` };
  /** Each entry is a list of columns, or an SQL fragment such as `using gin (subjects)`. */
  readonly indexes: readonly (readonly string[] | string)[];
  readonly on: On<M, Change<R> | readonly Change<R>[]>;
}

// --- process managers ------------------------------------------------------------------------------------------------

/** What follows from an event: a command now, or at a time. Pure data, stored in the outbox with the checkpoint. */
export interface Reaction {
  readonly command: CommandMessage;
  /** Absent: now. Present: when due by the business clock. */
  readonly due?: Instant;
  /** Refusal codes that mean "no longer needed": the step is done. */
  readonly settledBy?: readonly string[];
  /** For a refusal code, the command to send instead: the compensation. */
  readonly otherwise?: Readonly<Record<string, CommandMessage>>;
}

export type ReactionOptions = Pick<Reaction, 'settledBy' | 'otherwise'>;

/** Send a command as soon as the earlier reactions of the same instance are done. */
export const now = (command: CommandMessage, options: ReactionOptions = {}): Reaction => ({ command, ...options });
/** Propose a command at a time; the aggregate decides with the time that the command then carries. */
export const at = (due: Instant, command: CommandMessage, options: ReactionOptions = {}): Reaction => ({ command, due, ...options });

/** A policy across aggregates: pure functions from events to reactions. Its work is ordered per instance, parallel across instances. */
interface ManagerOf<Instance, Reactions> {
  readonly name: string;
  readonly context: string;
  readonly sentence: string;
  /** Which instance an event belongs to, such as the booking's id. Default: the aggregate's id. */
  readonly instance?: Instance;
  readonly on: Reactions;
}

type Reacts<M extends EventMap> = On<M, Reaction | readonly Reaction[]>;

/** A policy, typed by its events; without a parameter it is a policy of any events, as lists and engines hold it. */
export type ProcessManager<M extends EventMap = EventMap> = string extends keyof M
  ? ManagerOf<Handler<RecordedEvent, string>, Reacts<EventMap>>
  : ManagerOf<Handler<RecordedEvent<M[keyof M]>, string>, Reacts<M>>;

/**
 * A command that touches the outside world, with a handler written by hand. It looks for evidence before it acts, uses idempotency keys
 * derived from its cause and records the outcome as a command on an aggregate. How it is undone is said beside it.
 */
export interface EffectDefinition<T extends string = string, D extends z.ZodType<object> = z.ZodType<object>> {
  readonly type: T;
  readonly sentence: string;
  readonly data: D;
  readonly undo: { readonly by: string } | { readonly irreversible: string };
}

/** Declares an effect. */
export function defineEffect<T extends string, D extends z.ZodType<object>>(
  type: T,
  declaration: Omit<EffectDefinition<T, D>, 'type'>,
): EffectDefinition<T, D> {
  return { type, ...declaration };
}

/** Builds the message of an effect, typed by its schema. */
export function effect<T extends string, D extends z.ZodType<object>>(
  definition: EffectDefinition<T, D>,
  data: z.output<D>,
): CommandMessage<T, Readonly<z.output<D>>> {
  return { type: definition.type, data };
}

// --- notices ---------------------------------------------------------------------------------------------------------

/** A frame for people or a room. `to` are user ids; `room` is a lesson or channel whose members all receive it. */
export interface Notice {
  readonly type: string;
  readonly to: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

interface NoticesOf<Frames> {
  readonly name: string;
  readonly context: string;
  readonly on: Frames;
}

/** Frames that follow from events, typed by them; without a parameter of any events, as lists and engines hold them. */
export type Notices<M extends EventMap = EventMap> = NoticesOf<On<M, Notice | readonly Notice[]>>;
