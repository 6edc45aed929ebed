import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { paymentIdOf, refundBookingOutcome, retryFailedRefund } from '#domain/payments/payment-commands.ts';
import { NOTHING_DONE } from '../effects/stripe-calls.ts';
import { cancelPaymentIntent, createRefund } from '../effects/stripe-effects.ts';

/** Nothing came, so nothing goes back; or it is asked for again when what stands in the way is over. */
const NOT_NOW = ['payment_not_found', 'payment_not_captured', 'payment_on_hold', 'refund_pending'];

const callOff = (paymentId: string, bookingId: string) =>
  now(effect(cancelPaymentIntent, { paymentId, bookingId, reason: 'booking_ended' }));
const refundIfOwed = (paymentId: string) => now(command(refundBookingOutcome, { paymentId }), { settledBy: NOT_NOW });

/** After whatever may have stood in the way: refunds that Stripe did nothing about are tried again, others that failed wait for a person. */
const refundAgain = (paymentId: string) => [
  now(command(retryFailedRefund, { paymentId, code: NOTHING_DONE }), { settledBy: NOT_NOW }),
  refundIfOwed(paymentId),
];

/**
 * The compensation of every booking that comes to nothing after money came, in whichever order the two happen: whether something is owed
 * back is decided on the booking as it stands, after each event that may have changed the answer.
 */
export const refundWhatIsOwed: ProcessManager<Events> = {
  name: 'refund-what-is-owed',
  context: 'payments',
  sentence: 'Money for a booking that failed goes back in full, also when it comes late; every refund asked for is made.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    BookingFailed: ({ data: { bookingId } }) => {
      const paymentId = paymentIdOf(bookingId);
      return [callOff(paymentId, bookingId), refundIfOwed(paymentId)];
    },
    PaymentProcessed: ({ data }) => refundIfOwed(data.paymentId),
    PaymentRefunded: ({ data }) => refundAgain(data.paymentId),
    RefundFailed: ({ data }) => refundAgain(data.paymentId),
    ChargebackWon: ({ data }) => refundAgain(data.paymentId),
    ChargebackLost: ({ data }) => refundAgain(data.paymentId),
    // Where no money of ours came, the difference was in the charge itself: its booking has failed, and calling it off had to wait.
    PaymentMismatchCleared: ({ data: { paymentId, bookingId } }) => [callOff(paymentId, bookingId), ...refundAgain(paymentId)],
    RefundRequested: ({ data: { paymentId, refundId, reason } }) =>
      reason === 'made_in_stripe' ? [] : now(effect(createRefund, { paymentId, refundId })),
  },
};
