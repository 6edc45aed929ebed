import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { HOUR, millisecondsBetween } from '#domain/kernel/time.ts';
import { failBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { lessonBooking } from '#domain/lessons/lesson-booking.ts';
import { payerAccount, recordPayerCustomer } from '#domain/payments/payer-account.ts';
import { cancelPayment, recordPaymentIntent, renewPaymentKeys } from '#domain/payments/payment-commands.ts';
import { agrees } from '#domain/payments/payment-guards.ts';
import { isCaptured, type Terms } from '#domain/payments/payment-state.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { handleEffect, type BoundCommands, type EffectContext } from '#infra/process-managers/effect.ts';
import { actOnce, findOrAct, ProvenAbsent } from './stripe-calls.ts';
import { cancelPaymentIntent, createPaymentIntent } from './stripe-effects.ts';
import { OUR_CANCELLATION, recordIntent, sendUnless, type PaymentIntent } from './stripe-outcomes.ts';

/** Stripe forgets a key after a day at the earliest; from here on it is not relied on. */
const KEY_TRUSTED_FOR = 20 * HOUR;

/** Opens the PaymentIntent of a payment, for the payer as a customer. Nothing is opened for a payment that was called off or whose booking failed. */
export const createPaymentIntentHandler = (stripe: StripePayments) =>
  handleEffect(createPaymentIntent, async ({ paymentId }, context) => {
    const { state } = await context.load(paymentTransaction, paymentId);
    const { terms } = state;
    if (terms === undefined || state.intentId !== undefined || state.status !== 'Initiated') return;
    // A booking that failed before the payment began found nothing to call off; one that fails from here on finds this payment.
    const { state: booking } = await context.load(lessonBooking, terms.parties.bookingId);
    if (booking.status === 'Failed') return callOff(context.commands, { paymentId, reason: 'booking_ended' });
    try {
      const customer = await customerOf(stripe, terms, context);
      const { gross: amount, currency } = terms;
      const { bookingId } = terms.parties;
      const metadata = { paymentId, bookingId };
      const open = {
        call: () =>
          stripe.createPaymentIntent(
            { amount, currency, customer, transfer_group: bookingId, metadata, automatic_payment_methods: { enabled: true } },
            terms.intentKey,
          ),
        find: async () => (await stripe.findPaymentIntents(customer, { paymentId }))[0],
      };
      const isOld = millisecondsBetween(context.cause.at, context.clock.now()) > KEY_TRUSTED_FOR;
      const intent = await (isOld ? findOrAct(open) : actOnce(open));
      // Called off meanwhile: nobody has been given the secret of this PaymentIntent, so nobody can pay it.
      await sendUnless(['payment_over'], () =>
        context.commands.send(
          command(recordPaymentIntent, {
            paymentId,
            customerId: customer,
            intentId: intent.id,
            amount: intent.amount,
            currency: intent.currency,
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof ProvenAbsent)) throw error;
      await context.commands.send(command(renewPaymentKeys, { paymentId, attempt: terms.keyAttempt + 1 }));
    }
  });

/** The payer's customer at Stripe. A second one, after a lost answer, is never used: the first that was recorded stays. */
async function customerOf(stripe: StripePayments, { customerKey, parties: { payerId } }: Terms, context: EffectContext): Promise<string> {
  const { state } = await context.load(payerAccount, payerId);
  if (state.customerId !== undefined) return state.customerId;
  const created = await actOnce({
    call: () => stripe.createCustomer({ metadata: { payerId } }, customerKey),
    // A customer holds no money, so an unknown twin does no harm and need not be looked for.
    find: () => Promise.resolve(undefined),
  });
  await context.commands.send(command(recordPayerCustomer, { payerId, customerId: created.id }));
  const { state: recorded } = await context.load(payerAccount, payerId);
  return recorded.customerId ?? created.id;
}

/** Calls a charge off. Money that came first is recorded instead; what becomes of it is decided by others. */
export const cancelPaymentIntentHandler = (stripe: StripePayments) =>
  handleEffect(cancelPaymentIntent, async ({ paymentId, bookingId, reason }, { load, commands }) => {
    const { state } = await load(paymentTransaction, paymentId);
    if (state.terms === undefined) {
      // The charge never began; the booking does not wait for it any longer.
      if (reason === 'hold_expired')
        await sendUnless(['booking_ended', 'booking_not_found', 'booking_already_paid'], () =>
          commands.send(command(failBooking, { bookingId, reason })),
        );
      return;
    }
    // A payment whose amounts differ from Stripe's is left to the person who looks into it.
    if (isCaptured(state) || state.status === 'Canceled' || state.mismatched) return;
    const { intentId, terms } = state;
    if (intentId !== undefined) {
      const paid = await canceled(stripe, intentId, terms.intentCancelKey);
      if (paid !== undefined && !isGivenBack(paid, terms)) return recordIntent(commands, paymentId, paid);
    }
    await callOff(commands, { paymentId, ...(intentId === undefined ? {} : { intentId }), reason });
  });

/**
 * Whether another amount than ours was charged, and all of it went back at Stripe: such money was never on record, so no more follows from it.
 * Until then recording it brings the question about it up again.
 */
function isGivenBack({ amount_received: amount, currency, latest_charge: charge }: PaymentIntent, terms: Terms): boolean {
  return !agrees(terms, terms.gross, { amount, currency }) && charge !== null && typeof charge === 'object' && charge.refunded;
}

/** Records that a payment is called off, unless its money has come. */
function callOff(commands: BoundCommands, calledOff: z.output<typeof cancelPayment.data>): Promise<void> {
  return sendUnless(['already_paid'], () => commands.send(command(cancelPayment, calledOff)));
}

/** Undefined when the PaymentIntent is canceled; else how it stands that it cannot be. */
async function canceled(stripe: StripePayments, intentId: string, key: string) {
  let failure: UpstreamRefused | UpstreamUnsure | undefined;
  // Canceling twice is harmless, so an answer that Stripe keeps repeating under one key is got round by another.
  for (const each of [key, `${key}:2`]) {
    try {
      await stripe.cancelPaymentIntent(intentId, { cancellation_reason: OUR_CANCELLATION }, each);
      return undefined;
    } catch (error) {
      if (!(error instanceof UpstreamRefused) && !(error instanceof UpstreamUnsure)) throw error;
      failure = error;
    }
    const intent = await stripe.retrievePaymentIntent(intentId);
    if (intent.status === 'canceled') return undefined;
    if (intent.status === 'succeeded') return intent;
  }
  throw failure ?? new Error('There was no key to cancel with');
}
