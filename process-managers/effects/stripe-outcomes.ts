import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import * as commands from '#domain/payments/payment-commands.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { BoundCommands } from '#infra/process-managers/effect.ts';

export type PaymentIntent = Awaited<ReturnType<StripePayments['retrievePaymentIntent']>>;
type StripeCharge = Awaited<ReturnType<StripePayments['findCharges']>>[number];
type StripeRefund = Awaited<ReturnType<StripePayments['retrieveRefund']>>;
type StripeTransfer = Awaited<ReturnType<StripePayments['retrieveTransfer']>>;

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

/** Nothing of ours is concerned. */
const UNKNOWN_INTENT = ['payment_not_found', 'another_payment_intent'];

/** The reason that we give when we cancel a PaymentIntent. */
export const OUR_CANCELLATION = 'abandoned';

/** Records how a PaymentIntent stands; attempts that failed on the way are another thing. */
export async function recordIntent(sender: BoundCommands, paymentId: string, intent: PaymentIntent): Promise<void> {
  const intentId = intent.id;
  const { latest_charge: charge, currency } = intent;
  const chargeId = typeof charge === 'string' ? charge : charge?.id;
  switch (intent.status) {
    case 'succeeded': {
      if (chargeId === undefined) throw new Error('A PaymentIntent that succeeded has no charge');
      const paid = { paymentId, intentId, chargeId, amount: intent.amount_received, currency };
      await sendUnless(UNKNOWN_INTENT, () => sender.send(command(commands.recordPaymentProcessed, paid)));
      return;
    }
    case 'requires_action':
      await sendUnless(UNKNOWN_INTENT, () => sender.send(command(commands.recordPaymentActionRequired, { paymentId, intentId })));
      return;
    case 'canceled':
      // Our own doing, whose reason only the effect that did it knows; it records that.
      if (intent.cancellation_reason === OUR_CANCELLATION) return;
      await sendUnless([...UNKNOWN_INTENT, 'already_paid'], () =>
        sender.send(command(commands.cancelPayment, { paymentId, intentId, reason: 'canceled_at_stripe' })),
      );
      return;
    default:
      // Waiting for a card or being processed: Stripe will tell us more.
      return;
  }
}

/**
 * Records every attempt to pay that failed. Each is told from the others by its charge, so attempts in quick succession are all counted, whichever
 * of them Stripe tells of. One that left no charge, such as a failed challenge, is named by the card, which is the same whoever asks and whenever:
 * a card counts once for such, rather than one attempt twice.
 */
export async function recordFailures(
  sender: BoundCommands,
  paymentId: string,
  intent: PaymentIntent,
  charges: readonly StripeCharge[],
): Promise<void> {
  const intentId = intent.id;
  const { last_payment_error: failure } = intent;
  const codes = new Map(
    charges.filter(({ status }) => status === 'failed').map(({ id, failure_code: code }) => [id, code ?? 'declined'] as const),
  );
  if (failure != null)
    codes.set(failure.charge ?? failure.payment_method?.id ?? intentId, failure.decline_code || failure.code || failure.type);
  for (const [attemptRef, code] of codes) {
    const failed = command(commands.recordPaymentFailed, { paymentId, intentId, attemptRef, code });
    await sendUnless(UNKNOWN_INTENT, () => sender.send(failed, attemptRef));
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
        sender.send(
          command(commands.recordRefundFailed, { paymentId, refundId, attempt: ids?.attempt ?? 1, code, stripeRefundId }),
          refundId,
        ),
      );
      return;
    }
    default:
      await sendUnless(unknown, () =>
        sender.send(command(commands.recordRefundAccepted, { paymentId, refundId, stripeRefundId }), refundId),
      );
  }
}

/** Records that a transfer was made; one that is for no payout of ours is left alone. */
export async function recordTransfer(sender: BoundCommands, { id: transferId, metadata, amount, currency }: StripeTransfer): Promise<void> {
  const ids = idsOf(metadata);
  if (ids?.payoutId === undefined) return;
  const { paymentId, payoutId } = ids;
  const sent = command(commands.recordPayoutSent, { paymentId, payoutId, transferId, amount, currency });
  await sendUnless(['payment_not_found', 'payout_not_found'], () => sender.send(sent, payoutId));
}
