import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import * as commands from '#domain/payments/payment-commands.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { BoundCommands } from '#infra/process-managers/effect.ts';

type PaymentIntent = Awaited<ReturnType<StripePayments['retrievePaymentIntent']>>;
type StripeRefund = Awaited<ReturnType<StripePayments['retrieveRefund']>>;

/** Ids of ours in the metadata of Stripe's objects. Others may use the same account at Stripe, so they may be missing. */
const ours = z.object({
  paymentId: uuid,
  refundId: uuid.optional(),
  payoutId: uuid.optional(),
  attempt: z.coerce.number().int().optional(),
});

/** Our ids in an object's metadata; undefined when it is none of ours. */
export function idsOf(metadata: Readonly<Record<string, string>> | null): z.output<typeof ours> | undefined {
  const parsed = ours.safeParse(metadata);
  return parsed.success ? parsed.data : undefined;
}

/**
 * Sends a command that records a fact about something that we may not know: a refusal with one of the codes is then the answer that
 * nothing of ours is concerned.
 */
export async function sendUnless(codes: readonly string[], send: () => Promise<unknown>): Promise<void> {
  try {
    await send();
  } catch (refusal) {
    if (!(refusal instanceof Refusal) || !codes.includes(refusal.code)) throw refusal;
  }
}

/** The reason that we give when we cancel a PaymentIntent. */
export const OUR_CANCELLATION = 'abandoned';

/** Records how a PaymentIntent stands. `failureRef` names a failed attempt that left no charge. */
export async function recordIntent(sender: BoundCommands, paymentId: string, intent: PaymentIntent, failureRef?: string): Promise<void> {
  const intentId = intent.id;
  const unknown = ['payment_not_found', 'another_payment_intent'];
  const { latest_charge: charge, last_payment_error: failure, currency } = intent;
  const chargeId = typeof charge === 'string' ? charge : charge?.id;
  switch (intent.status) {
    case 'succeeded': {
      if (chargeId === undefined) throw new Error('A PaymentIntent that succeeded has no charge');
      const paid = { paymentId, intentId, chargeId, amount: intent.amount_received, currency };
      await sendUnless(unknown, () => sender.send(command(commands.recordPaymentProcessed, paid)));
      return;
    }
    case 'requires_action':
      await sendUnless(unknown, () => sender.send(command(commands.recordPaymentActionRequired, { paymentId, intentId })));
      return;
    case 'canceled':
      // Our own doing, whose reason only the effect that did it knows; it records that.
      if (intent.cancellation_reason === OUR_CANCELLATION) return;
      await sendUnless([...unknown, 'already_paid'], () =>
        sender.send(command(commands.cancelPayment, { paymentId, reason: 'canceled_at_stripe' })),
      );
      return;
    case 'requires_payment_method': {
      const attemptRef = failure?.charge ?? failureRef;
      if (failure == null || attemptRef === undefined) return;
      const code = failure.decline_code || failure.code || failure.type;
      await sendUnless(unknown, () => sender.send(command(commands.recordPaymentFailed, { paymentId, intentId, attemptRef, code })));
      return;
    }
    default:
      // Being processed or not begun: Stripe will tell us more.
      return;
  }
}

/** Records how a refund stands; one without our id was made at Stripe by hand. */
export async function recordRefund(sender: BoundCommands, paymentId: string, refund: StripeRefund): Promise<void> {
  const stripeRefundId = refund.id;
  const ids = idsOf(refund.metadata);
  const refundId = ids?.refundId ?? followUpId('Refund', stripeRefundId);
  const { amount, currency } = refund;
  const unknown = ['payment_not_found', 'refund_not_found'];
  switch (refund.status) {
    case 'succeeded':
      await sendUnless([...unknown, 'payment_not_captured'], () =>
        sender.send(command(commands.recordPaymentRefunded, { paymentId, refundId, stripeRefundId, amount, currency }), refundId),
      );
      return;
    case 'failed':
    case 'canceled': {
      const code = refund.failure_reason ?? refund.status;
      await sendUnless(unknown, () =>
        sender.send(command(commands.recordRefundFailed, { paymentId, refundId, attempt: ids?.attempt ?? 1, code }), refundId),
      );
      return;
    }
    default:
      await sendUnless(unknown, () =>
        sender.send(command(commands.recordRefundAccepted, { paymentId, refundId, stripeRefundId }), refundId),
      );
  }
}
