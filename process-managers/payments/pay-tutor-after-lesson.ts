import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { plus } from '#domain/kernel/time.ts';
import { settleBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { paymentIdOf, releasePayment, schedulePayout } from '#domain/payments/payment-commands.ts';
import { RELEASE_AFTER } from '#domain/payments/payment-payouts.ts';
import { claimTutorDebt } from '#domain/payments/tutor-payout-account.ts';
import { createTransfer } from '../effects/stripe-effects.ts';

/** Nothing is earned, or it is asked for again when what stands in the way is over. */
const NOT_NOW = ['payment_not_found', 'payment_not_captured', 'payment_on_hold', 'lesson_not_earned', 'lesson_in_dispute', 'nothing_kept'];
const NO_PAYOUT_NOW = ['payment_not_released', 'payment_on_hold', 'payout_was_canceled'];

interface OfOnePayment {
  readonly data: { readonly paymentId: string; readonly tutorId: string };
}

/** Plans the payout; open debts are put aside for first, and that asks again. */
const planPayout = ({ data: { paymentId, tutorId } }: OfOnePayment) =>
  now(command(schedulePayout, { paymentId }), {
    settledBy: NO_PAYOUT_NOW,
    otherwise: { tutor_has_debt: command(claimTutorDebt, { tutorId, paymentId }) },
  });

const afterHold = (event: OfOnePayment) => [
  now(command(releasePayment, { paymentId: event.data.paymentId }), { settledBy: [...NOT_NOW, 'release_not_due'] }),
  planPayout(event),
];

/** Pay Tutor After Completion and 20 % Platform Commission. */
export const payTutorAfterLesson: ProcessManager<Events> = {
  name: 'pay-tutor-after-lesson',
  context: 'payments',
  sentence: 'A day after the lesson the tutor’s part is released, set against earlier debts, and sent when it is due.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    LessonCompleted: ({ data: { bookingId, endedAt } }) =>
      at(plus(endedAt, RELEASE_AFTER), command(releasePayment, { paymentId: paymentIdOf(bookingId) }), { settledBy: NOT_NOW }),
    PaymentReleased: (event) => [planPayout(event), now(command(settleBooking, { bookingId: event.data.bookingId }))],
    TutorDebtClaimed: ({ data: { paymentId } }) => now(command(schedulePayout, { paymentId }), { settledBy: NO_PAYOUT_NOW }),
    ChargebackWon: afterHold,
    // What the bank left of the payment: a part may be the tutor’s, or set aside for their debts.
    ChargebackLost: afterHold,
    PaymentMismatchCleared: afterHold,
    PaymentRefunded: ({ data: { bookingId, refundedInFull } }) =>
      refundedInFull ? now(command(settleBooking, { bookingId }), { settledBy: ['booking_not_completed', 'booking_ended'] }) : [],
    TutorPayoutScheduled: ({ data: { paymentId, payoutId, dueAt } }) => at(dueAt, effect(createTransfer, { paymentId, payoutId })),
    PayoutUnblocked: ({ data: { paymentId, payoutId } }) => now(effect(createTransfer, { paymentId, payoutId })),
    PayoutFailed: ({ data: { paymentId, payoutId, retryAt } }) =>
      retryAt === undefined ? [] : at(retryAt, effect(createTransfer, { paymentId, payoutId })),
  },
};
