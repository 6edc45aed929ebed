import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { paymentIdOf, refundBookingOutcome, retryRefund } from '#domain/payments/payment-commands.ts';
import { NOTHING_DONE } from '../effects/stripe-calls.ts';
import { cancelPaymentIntent, createRefund } from '../effects/stripe-effects.ts';

/** Nothing came, so nothing goes back; or it is asked for again when what stands in the way is over. */
const NOT_NOW = ['payment_not_found', 'payment_not_captured', 'payment_on_hold', 'refund_pending'];

const refundIfOwed = (paymentId: string) => now(command(refundBookingOutcome, { paymentId }), { settledBy: NOT_NOW });

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
      return [now(effect(cancelPaymentIntent, { paymentId, bookingId, reason: 'booking_ended' })), refundIfOwed(paymentId)];
    },
    PaymentProcessed: ({ data }) => refundIfOwed(data.paymentId),
    PaymentRefunded: ({ data }) => refundIfOwed(data.paymentId),
    RefundFailed: ({ data: { paymentId, refundId, code } }) => [
      ...(code === NOTHING_DONE ? [now(command(retryRefund, { paymentId, refundId }), { settledBy: ['refund_not_failed'] })] : []),
      refundIfOwed(paymentId),
    ],
    ChargebackWon: ({ data }) => refundIfOwed(data.paymentId),
    ChargebackLost: ({ data }) => refundIfOwed(data.paymentId),
    PaymentMismatchCleared: ({ data }) => refundIfOwed(data.paymentId),
    RefundRequested: ({ data: { paymentId, refundId, reason } }) =>
      reason === 'made_in_stripe' ? [] : now(effect(createRefund, { paymentId, refundId })),
  },
};
