import { z } from 'zod';
import { processingFee } from '../ledger.ts';
import type { Ledger } from '../ledger.ts';
import { listShape, parse, schema } from '../parameters.ts';
import { PLATFORM, newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply } from '../world.ts';
import type { Handler, World } from '../world.ts';
import type { PaymentIntent } from './payment-intents.ts';
import type { PaymentMethod } from './payment-methods.ts';

/** One attempt to take money from a card. */
export interface Charge extends Resource {
  object: 'charge';
  amount: number;
  amount_refunded: number;
  currency: string;
  payment_intent: string;
  balance_transaction: string | null;
  status: 'succeeded' | 'failed';
  transfer_group: string | null;
  disputed: boolean;
}

/** Why a card was not charged. */
export interface Failure {
  code: string;
  declineCode?: string | undefined;
  message: string;
}

/** Takes the money of an intent from a card, or records that the card was declined. */
export function charge(world: World, ledger: Ledger, intent: PaymentIntent, method: PaymentMethod, failure?: Failure): Charge {
  const id = newId('ch');
  const succeeded = failure === undefined;
  const movement = { account: PLATFORM, type: 'charge', amount: intent.amount, currency: intent.currency, source: id };
  const booked = succeeded ? ledger.move({ ...movement, fee: processingFee(intent.amount) }) : undefined;
  const made: Charge = {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: succeeded ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: booked?.id ?? null,
    billing_details: method['billing_details'],
    calculated_statement_descriptor: 'CHALKSTREAM',
    captured: succeeded,
    created: nowSeconds(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent['description'],
    disputed: false,
    failure_balance_transaction: null,
    failure_code: failure?.code ?? null,
    failure_message: failure?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent['metadata'],
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: succeeded ? 'approved_by_network' : 'declined_by_network',
      reason: failure?.declineCode ?? failure?.code ?? null,
      risk_level: 'normal',
      risk_score: 7,
      seller_message: succeeded ? 'Payment complete.' : 'The bank did not return any further details with this decline.',
      type: succeeded ? 'authorized' : 'issuer_declined',
    },
    paid: succeeded,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: { card: method['card'], type: 'card' },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: succeeded ? 'succeeded' : 'failed',
    transfer_data: null,
    transfer_group: intent.transfer_group,
  };
  world.store.put(made);
  world.emit(succeeded ? 'charge.succeeded' : 'charge.failed', made);
  return made;
}

const listForm = schema({
  ...listShape,
  customer: z.string().optional(),
  payment_intent: z.string().optional(),
  transfer_group: z.string().optional(),
});

export const retrieveCharge: Handler = ({ world, path }) => ({ body: world.store.get<Charge>('charge', path['id'] ?? '', 'charge') });

export const listCharges: Handler = ({ world, params }) => {
  const { customer, payment_intent, transfer_group, ...page } = parse(listForm, params);
  return listReply('/v1/charges', world.store.page<Charge>('charge', { ...page, where: { customer, payment_intent, transfer_group } }));
};
