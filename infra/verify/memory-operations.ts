import { recorded } from '#domain/kernel/given-when-then.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { fold } from '#domain/kernel/decider.ts';
import type { OperationsCommand, OperationsEvent } from '#infra/operations/acts.ts';
import { operations } from '#infra/operations/operations.ts';
import { OperationsRecord } from '#infra/operations/record.ts';

/** A record of operators' acts in memory, for specs of engines; `events` is all that is on it, beginning with what was there already. */
export function memoryOperations(already: readonly DomainEvent[] = []): { record: OperationsRecord; events: DomainEvent[] } {
  const events = [...(already as readonly OperationsEvent[])];
  const seen = new Set<string>();
  const of = (group: string) =>
    fold(
      operations,
      events.filter(({ data }) => data.group === group),
    );
  const record = new OperationsRecord({
    load: (_decider, group) => Promise.resolve({ state: of(group), revision: events.length - 1 }),
    history: (aggregateType, aggregateId, { fromRevision, limit }) =>
      Promise.resolve(
        events.slice(fromRevision, fromRevision + limit).map((event, nth) => recorded(event, { aggregateType, aggregateId, nth })),
      ),
    execute: async (message, { commandId, by }) => {
      const { group } = message.data as { group: string };
      if (!seen.has(commandId)) {
        const command = { ...message, facts: {}, at: '2026-11-23T12:00:00.000Z', by } as OperationsCommand;
        events.push(...operations.decide(command, of(group)));
      }
      seen.add(commandId);
      return { id: group, revision: events.length - 1, position: String(events.length), events: [] };
    },
  });
  return { record, events };
}
