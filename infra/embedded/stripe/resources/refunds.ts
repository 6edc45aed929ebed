import { z } from 'zod';
import { StripeRefusal, invalid, refused } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import { amount, listShape, metadata, parse, schema } from '../parameters.ts';
import { PLATFORM, newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler, World } from '../world.ts';
import type { Charge } from './charges.ts';
import type { PaymentIntent } from './payment-intents.ts';
import { behaviourOf } from './payment-methods.ts';
import type { PaymentMethod } from './payment-methods.ts';

/** Money on its way back to the payer. */
export interface Refund extends Resource {
  object: 'refund';
  amount: number;
  currency: string;
  charge: string;
  payment_intent: string;
  status: 'pending' | 'succeeded' | 'failed';
  balance_transaction: string | null;
  failure_reason?: string;
}

const createForm = schema({
  amount: amount.optional(),
  charge: z.string().optional(),
  payment_intent: z.string().optional(),
  metadata: metadata.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
});
const listForm = schema({ ...listShape, charge: z.string().optional(), payment_intent: z.string().optional() });

function takeFunds(ledger: Ledger, refund: Refund): string {
  const { amount: refunded, currency, id } = refund;
  return ledger.move({ account: PLATFORM, type: 'refund', amount: -refunded, currency, source: id }).id;
}

/** Ends a pending refund, or makes one fail that had been paid: then the money is back with the platform. */
export function settleRefund(world: World, ledger: Ledger, refund: Refund, outcome: 'succeeded' | 'failed'): Refund {
  if (refund.status === 'failed' || refund.status === outcome) throw refused('refund_settled', `The refund is ${refund.status} already.`);
  const previous = { status: refund.status };
  if (outcome === 'succeeded') {
    const balance_transaction = refund.balance_transaction ?? takeFunds(ledger, refund);
    const { pending_reason: _reason, ...rest } = refund;
    const paid: Refund = { ...(rest as Refund), status: 'succeeded', balance_transaction };
    world.store.put(paid);
    world.emit('refund.updated', paid, { previous });
    return paid;
  }
  const { amount: returned, currency, id } = refund;
  const back =
    refund.balance_transaction === null
      ? null
      : ledger.move({ account: PLATFORM, type: 'refund_failure', amount: returned, currency, source: id });
  const failed: Refund = {
    ...refund,
    status: 'failed',
    failure_reason: 'lost_or_stolen_card',
    failure_balance_transaction: back?.id ?? null,
  };
  const charge = world.store.get<Charge>('charge', refund.charge);
  world.store.put({ ...charge, amount_refunded: charge.amount_refunded - refund.amount, refunded: false });
  world.store.put(failed);
  world.emit('refund.updated', failed, { previous });
  world.emit('refund.failed', failed);
  return failed;
}

/** Pays the refunds that wait for the platform to have funds; called after money came in. */
export function payWaitingRefunds(world: World, ledger: Ledger): void {
  for (const refund of world.store.every<Refund>('refund', { status: 'pending', pending_reason: 'insufficient_funds' })) {
    if (ledger.balance(PLATFORM, refund.currency) >= refund.amount) settleRefund(world, ledger, refund, 'succeeded');
  }
}

export const refundRoutes = (ledger: Ledger) => {
  const create: Handler = ({ world, params }) => {
    const given = parse(createForm, params);
    if ((given.charge === undefined) === (given.payment_intent === undefined)) {
      throw invalid('You must provide either a charge or a payment_intent.', 'payment_intent', 'parameter_missing');
    }
    const chargeId =
      given.charge ?? world.store.get<PaymentIntent>('payment_intent', given.payment_intent ?? '', 'payment_intent').latest_charge;
    const charge = chargeId === null ? undefined : world.store.get<Charge>('charge', chargeId, 'charge');
    if (!charge || charge.status !== 'succeeded') {
      throw invalid(`This PaymentIntent (${given.payment_intent}) does not have a successful charge to refund.`, 'payment_intent');
    }
    if (charge.disputed) throw refused('charge_disputed', `Charge ${charge.id} has been charged back; cannot issue a refund.`);
    const left = charge.amount - charge.amount_refunded;
    if (left === 0) throw refused('charge_already_refunded', `Charge ${charge.id} has already been refunded.`);
    const wanted = given.amount ?? left;
    if (wanted > left) {
      throw new StripeRefusal(
        400,
        'invalid_request_error',
        `Refund amount (${wanted}) is greater than unrefunded amount on charge (${left})`,
        { param: 'amount' },
      );
    }
    const method = world.store.find<PaymentMethod>('payment_method', String(charge['payment_method']));
    const behaviour = method ? behaviourOf(world, method).kind : 'succeeds';
    const covered = ledger.balance(PLATFORM, charge.currency) >= wanted;
    const pending = behaviour === 'refund-pends' || !covered;
    const refund: Refund = {
      id: newId('re'),
      object: 'refund',
      amount: wanted,
      balance_transaction: null,
      charge: charge.id,
      created: nowSeconds(),
      currency: charge.currency,
      destination_details: {
        card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
        type: 'card',
      },
      metadata: mergeMetadata({}, given.metadata),
      payment_intent: charge.payment_intent,
      reason: given.reason ?? null,
      receipt_number: null,
      source_transfer_reversal: null,
      status: pending ? 'pending' : 'succeeded',
      ...(pending ? { pending_reason: covered ? 'processing' : 'insufficient_funds' } : {}),
      transfer_reversal: null,
    };
    if (!pending) refund.balance_transaction = takeFunds(ledger, refund);
    const refunded: Charge = { ...charge, amount_refunded: charge.amount_refunded + wanted, refunded: wanted === left };
    world.store.put(refund);
    world.store.put(refunded);
    world.emit('refund.created', refund);
    world.emit('charge.refunded', refunded, { previous: { amount_refunded: charge.amount_refunded } });
    if (behaviour === 'refund-fails') settleRefund(world, ledger, refund, 'failed');
    return { body: refund };
  };

  const retrieve: Handler = ({ world, path }) => ({ body: world.store.get<Refund>('refund', path['id'] ?? '', 'refund') });

  const list: Handler = ({ world, params }) => {
    const { charge, payment_intent, ...page } = parse(listForm, params);
    return listReply('/v1/refunds', world.store.page<Refund>('refund', { ...page, where: { charge, payment_intent } }));
  };

  return { create, retrieve, list };
};
