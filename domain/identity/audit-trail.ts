import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import type { Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';

/** What an admin has looked at: the category of an aggregate, its id, and which events of it. */
const reading = z.object({
  adminId: uuid,
  aggregateType: z.string().regex(/^[A-Za-z]{1,60}$/),
  aggregateId: z.string().min(1).max(120),
  fromRevision: z.number().int().nonnegative(),
  count: z.number().int().positive(),
  /** Whether personal fields were shown; only with a reason. */
  personalShown: z.boolean(),
  /** Why, in the admin's words: a case number rather than a name. */
  reason: z.string().max(500).optional(),
});

export const auditHistoryRead = defineEvent('AuditHistoryRead', {
  sentence: 'An admin read a part of the history of an aggregate.',
  schema: reading,
});
const events = [auditHistoryRead] as const;
export type AuditTrailEvent = EventOf<typeof events>;

export const noteAuditHistoryRead = defineCommand('NoteAuditHistoryRead', {
  sentence: 'Record that an admin reads a part of a history; sent before it is shown.',
  data: reading,
});
const commands = [noteAuditHistoryRead] as const;
type AuditTrailCommand = CommandOf<typeof commands>;

export class NotYourAuditTrail extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only admins read histories, and each is recorded under the own name.';
}
export class ReasonNeeded extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'Personal data in a history is shown for a reason only.';
}

/** Nothing follows from earlier readings: each is recorded for itself. */
export interface AuditTrailState {
  readonly readings: number;
}

function decide(command: AuditTrailCommand): readonly AuditTrailEvent[] {
  const { by, data } = command;
  if (by.role !== 'admin' || by.userId !== data.adminId) throw new NotYourAuditTrail();
  if (data.personalShown && data.reason === undefined) throw new ReasonNeeded();
  return [event(auditHistoryRead, data)];
}

export const auditTrail: Decider<AuditTrailState, AuditTrailCommand, AuditTrailEvent> = {
  aggregateType: 'AuditTrail',
  context: 'identity',
  idField: 'adminId',
  stateVersion: 1,
  commands,
  events,
  refusals: [NotYourAuditTrail, ReasonNeeded],
  initial: { readings: 0 },
  decide,
  evolve: ({ readings }) => ({ readings: readings + 1 }),
};
