import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { millisecondsBetween, type Instant } from '../kernel/time.ts';

/** How long an attempt without an answer may still turn out to have been sent: the mail service's notice comes within seconds. */
export const OUTCOME_AWAITED_FOR = 15_000;

const target = { deliveryId: uuid };
/** What a template is filled with: ids and times, never a secret, an address or a name. */
const params = z.record(z.string().max(60), z.string().max(500));

// Events
export const mailAttempted = defineEvent('MailAttempted', {
  sentence: 'A mail is about to be handed over for sending.',
  schema: z.object({
    ...target,
    template: z.string(),
    recipientId: uuid,
    recipient: z.string(),
    params,
    attempt: z.number().int().positive(),
    attemptedAt: z.iso.datetime(),
  }),
  personal: { recipient: 'recipientId' },
});
export const mailSent = defineEvent('MailSent', {
  sentence: 'The mail service accepted the mail.',
  schema: z.object({ ...target, template: z.string(), recipientId: uuid, providerMessageId: z.string() }),
});
export const mailAttemptFailed = defineEvent('MailAttemptFailed', {
  sentence: 'The mail service refused the mail, so it surely was not sent.',
  schema: z.object({ ...target, template: z.string(), recipientId: uuid, attempt: z.number().int().positive(), code: z.string() }),
});
export const mailBounced = defineEvent('MailBounced', {
  sentence: 'The mail could not be delivered, or its recipient complained.',
  schema: z.object({ ...target, template: z.string(), recipientId: uuid, kind: z.enum(['permanent', 'transient', 'complaint']) }),
});
const events = [mailAttempted, mailSent, mailAttemptFailed, mailBounced] as const;
export type MailDeliveryEvent = EventOf<typeof events>;

// Commands
export const attemptMail = defineCommand('AttemptMail', {
  sentence: 'Claim the right to hand over this mail for sending.',
  data: z.object({ ...target, template: z.string().max(60), recipientId: uuid, recipient: z.string().max(254), params }),
});
export const recordMailSent = defineCommand('RecordMailSent', {
  sentence: 'Record that the mail service accepted the mail.',
  data: z.object({ ...target, providerMessageId: z.string().max(200) }),
});
export const recordMailAttemptFailed = defineCommand('RecordMailAttemptFailed', {
  sentence: 'Record that the mail service refused the mail.',
  data: z.object({ ...target, code: z.string().max(100) }),
});
export const recordMailBounced = defineCommand('RecordMailBounced', {
  sentence: 'Record that the mail came back.',
  data: z.object({ ...target, kind: mailBounced.schema.shape.kind }),
});
const commands = [attemptMail, recordMailSent, recordMailAttemptFailed, recordMailBounced] as const;
type MailDeliveryCommand = CommandOf<typeof commands>;

// Refusals
export class MailNotAttempted extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'No such mail was handed over for sending.';
}
export class MailOutcomeUnknown extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'It is not known yet whether the last attempt was sent.';
}

// State
export interface MailDeliveryState {
  readonly status: 'None' | 'Attempted' | 'Failed' | 'Sent' | 'Bounced';
  readonly template: string;
  readonly recipientId: string;
  readonly attempt: number;
  readonly attemptedAt: Instant | undefined;
}
const initial: MailDeliveryState = { status: 'None', template: '', recipientId: '', attempt: 0, attemptedAt: undefined };

/** Whether the mail went out, so that it must not be sent again. */
export const wasSent = (state: MailDeliveryState): boolean => state.status === 'Sent' || state.status === 'Bounced';

// Decisions
function decide(command: MailDeliveryCommand, state: MailDeliveryState): readonly MailDeliveryEvent[] {
  if (command.type === 'AttemptMail') return attempt(command, state);
  if (state.status === 'None') throw new MailNotAttempted();
  const { template, recipientId } = state;
  const { deliveryId } = command.data;
  switch (command.type) {
    case 'RecordMailSent':
      if (wasSent(state)) return [];
      return [event(mailSent, { deliveryId, template, recipientId, providerMessageId: command.data.providerMessageId })];
    case 'RecordMailAttemptFailed':
      if (state.status !== 'Attempted') return [];
      return [event(mailAttemptFailed, { deliveryId, template, recipientId, attempt: state.attempt, code: command.data.code })];
    case 'RecordMailBounced':
      if (state.status === 'Bounced') return [];
      return [event(mailBounced, { deliveryId, template, recipientId, kind: command.data.kind })];
    default:
      return unreachable(command);
  }
}

function attempt({ data, at }: CommandOf<typeof attemptMail>, state: MailDeliveryState): readonly MailDeliveryEvent[] {
  if (wasSent(state)) return [];
  if (state.status === 'Attempted' && millisecondsBetween(state.attemptedAt!, at) < OUTCOME_AWAITED_FOR) throw new MailOutcomeUnknown();
  return [event(mailAttempted, { ...data, attempt: state.attempt + 1, attemptedAt: at })];
}

function evolve(state: MailDeliveryState, event: MailDeliveryEvent): MailDeliveryState {
  switch (event.type) {
    case 'MailAttempted': {
      const { template, recipientId, attempt, attemptedAt } = event.data;
      return { status: 'Attempted', template, recipientId, attempt, attemptedAt };
    }
    case 'MailSent':
      return { ...state, status: 'Sent' };
    case 'MailAttemptFailed':
      return { ...state, status: 'Failed' };
    case 'MailBounced':
      return { ...state, status: 'Bounced' };
  }
}

export const mailDelivery: Decider<MailDeliveryState, MailDeliveryCommand, MailDeliveryEvent> = {
  aggregateType: 'MailDelivery',
  context: 'identity',
  idField: 'deliveryId',
  stateVersion: 1,
  commands,
  events,
  refusals: [MailNotAttempted, MailOutcomeUnknown],
  initial,
  decide,
  evolve,
};
