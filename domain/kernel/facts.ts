import type { z } from 'zod';
import type { Command, CommandDefinition } from './command.ts';
import type { AnyDecider, Decider } from './decider.ts';
import type { DomainEvent } from './event.ts';

/** One aggregate that a decision must know about. */
export interface Read<S = unknown> {
  readonly decider: AnyDecider;
  readonly id: string;
  /** Carries the state's type only; never set. */
  readonly state?: S;
}

/** Names an aggregate whose state a fact comes from. */
export function of<S, C extends Command, E extends DomainEvent>(decider: Decider<S, C, E>, id: string): Read<S> {
  return { decider: decider as unknown as AnyDecider, id };
}

type Reads = Readonly<Record<string, Read | undefined>>;
type States<R extends Reads> = {
  readonly [K in keyof R]: R[K] extends Read<infer S> ? S : R[K] extends Read<infer S> | undefined ? S | undefined : never;
};

/** Says where the facts of one command come from: which aggregates to read, and what they say. Pure; the gateway does the reading. */
export interface FactProvider {
  readonly command: string;
  reads(data: object, ownState: unknown): Reads;
  facts(states: Readonly<Record<string, unknown>>, data: object): object;
}

/**
 * Declares the facts of a command. `reads` may look at the command's data and at the state of the aggregate that the command is for;
 * a read left `undefined` gives an `undefined` state.
 */
export function provideFacts<
  T extends string,
  D extends z.ZodType<object>,
  F extends z.ZodType<object>,
  S,
  C extends Command,
  E extends DomainEvent,
  R extends Reads,
>(
  command: CommandDefinition<T, D, F>,
  _target: Decider<S, C, E>,
  declaration: { reads: (data: z.output<D>, state: S) => R; facts: (states: States<R>, data: z.output<D>) => z.output<F> },
): FactProvider {
  return {
    command: command.type,
    reads: (data, state) => declaration.reads(data as z.output<D>, state as S),
    facts: (states, data) => declaration.facts(states as States<R>, data as z.output<D>),
  };
}
