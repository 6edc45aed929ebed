import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { failBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { initiatePayment, paymentIdOf } from '#domain/payments/payment-commands.ts';
import { createPaymentIntent } from '../effects/stripe-effects.ts';

/** Payment Required Before Confirmation: a reserved slot is charged. */
export const chargeReservedSlot: ProcessManager<Events> = {
  name: 'charge-reserved-slot',
  context: 'payments',
  sentence: 'A reserved slot is to be paid: the payment begins and Stripe is told of it.',
  instance: ({ data, aggregateId }) => ('bookingId' in data ? data.bookingId : aggregateId),
  on: {
    TimeSlotReserved: ({ data: { bookingId } }) =>
      now(command(initiatePayment, { paymentId: paymentIdOf(bookingId), bookingId }), {
        settledBy: ['booking_not_reserved'],
        otherwise: { amount_too_small: command(failBooking, { bookingId, reason: 'payment_failed' }) },
      }),
    PaymentInitiated: ({ data: { paymentId } }) => now(effect(createPaymentIntent, { paymentId })),
    PaymentKeysRenewed: ({ data: { paymentId } }) => now(effect(createPaymentIntent, { paymentId })),
  },
};
