import type { Actor, CommandMessage } from '#domain/kernel/command.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { Instant } from '#domain/kernel/time.ts';

/** The circumstances of a command: who sends it, why, and as the consequence of what. Handed on explicitly, never ambient. */
export interface CommandContext {
  /** The same id again has no second effect and gets the first result. A UUID. */
  readonly commandId: string;
  readonly correlationId: string;
  /** The event that caused the command, or the command itself when a person did. */
  readonly causationId: string;
  /** The part of the system that sends: `command-api`, a process manager's name, `realtime` ... */
  readonly source: string;
  readonly by: Actor;
  /** Business time of the decision; default: the clock's, at dispatch. */
  readonly at?: Instant;
  /** Why, in words that may be stored beside the event: no personal data. */
  readonly reason?: string;
}

/** What became of a command. */
export interface CommandResult {
  /** Id of the aggregate. */
  readonly id: string;
  /** Revision of the aggregate's last event; -1 when it has none. */
  readonly revision: number;
  /** Commit position as a decimal string: a reader that has passed it sees this command's outcome. */
  readonly position: string;
  /** None when it was so already. Events of one append all carry the commit position of its last one. */
  readonly events: readonly RecordedEvent[];
}

/** Sends commands. Throws the refusal when a rule says no, {@link UnknownCommand} for a type that nobody handles. */
export interface CommandSender {
  send(message: CommandMessage, context: CommandContext): Promise<CommandResult>;
}

/** The data of a command does not fit its schema. Says where and which rule, never the value. */
export class InvalidCommand extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The command does not fit its schema.';
}

/** A mistake in the code: no aggregate takes this command. */
export class UnknownCommand extends Error {
  constructor(readonly commandType: string) {
    super(`Nothing handles the command ${commandType}`);
    this.name = 'UnknownCommand';
  }
}
