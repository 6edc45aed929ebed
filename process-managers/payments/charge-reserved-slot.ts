import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { failBooking } from '#domain/lessons/lesson-booking.ts';
import { initiatePayment, paymentIdOf } from '#domain/payments/payment-commands.ts';
import { cancelPaymentIntent, createPaymentIntent } from '../effects/stripe-effects.ts';

/** The booking has gone on without this answer. */
const PAST_FAILING = ['booking_ended', 'booking_already_paid', 'booking_not_found'];

/** Pay before confirm: a reserved slot is charged, and given up when no money comes in time. */
export const chargeReservedSlot: ProcessManager<Events> = {
  name: 'charge-reserved-slot',
  context: 'payments',
  sentence:
    'A reserved slot is charged; when the hold runs out or the third attempt is declined, the charge is called off and the booking fails.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    TimeSlotReserved: ({ data: { bookingId, until } }) => {
      const paymentId = paymentIdOf(bookingId);
      return [
        now(command(initiatePayment, { paymentId, bookingId }), {
          settledBy: ['booking_not_reserved'],
          otherwise: { amount_too_small: command(failBooking, { bookingId, reason: 'payment_failed' }) },
        }),
        at(until, effect(cancelPaymentIntent, { paymentId, bookingId, reason: 'hold_expired' })),
      ];
    },
    PaymentInitiated: ({ data: { paymentId } }) => now(effect(createPaymentIntent, { paymentId })),
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
