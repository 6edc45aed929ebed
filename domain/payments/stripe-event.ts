import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { followUpId, uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';

/** The stream of one of Stripe's events: the same one delivered twice is the same stream. */
export function stripeEventIdOf(evtId: string): string {
  return followUpId('StripeEvent', evtId);
}

/** What Stripe reports and something follows from here; the rest of its many events is not kept. */
const FOLLOWED_UP: ReadonlySet<string> = new Set([
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.requires_action',
  'payment_intent.canceled',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'transfer.created',
  'account.updated',
]);

/** Whether anything follows from an event of this type. */
export function isFollowedUp(eventType: string): boolean {
  return FOLLOWED_UP.has(eventType);
}

// Nothing of the payload is kept: it may hold personal data, and what counts is what Stripe says when asked again.
const notice = z.object({
  stripeEventRef: uuid,
  stripeEventId: z.string().regex(/^evt_\w{1,200}$/),
  eventType: z.string().min(1).max(100),
  objectId: z.string().min(1).max(255),
  /** The connected account that it happened in; absent for the platform's own. */
  account: z.string().min(1).max(255).optional(),
});

// Events
export const stripeEventReceived = defineEvent('StripeEventReceived', {
  sentence: 'Stripe told us that one of its objects changed, signed by its key.',
  schema: notice,
});
export const stripeEventHandled = defineEvent('StripeEventHandled', {
  sentence: 'Stripe was asked again and what it said has been recorded.',
  schema: z.object({ stripeEventRef: uuid }),
});
const events = [stripeEventReceived, stripeEventHandled] as const;
export type StripeEventEvent = EventOf<typeof events>;

// Commands
export const receiveStripeEvent = defineCommand('ReceiveStripeEvent', { sentence: 'Note a verified webhook of Stripe.', data: notice });
export const markStripeEventHandled = defineCommand('MarkStripeEventHandled', {
  sentence: 'Note that nothing more follows from a webhook.',
  data: z.object({ stripeEventRef: uuid }),
});
const commands = [receiveStripeEvent, markStripeEventHandled] as const;
type StripeEventCommand = CommandOf<typeof commands>;

// Refusals
export class OnlyStripeReports extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only a verified webhook may report this.';
}
export class StripeEventNotReceived extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'Stripe has reported no such event.';
}
export class NotThatStripeEvent extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'This id belongs to another event of Stripe.';
}

// State
export interface StripeEventState {
  readonly received: boolean;
  readonly handled: boolean;
}

// Decisions
function decide(command: StripeEventCommand, state: StripeEventState): readonly StripeEventEvent[] {
  if (command.by.role !== 'external' && command.by.role !== 'system') throw new OnlyStripeReports();
  switch (command.type) {
    case 'ReceiveStripeEvent':
      if (command.data.stripeEventRef !== stripeEventIdOf(command.data.stripeEventId)) throw new NotThatStripeEvent();
      return state.received ? [] : [event(stripeEventReceived, command.data)];
    case 'MarkStripeEventHandled':
      if (!state.received) throw new StripeEventNotReceived();
      return state.handled ? [] : [event(stripeEventHandled, command.data)];
    default:
      return unreachable(command);
  }
}

function evolve(state: StripeEventState, event: StripeEventEvent): StripeEventState {
  switch (event.type) {
    case 'StripeEventReceived':
      return { ...state, received: true };
    case 'StripeEventHandled':
      return { ...state, handled: true };
  }
}

export const stripeEvent: Decider<StripeEventState, StripeEventCommand, StripeEventEvent> = {
  aggregateType: 'StripeEvent',
  context: 'payments',
  idField: 'stripeEventRef',
  stateVersion: 1,
  commands,
  events,
  refusals: [OnlyStripeReports, StripeEventNotReceived, NotThatStripeEvent],
  initial: { received: false, handled: false },
  decide,
  evolve,
};
