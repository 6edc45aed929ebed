import type { z } from 'zod';
import type { Command, CommandMessage } from '#domain/kernel/command.ts';
import type { EffectDefinition } from '#domain/kernel/consumer.ts';
import type { Decider } from '#domain/kernel/decider.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import type { Clock } from '#infra/time/clock.ts';

/** Why an effect runs. The same reaction has the same cause on every attempt, after a crash and on a replay from zero. */
export interface Cause {
  /** The reaction's own id: what idempotency keys and mail tokens are derived from. Two effects of one event have two ids. */
  readonly id: string;
  /** The event that it follows from. */
  readonly eventId: string;
  readonly correlationId: string;
  /** Business time of that event. */
  readonly at: Instant;
}

/** Sends the commands that record what an effect did. */
export interface BoundCommands {
  /**
   * The command's id follows from the cause, the command's type and `step`, so an effect that runs again records nothing twice.
   * `step` tells apart several commands of one type. Throws the refusal.
   */
  send(message: CommandMessage, step?: string): Promise<CommandResult>;
}

/** What an effect may use, beside the adapters that its factory was given. */
export interface EffectContext {
  readonly commands: BoundCommands;
  /** The state of an aggregate now: the evidence that an effect looks for before it acts. */
  load<S, C extends Command, E extends DomainEvent>(decider: Decider<S, C, E>, id: string): Promise<{ state: S; revision: number }>;
  readonly cause: Cause;
  readonly clock: Clock;
}

/** An effect with the code that carries it out. It may run any number of times for one cause and must act once. */
export interface EffectHandler<T extends string = string, D extends z.ZodType<object> = z.ZodType<object>> {
  readonly definition: EffectDefinition<T, D>;
  // A method, so that every handler is assignable to the list that the engine holds.
  run(data: z.output<D>, context: EffectContext): Promise<void>;
}

/** Builds a handler, with its data typed by the definition's schema. */
export function handleEffect<T extends string, D extends z.ZodType<object>>(
  definition: EffectDefinition<T, D>,
  run: (data: z.output<D>, context: EffectContext) => Promise<void>,
): EffectHandler<T, D> {
  return { definition, run };
}
