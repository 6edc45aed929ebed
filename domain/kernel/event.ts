import type { z } from 'zod';
import type { Instant } from './time.ts';

/**
 * Says of each personal field whose it is: the value names the field of the same event that holds the subject's id.
 * The codec encrypts such fields under that subject's own key, so forgetting the person is deleting the key.
 * Personal fields are strings (or absent): an erased one reads as {@link ERASED}.
 */
export type PersonalFields = Readonly<Record<string, string>>;

/** What a personal field reads as once its subject's key has been deleted. */
export const ERASED = '[erased]';

/** The one declaration of an event: its TypeScript type, the codec, the catalogue and AsyncAPI all come from it. */
export interface EventDefinition<T extends string = string, S extends z.ZodType<object> = z.ZodType<object>> {
  readonly type: T;
  /** `major.minor`: minor = additive, major = read through an upcaster. */
  readonly version: string;
  readonly sentence: string;
  readonly schema: S;
  readonly personal: PersonalFields;
}

/** A fact as plain data. Names are those of the event storm and are contracts: never rename a stored one. */
export interface DomainEvent<T extends string = string, D extends object = object> {
  readonly type: T;
  readonly data: D;
}

/** The event type of one definition, or the union for a tuple of definitions: `EventOf<typeof events>`. */
export type EventOf<D> = D extends readonly EventDefinition[]
  ? EventOf<D[number]>
  : D extends EventDefinition<infer T, infer S>
    ? DomainEvent<T, Readonly<z.output<S>>>
    : never;

/** Declares an event. `version` is 1.0 unless told. */
export function defineEvent<T extends string, S extends z.ZodType<object>>(
  type: T,
  declaration: {
    sentence: string;
    schema: S;
    version?: string;
    personal?: { readonly [F in keyof z.output<S>]?: keyof z.output<S> & string };
  },
): EventDefinition<T, S> {
  return {
    type,
    version: declaration.version ?? '1.0',
    sentence: declaration.sentence,
    schema: declaration.schema,
    personal: (declaration.personal ?? {}) as PersonalFields,
  };
}

/** Builds an event of a definition, typed by its schema. The schema itself is checked when the event is written. */
export function event<T extends string, S extends z.ZodType<object>>(
  definition: EventDefinition<T, S>,
  data: z.output<S>,
): DomainEvent<T, Readonly<z.output<S>>> {
  return { type: definition.type, data };
}

/** An event as it was recorded: what every consumer downstream is given. */
export interface RecordedEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly version: string;
  readonly stream: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Number of the event in its stream, from 0. */
  readonly revision: number;
  /** Commit position in the log: strictly increasing, a byte offset and not a count. */
  readonly position: bigint;
  /** Business time of the command that caused it. */
  readonly at: Instant;
  readonly metadata: EventMetadata;
}

/** Who, when and why: stored beside every event. */
export interface EventMetadata {
  readonly eventVersion: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly timestamp: Instant;
  /** The part of the system that sent the command: `command-api`, a process manager's name, `realtime` ... */
  readonly source: string;
  readonly commandId: string;
  readonly commandType: string;
  readonly correlationId: string;
  /** The event that caused this one, or the command when a person did. */
  readonly causationId: string;
  readonly userId?: string;
  readonly actingFor?: string;
  readonly role: string;
  readonly reason?: string;
}
