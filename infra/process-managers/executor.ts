import { type CommandMessage, SYSTEM } from '#domain/kernel/command.ts';
import type { ProcessManager } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { CommandContext, CommandSender } from '#infra/cqrs/commands.ts';
import type { Clock } from '#infra/time/clock.ts';
import type { EffectContext, EffectHandler } from './effect.ts';
import type { Outcome, WaitingRow } from './outbox.ts';
import type { NewRow } from './new-rows.ts';
import { derive, otherwiseId } from './reactions.ts';

export interface ExecutorParts {
  readonly commands: CommandSender;
  readonly effects: readonly EffectHandler[];
  readonly load: EffectContext['load'];
  readonly clock: Clock;
  readonly managers: readonly ProcessManager[];
  /** One event of the log, for an event that is handled again. */
  readonly readEvent: (stream: string, revision: number) => Promise<RecordedEvent>;
  /** Milliseconds after which an attempt counts as failed, though it may still come to its end. */
  readonly timeoutMs?: number;
}

/** An attempt took too long. What it began may still happen; the next attempt finds that out. */
export class AttemptTimedOut extends Error {
  constructor(milliseconds: number) {
    super(`No outcome within ${milliseconds} ms.`);
    this.name = 'AttemptTimedOut';
  }
}

/** Carries out one row: sends its command or runs its effect, and reads a refusal as the reaction says. */
export class Executor {
  readonly #parts: ExecutorParts;
  readonly #effects: ReadonlyMap<string, EffectHandler>;
  readonly #timeoutMs: number;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#effects = new Map(parts.effects.map((handler) => [handler.definition.type, handler]));
    if (this.#effects.size !== parts.effects.length) throw new Error('Two handlers carry out one effect.');
    this.#timeoutMs = parts.timeoutMs ?? 60_000;
  }

  /** Throws when the row has to be tried again. */
  async execute(row: WaitingRow, message: CommandMessage): Promise<Outcome> {
    try {
      await this.#inTime(this.#send(row, message, row.compensating ? otherwiseId(row) : row.id));
      return row.compensating ? 'compensated' : 'done';
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (row.settled_by.includes(refusal.code)) return 'settled';
      const instead = row.otherwise[refusal.code];
      if (row.compensating || instead === undefined) throw refusal;
      return this.#instead(row, instead);
    }
  }

  /** Handles an event again that its manager could not handle before. Throws what the manager throws. */
  async rederive(row: WaitingRow): Promise<NewRow[]> {
    const manager = this.#parts.managers.find(({ name }) => name === row.manager);
    if (manager === undefined) throw new Error(`There is no process manager ${row.manager}.`);
    return derive(manager, await this.#parts.readEvent(row.event_stream, row.event_revision));
  }

  async #instead(row: WaitingRow, message: CommandMessage): Promise<Outcome> {
    try {
      await this.#inTime(this.#send(row, message, otherwiseId(row)));
      return 'compensated';
    } catch (refusal) {
      if (refusal instanceof Refusal && row.settled_by.includes(refusal.code)) return 'settled';
      throw refusal;
    }
  }

  async #send(row: WaitingRow, message: CommandMessage, commandId: string): Promise<void> {
    const context: CommandContext = {
      commandId,
      correlationId: row.correlation_id,
      causationId: row.event_id,
      source: row.manager,
      by: SYSTEM,
    };
    const handler = this.#effects.get(message.type);
    if (handler === undefined) await this.#parts.commands.send(message, context);
    else await handler.run(handler.definition.data.parse(message.data), this.#contextOf(row, context));
  }

  #contextOf(row: WaitingRow, context: CommandContext): EffectContext {
    const { commands, load, clock } = this.#parts;
    return {
      commands: {
        send: (message, step) =>
          commands.send(message, {
            ...context,
            commandId: followUpId('effect', context.commandId, message.type, ...(step === undefined ? [] : [step])),
          }),
      },
      load,
      cause: { id: context.commandId, eventId: row.event_id, correlationId: row.correlation_id, at: row.event_at },
      clock,
    };
  }

  async #inTime(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new AttemptTimedOut(this.#timeoutMs)), this.#timeoutMs);
    });
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
