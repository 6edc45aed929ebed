import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import type { Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { stripeId } from './payment-events.ts';

const customer = z.object({ payerId: uuid, customerId: stripeId });

// Events
export const payerCustomerCreated = defineEvent('PayerCustomerCreated', {
  sentence: 'A payer is a customer at Stripe from now on; saved cards are kept there.',
  schema: customer,
});
const events = [payerCustomerCreated] as const;
export type PayerAccountEvent = EventOf<typeof events>;

// Commands
export const recordPayerCustomer = defineCommand('RecordPayerCustomer', {
  sentence: 'Record which customer at Stripe a payer is; the first one stays.',
  data: customer,
});
const commands = [recordPayerCustomer] as const;
type PayerAccountCommand = CommandOf<typeof commands>;

// Refusals
export class OnlyThePlatformKnowsPayers extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the platform itself may record who pays.';
}

// State
export interface PayerAccountState {
  readonly customerId: string | undefined;
}

// Decisions
function decide({ by, data }: PayerAccountCommand, state: PayerAccountState): readonly PayerAccountEvent[] {
  if (by.role !== 'system' && by.role !== 'external') throw new OnlyThePlatformKnowsPayers();
  return state.customerId === undefined ? [event(payerCustomerCreated, data)] : [];
}

function evolve(_state: PayerAccountState, event: PayerAccountEvent): PayerAccountState {
  switch (event.type) {
    case 'PayerCustomerCreated':
      return { customerId: event.data.customerId };
  }
}

export const payerAccount: Decider<PayerAccountState, PayerAccountCommand, PayerAccountEvent> = {
  aggregateType: 'PayerAccount',
  context: 'payments',
  idField: 'payerId',
  stateVersion: 1,
  commands,
  events,
  refusals: [OnlyThePlatformKnowsPayers],
  initial: { customerId: undefined },
  decide,
  evolve,
};
