import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { markStripeEventHandled, stripeEvent } from '#domain/payments/stripe-event.ts';
import { recordPayoutAccount, recordPayoutAccountStatus } from '#domain/payments/tutor-payout-account.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { UpstreamRefused } from '#infra/adapters/upstream-errors.ts';
import { handleEffect, type BoundCommands } from '#infra/process-managers/effect.ts';
import { refetchStripeObject } from './stripe-effects.ts';
import { idsOf, recordFailures, recordIntent, recordRefund, recordTransfer, sendUnless } from './stripe-outcomes.ts';

interface Notice {
  readonly stripeEventRef: string;
  readonly eventType: string;
  readonly objectId: string;
}

/** Asks Stripe how an object stands. Nothing is taken from the webhook but the object's id; types that nothing follows from are only marked. */
export const refetchStripeObjectHandler = (stripe: StripePayments) =>
  handleEffect(refetchStripeObject, async (notice, { load, commands }) => {
    const { stripeEventRef } = notice;
    const { state } = await load(stripeEvent, stripeEventRef);
    if (state.handled) return;
    try {
      await lookInto(stripe, notice, commands);
    } catch (error) {
      // Stripe does not know the object (any more): there is nothing to learn of it.
      if (!(error instanceof UpstreamRefused && error.status === 404)) throw error;
    }
    await commands.send(command(markStripeEventHandled, { stripeEventRef }));
  });

function lookInto(stripe: StripePayments, notice: Notice, commands: BoundCommands): Promise<void> {
  const { eventType, objectId } = notice;
  if (eventType.startsWith('payment_intent.')) return lookIntoIntent(stripe, notice, commands);
  if (eventType.startsWith('refund.')) return lookIntoRefund(stripe, objectId, commands);
  if (eventType.startsWith('charge.dispute.')) return lookIntoDispute(stripe, objectId, commands);
  if (eventType.startsWith('transfer.')) return lookIntoTransfer(stripe, objectId, commands);
  if (eventType === 'account.updated') return lookIntoAccount(stripe, objectId, commands);
  return Promise.resolve();
}

async function lookIntoIntent(stripe: StripePayments, { eventType, objectId }: Notice, commands: BoundCommands) {
  const intent = await stripe.retrievePaymentIntent(objectId);
  const ids = idsOf(intent.metadata);
  if (ids === undefined) return;
  const { paymentId } = ids;
  if (eventType === 'payment_intent.payment_failed' && intent.status !== 'succeeded')
    await recordFailures(commands, paymentId, intent, (await stripe.findCharges(objectId)).toReversed());
  await recordIntent(commands, paymentId, intent);
}

async function lookIntoRefund(stripe: StripePayments, refundId: string, commands: BoundCommands) {
  const refund = await stripe.retrieveRefund(refundId);
  const paymentId = idsOf(refund.metadata)?.paymentId ?? (await chargedPayment(stripe, refund.payment_intent, commands));
  if (paymentId !== undefined) await recordRefund(commands, paymentId, refund);
}

async function lookIntoDispute(stripe: StripePayments, disputeId: string, commands: BoundCommands) {
  const dispute = await stripe.retrieveDispute(disputeId);
  const paymentId = await chargedPayment(stripe, dispute.payment_intent, commands);
  if (paymentId === undefined) return;
  const { amount, currency } = dispute;
  const unknown = ['payment_not_found', 'payment_not_captured'];
  await sendUnless(unknown, () => commands.send(command(payment.recordChargebackOpened, { paymentId, disputeId, amount, currency })));
  const decided = [...unknown, 'chargeback_not_found'];
  if (dispute.status === 'won' || dispute.status === 'warning_closed')
    await sendUnless(decided, () => commands.send(command(payment.recordChargebackWon, { paymentId, disputeId })));
  if (dispute.status === 'lost')
    await sendUnless(decided, () => commands.send(command(payment.recordChargebackLost, { paymentId, disputeId })));
}

async function lookIntoTransfer(stripe: StripePayments, transferId: string, commands: BoundCommands) {
  await recordTransfer(commands, await stripe.retrieveTransfer(transferId));
}

async function lookIntoAccount(stripe: StripePayments, accountId: string, commands: BoundCommands) {
  const { metadata, payouts_enabled: paysOut, requirements } = await stripe.retrieveAccount(accountId);
  const { data: owner } = z.object({ tutorId: uuid }).safeParse(metadata);
  if (owner === undefined) return;
  const { tutorId } = owner;
  const notTheirs = ['payout_account_missing', 'another_payout_account'];
  await sendUnless(notTheirs, () => commands.send(command(recordPayoutAccount, { tutorId, accountId })));
  const isRejected = requirements?.disabled_reason?.startsWith('rejected') === true;
  const status = isRejected ? 'rejected' : paysOut ? 'active' : 'restricted';
  await sendUnless(notTheirs, () => commands.send(command(recordPayoutAccountStatus, { tutorId, accountId, status })));
}

/**
 * The payment whose charge was refunded or disputed at Stripe; undefined when it is none of ours. The charge itself is recorded first: Stripe keeps
 * no order, and of a payment that no money has come for nothing can be returned.
 */
async function chargedPayment(stripe: StripePayments, intent: string | { readonly id: string } | null, commands: BoundCommands) {
  if (intent === null) return undefined;
  const charged = await stripe.retrievePaymentIntent(typeof intent === 'string' ? intent : intent.id);
  const paymentId = idsOf(charged.metadata)?.paymentId;
  if (paymentId !== undefined) await recordIntent(commands, paymentId, charged);
  return paymentId;
}
