import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { failBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { paymentIdOf } from '#domain/payments/payment-commands.ts';
import { cancelPaymentIntent } from '../effects/stripe-effects.ts';

/** The booking has gone on without this answer. */
const PAST_FAILING = ['booking_ended', 'booking_already_paid', 'booking_not_found'];

/**
 * A booking is given up only after its charge was called off, so that no money can come for it unseen. It is a policy of its own, apart
 * from the one that charges: a charge that Stripe does not answer must not keep the booking from being given up.
 */
export const giveUpUnpaidBooking: ProcessManager<Events> = {
  name: 'give-up-unpaid-booking',
  context: 'payments',
  sentence: 'When the hold runs out or the third attempt is declined, the charge is called off, and then the booking fails.',
  instance: ({ data, aggregateId }) => ('bookingId' in data ? data.bookingId : aggregateId),
  on: {
    TimeSlotReserved: ({ data: { bookingId, until } }) =>
      at(until, effect(cancelPaymentIntent, { paymentId: paymentIdOf(bookingId), bookingId, reason: 'hold_expired' })),
    PaymentFailed: ({ data: { paymentId, bookingId, lastAttempt } }) =>
      lastAttempt ? now(effect(cancelPaymentIntent, { paymentId, bookingId, reason: 'payment_failed' })) : [],
    PaymentCanceled: ({ data: { bookingId, reason } }) => {
      if (reason === 'booking_ended') return [];
      const because = reason === 'hold_expired' ? 'hold_expired' : 'payment_failed';
      return now(command(failBooking, { bookingId, reason: because }), { settledBy: PAST_FAILING });
    },
    PaymentMismatchDetected: ({ data: { bookingId } }) =>
      now(command(failBooking, { bookingId, reason: 'payment_mismatch' }), { settledBy: PAST_FAILING }),
  },
};
