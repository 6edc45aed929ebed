import { createHash } from 'node:crypto';
import { followUpId } from '#domain/kernel/ids.ts';
import type { Actor } from '#domain/kernel/command.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';
import type { Caller, CommandCircumstances } from './endpoint.ts';
import { newId } from './new-id.ts';

/** What an Idempotency-Key means: the same caller, the same address, the same key. The key itself is not kept. */
export function meaningOfKey(caller: Actor, method: string, url: string, key: string): string {
  return createHash('sha256')
    .update([caller.role, caller.userId ?? '', method, url, key].join('\u0000'))
    .digest('hex');
}

/** The caller of one request. */
export class RequestCaller implements Caller {
  constructor(
    readonly actor: Actor,
    readonly correlationId: string,
    /** The part of the system that the request came through: recorded as the source of its events. */
    private readonly source: string,
    /** From {@link meaningOfKey}; undefined without an Idempotency-Key. */
    readonly key: string | undefined,
    readonly minPosition: bigint | undefined,
  ) {}

  commandContext(circumstances: CommandCircumstances = {}): CommandContext {
    const { step = '', reason, by = this.actor } = circumstances;
    const commandId = circumstances.commandId ?? (this.key === undefined ? newId() : followUpId('request', this.key, step));
    return {
      commandId,
      correlationId: this.correlationId,
      // A person's command has no event before it: it is its own cause.
      causationId: commandId,
      source: this.source,
      by,
      ...(reason === undefined ? {} : { reason }),
    };
  }

  newId(purpose: string): string {
    return this.key === undefined ? newId() : followUpId('new', this.key, purpose);
  }
}
