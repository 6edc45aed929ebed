import type { z } from 'zod';
import type { Instant } from './time.ts';

/** `system` is a process manager or timer, `external` a verified webhook, `internal` a signed service call. */
export type Role = 'student' | 'tutor' | 'parent' | 'admin' | 'system' | 'external' | 'internal' | 'anonymous';

/** Who sends a command. People have a `userId`; `actingFor` is the person on whose behalf it is sent. */
export interface Actor {
  readonly role: Role;
  readonly userId?: string;
  readonly actingFor?: string;
}

export const SYSTEM: Actor = { role: 'system' };

/**
 * The one declaration of a command. `data` always holds the id of the aggregate that it is for.
 * `facts` are what the decision must know of other aggregates; they are looked up at dispatch (see domain/facts.ts), never sent by a client.
 */
export interface CommandDefinition<
  T extends string = string,
  D extends z.ZodType<object> = z.ZodType<object>,
  F extends z.ZodType<object> = z.ZodType<object>,
> {
  readonly type: T;
  readonly sentence: string;
  readonly data: D;
  readonly facts: F | undefined;
}

/** A command without its circumstances: what clients, process managers and timers send. */
export interface CommandMessage<T extends string = string, D extends object = object> {
  readonly type: T;
  readonly data: D;
}

/** A command as a decider sees it: with the facts, the time and the person. */
export interface Command<T extends string = string, D extends object = object, F extends object = object> extends CommandMessage<T, D> {
  readonly facts: F;
  readonly at: Instant;
  readonly by: Actor;
}

/** The command type of one definition, or the union for a tuple of definitions: `CommandOf<typeof commands>`. */
export type CommandOf<C> = C extends readonly CommandDefinition[]
  ? CommandOf<C[number]>
  : C extends CommandDefinition<infer T, infer D, infer F>
    ? Command<T, Readonly<z.output<D>>, Readonly<z.output<F>>>
    : never;

type NoFacts = z.ZodType<Record<never, never>>;

/** Declares a command. */
export function defineCommand<T extends string, D extends z.ZodType<object>, F extends z.ZodType<object> = NoFacts>(
  type: T,
  declaration: { sentence: string; data: D; facts?: F },
): CommandDefinition<T, D, F> {
  return { type, sentence: declaration.sentence, data: declaration.data, facts: declaration.facts };
}

/** Builds the message of a command, typed by its schema. */
export function command<T extends string, D extends z.ZodType<object>, F extends z.ZodType<object>>(
  definition: CommandDefinition<T, D, F>,
  data: z.output<D>,
): CommandMessage<T, Readonly<z.output<D>>> {
  return { type: definition.type, data };
}
