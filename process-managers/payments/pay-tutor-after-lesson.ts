import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { plus } from '#domain/kernel/time.ts';
import { settleBooking } from '#domain/lessons/lesson-booking.ts';
import { paymentIdOf, releasePayment, schedulePayout } from '#domain/payments/payment-commands.ts';
import { RELEASE_AFTER } from '#domain/payments/payment-payouts.ts';
import { claimTutorDebt } from '#domain/payments/tutor-payout-account.ts';
import { createTransfer } from '../effects/stripe-effects.ts';

/** Nothing is earned, or it is asked for again when what stands in the way is over. */
const NOT_NOW = ['payment_not_found', 'payment_not_captured', 'payment_on_hold', 'lesson_not_earned', 'lesson_in_dispute', 'nothing_kept'];
const NO_PAYOUT_NOW = ['payment_not_released', 'payment_on_hold', 'payout_was_canceled'];

const afterHold = ({ data: { paymentId } }: { readonly data: { readonly paymentId: string } }) => [
  now(command(releasePayment, { paymentId }), { settledBy: [...NOT_NOW, 'release_not_due'] }),
  now(command(schedulePayout, { paymentId }), { settledBy: [...NO_PAYOUT_NOW, 'tutor_has_debt'] }),
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
    PaymentReleased: ({ data: { paymentId, bookingId, tutorId, tutorNet, currency } }) => [
      now(command(schedulePayout, { paymentId }), {
        settledBy: NO_PAYOUT_NOW,
        otherwise: { tutor_has_debt: command(claimTutorDebt, { tutorId, paymentId, available: tutorNet, currency }) },
      }),
      now(command(settleBooking, { bookingId })),
    ],
    TutorDebtClaimed: ({ data: { paymentId } }) => now(command(schedulePayout, { paymentId }), { settledBy: NO_PAYOUT_NOW }),
    ChargebackWon: afterHold,
    PaymentMismatchCleared: afterHold,
    PaymentRefunded: ({ data: { bookingId, refundedInFull } }) =>
      refundedInFull ? now(command(settleBooking, { bookingId }), { settledBy: ['booking_not_completed', 'booking_ended'] }) : [],
    TutorPayoutScheduled: ({ data: { paymentId, payoutId, dueAt } }) => at(dueAt, effect(createTransfer, { paymentId, payoutId })),
    PayoutUnblocked: ({ data: { paymentId, payoutId } }) => now(effect(createTransfer, { paymentId, payoutId })),
    PayoutFailed: ({ data: { paymentId, payoutId, retryAt } }) =>
      retryAt === undefined ? [] : at(retryAt, effect(createTransfer, { paymentId, payoutId })),
  },
};
