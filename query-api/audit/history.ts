import { Inject, Injectable } from '@nestjs/common';
import { noteAuditHistoryRead } from '#domain/identity/audit-trail.ts';
import { command } from '#domain/kernel/command.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { deciders } from '#domain/deciders.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { toEnvelope, type Envelope } from '#infra/event-store/envelope.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';

/** What a personal field reads as for whoever gave no reason. */
const MASKED = '[masked]';

/** Personal fields by event type. */
const personal = new Map(deciders.flatMap(({ events }) => events.map(({ type, personal }) => [type, Object.keys(personal)] as const)));

export interface HistoryRequest {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly fromRevision: number;
  readonly limit: number;
  readonly reason: string | undefined;
}

export interface HistoryPage {
  readonly events: readonly Envelope[];
  /** Revision to go on from; null at the end. */
  readonly next: string | null;
  readonly personalShown: boolean;
}

/** Histories straight from the streams. Each reading is recorded before it is shown: what cannot be recorded is not shown. */
@Injectable()
export class Histories {
  constructor(
    @Inject(Aggregates) private readonly aggregates: Aggregates,
    @Inject(Commands) private readonly commands: Commands,
  ) {}

  /** Throws `not_found` for an aggregate without a history. */
  async read(request: HistoryRequest, caller: Caller): Promise<HistoryPage> {
    const { aggregateType, aggregateId, fromRevision, limit, reason } = request;
    const found = await this.aggregates.history(aggregateType, aggregateId, { fromRevision, limit: limit + 1 });
    const page = found.slice(0, limit);
    if (page.length === 0) throw new Problem('not_found');
    const personalShown = reason !== undefined;
    const noted = { adminId: caller.actor.userId ?? '', aggregateType, aggregateId, fromRevision, count: page.length, personalShown };
    await this.commands.send(command(noteAuditHistoryRead, reason === undefined ? noted : { ...noted, reason }), caller.commandContext());
    return {
      events: page.map((event) => toEnvelope(personalShown ? event : masked(event))),
      next: found.length > limit ? String(page.at(-1)!.revision + 1) : null,
      personalShown,
    };
  }
}

function masked(event: RecordedEvent): RecordedEvent {
  const fields = (personal.get(event.type) ?? []).filter((field) => field in event.data);
  return fields.length === 0 ? event : { ...event, data: { ...event.data, ...Object.fromEntries(fields.map((field) => [field, MASKED])) } };
}
