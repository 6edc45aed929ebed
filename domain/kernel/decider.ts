import type { Command, CommandDefinition } from './command.ts';
import type { DomainEvent, EventDefinition } from './event.ts';
import type { RefusalClass } from './refusal.ts';

/** The bounded contexts; `operations` is what people do to the engines and has no part in the domain. */
export type Context = 'identity' | 'tutoring' | 'matching' | 'lessons' | 'payments' | 'operations';

/**
 * One aggregate. `decide` answers with the events that follow, with none when it is already so, or throws a refusal;
 * it neither waits nor looks at a clock. `evolve` folds one event; its switch names every event and has no default.
 */
export interface Decider<S = unknown, C extends Command = Command, E extends DomainEvent = DomainEvent> {
  /** Category of the stream `<aggregateType>-<id>`; holds no hyphen. */
  readonly aggregateType: string;
  readonly context: Context;
  /** The field of every command's data that holds the aggregate's id. */
  readonly idField: string;
  /** Raised whenever the shape of the state changes, so that older snapshots are discarded. */
  readonly stateVersion: number;
  readonly commands: readonly CommandDefinition[];
  readonly events: readonly EventDefinition[];
  readonly refusals: readonly RefusalClass[];
  readonly initial: S;
  decide(command: C, state: S): readonly E[];
  evolve(state: S, event: E): S;
}

/** A decider whose type parameters no longer matter: what lists and engines hold. */
// Methods are bivariant, so every decider is assignable here without a cast.
export type AnyDecider = Decider;

/** The state after a list of events. */
export function fold<S, C extends Command, E extends DomainEvent>(
  decider: Decider<S, C, E>,
  events: Iterable<E>,
  from: S = decider.initial,
): S {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}

/** Makes the compiler refuse a forgotten case: call it after an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`Unhandled case: ${JSON.stringify(value)}`);
}
