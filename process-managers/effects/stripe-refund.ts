import { command } from '#domain/kernel/command.ts';
import { recordRefundFailed } from '#domain/payments/payment-commands.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import { findOrAct, refusalCode } from './stripe-calls.ts';
import { createRefund } from './stripe-effects.ts';
import { recordRefund } from './stripe-outcomes.ts';

/** Makes a refund that was asked for. A definite refusal leaves it owed to the payer, for a person to look at. */
export const createRefundHandler = (stripe: StripePayments) =>
  handleEffect(createRefund, async ({ paymentId, refundId }, { load, commands }) => {
    const { state } = await load(paymentTransaction, paymentId);
    const refund = state.refunds[refundId];
    const { intentId } = state;
    if (refund?.status !== 'pending' || refund.stripeRefundId !== undefined || intentId === undefined) return;
    const attempt = String(refund.attempt);
    // Also what an earlier attempt was taken to have left undone, and has made after all; the failure of an earlier one is on record.
    const find = async () => {
      const made = await stripe.findRefunds(intentId, { paymentId, refundId });
      return (
        made.find(({ status }) => status !== 'failed' && status !== 'canceled') ??
        made.find(({ metadata }) => metadata?.['attempt'] === attempt)
      );
    };
    try {
      const made = await findOrAct({
        call: () =>
          stripe.createRefund({ payment_intent: intentId, amount: refund.amount, metadata: { paymentId, refundId, attempt } }, refund.key),
        find,
      });
      await recordRefund(commands, paymentId, made);
    } catch (error) {
      const code = refusalCode(error);
      if (code === undefined) throw error;
      await commands.send(command(recordRefundFailed, { paymentId, refundId, attempt: refund.attempt, code }));
    }
  });
