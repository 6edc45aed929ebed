import { describe, expect, it } from '@jest/globals';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager, type Reaction } from '#domain/kernel/consumer.ts';
import type { Events } from '#domain/deciders.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, reactionsTo, recorded } from '#domain/kernel/given-when-then.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { DAY, HOUR, plus } from '#domain/kernel/time.ts';
import { completed, failedFor, heldUntil, miaBooksOkafor, reserved } from '#domain/lessons/lesson-booking.examples.ts';
import { failBooking, settleBooking } from '#domain/lessons/lesson-booking.messages.ts';
import * as commands from '#domain/payments/payment-commands.ts';
import * as events from '#domain/payments/payment-events.ts';
import * as payment from '#domain/payments/payment-transaction.examples.ts';
import { intentSucceeded } from '#domain/payments/stripe-event.examples.ts';
import { accountActivated, onboardingStarted } from '#domain/payments/tutor-payout-account.examples.ts';
import {
  awaitPayoutAccount,
  claimTutorDebt,
  noteTutorDebt,
  payoutAccountActivated,
  tutorDebtClaimed,
} from '#domain/payments/tutor-payout-account.ts';
import * as effects from '../effects/stripe-effects.ts';
import { chargeReservedSlot } from './charge-reserved-slot.ts';
import { giveUpUnpaidBooking } from './give-up-unpaid-booking.ts';
import { hearStripe } from './hear-stripe.ts';
import { payTutorAfterLesson } from './pay-tutor-after-lesson.ts';
import { payoutAccountOpens } from './payout-account-opens.ts';
import { recoverFromTutor } from './recover-from-tutor.ts';
import { refundWhatIsOwed } from './refund-what-is-owed.ts';

const { parties, payoutId, refundId } = payment;
const { paymentId, bookingId, tutorId } = parties;
const happened = (fact: DomainEvent) => recorded(fact, { aggregateType: 'PaymentTransaction', aggregateId: paymentId });

/** The commands and effects that follow, with their time when they have one; compensations apart. */
const after = (manager: ProcessManager<Events>, fact: DomainEvent) =>
  reactionsTo(manager, happened(fact)).map(({ command: message, due }) => (due === undefined ? now(message) : at(due, message)));
const compensation = (manager: ProcessManager<Events>, fact: DomainEvent): Reaction['otherwise'] =>
  reactionsTo(manager, happened(fact))[0]?.otherwise;

describe('A reserved slot', () => {
  const ofBooking = { bookingId: miaBooksOkafor.bookingId, paymentId: commands.paymentIdOf(miaBooksOkafor.bookingId) };

  it('is charged', () => expect(after(chargeReservedSlot, reserved)).toEqual([now(command(commands.initiatePayment, ofBooking))]));
  it('is given up when the hold runs out', () =>
    expect(after(giveUpUnpaidBooking, reserved)).toEqual([
      at(heldUntil, effect(effects.cancelPaymentIntent, { ...ofBooking, reason: 'hold_expired' })),
    ]));
  it('fails when it costs too little to be charged', () =>
    expect(compensation(chargeReservedSlot, reserved)).toEqual({
      amount_too_small: command(failBooking, { bookingId: miaBooksOkafor.bookingId, reason: 'payment_failed' }),
    }));
  it('is charged at Stripe', () =>
    expect(after(chargeReservedSlot, payment.initiated)).toEqual([now(effect(effects.createPaymentIntent, { paymentId }))]));
  it('is not given up for one decline', () => expect(after(giveUpUnpaidBooking, payment.declined(1))).toEqual([]));
  it('is given up for the third', () =>
    expect(after(giveUpUnpaidBooking, payment.declined(3))).toEqual([
      now(effect(effects.cancelPaymentIntent, { paymentId, bookingId, reason: 'payment_failed' })),
    ]));
  it.each([
    ['hold_expired', 'hold_expired'],
    ['payment_failed', 'payment_failed'],
    ['canceled_at_stripe', 'payment_failed'],
  ] as const)('fails only after the charge was called off (%s)', (reason, because) =>
    expect(after(giveUpUnpaidBooking, event(events.paymentCanceled, { ...parties, reason }))).toEqual([
      now(command(failBooking, { bookingId, reason: because })),
    ]),
  );
  it('that failed first is left alone', () =>
    expect(after(giveUpUnpaidBooking, event(events.paymentCanceled, { ...parties, reason: 'booking_ended' }))).toEqual([]));
  it('fails when Stripe charged something else', () =>
    expect(
      after(
        giveUpUnpaidBooking,
        event(events.paymentMismatchDetected, {
          ...parties,
          objectId: 'pi_mia',
          expectedAmount: 2,
          expectedCurrency: 'usd',
          actualAmount: 1,
          actualCurrency: 'usd',
        }),
      ),
    ).toEqual([now(command(failBooking, { bookingId, reason: 'payment_mismatch' }))]));
  it('is one process with its booking and its payment', () => {
    expect(chargeReservedSlot.instance?.(happened(payment.initiated) as never)).toBe(bookingId);
    expect(refundWhatIsOwed.instance?.(happened(failedFor('slot_taken')) as never)).toBe(miaBooksOkafor.bookingId);
  });
});

describe('A word from Stripe', () => {
  it('is asked for again', () => {
    const { stripeEventRef, eventType, objectId } = intentSucceeded.data;
    expect(after(hearStripe, intentSucceeded)).toEqual([now(effect(effects.refetchStripeObject, { stripeEventRef, eventType, objectId }))]);
  });
});

describe('Two words from Stripe about one object', () => {
  it('are looked into one after the other', () =>
    expect(hearStripe.instance?.(happened(intentSucceeded) as never)).toBe(intentSucceeded.data.objectId));
});

describe('Money that came for nothing', () => {
  const owed = now(command(commands.refundBookingOutcome, { paymentId }));
  const undone = now(command(commands.retryFailedRefund, { paymentId, code: 'nothing_done' }));

  it('goes back after the charge was stopped', () => {
    const failed = failedFor('slot_taken');
    const failedPayment = commands.paymentIdOf(failed.data.bookingId);
    expect(after(refundWhatIsOwed, failed)).toEqual([
      now(effect(effects.cancelPaymentIntent, { paymentId: failedPayment, bookingId: failed.data.bookingId, reason: 'booking_ended' })),
      now(command(commands.refundBookingOutcome, { paymentId: failedPayment })),
    ]);
  });
  it('goes back when it comes late', () => expect(after(refundWhatIsOwed, payment.processed)).toEqual([owed]));
  it.each([
    payment.tenRefunded,
    payment.tenNotRefunded,
    event(events.chargebackWon, payment.chargebackOpened.data),
    payment.chargebackLost,
  ])('goes back once nothing stands in the way, and what Stripe did nothing about is tried again ($type)', (over) => {
    expect(after(refundWhatIsOwed, over)).toEqual([undone, owed]);
    for (const { settledBy } of reactionsTo(refundWhatIsOwed, happened(over)))
      expect(settledBy).toEqual(['payment_not_found', 'payment_not_captured', 'payment_on_hold', 'refund_pending']);
  });
  it('goes back once a difference with Stripe is cleared, or is called off for good where none of it was ours', () =>
    expect(after(refundWhatIsOwed, event(events.paymentMismatchCleared, parties))).toEqual([
      now(effect(effects.cancelPaymentIntent, { paymentId, bookingId, reason: 'booking_ended' })),
      undone,
      owed,
    ]));
  it('is refunded at Stripe', () =>
    expect(after(refundWhatIsOwed, payment.tenBack)).toEqual([now(effect(effects.createRefund, { paymentId, refundId }))]));
  it('is not refunded again when that was done by hand', () =>
    expect(after(refundWhatIsOwed, event(events.refundRequested, { ...payment.tenBack.data, reason: 'made_in_stripe' }))).toEqual([]));
});

describe('The tutor’s pay', () => {
  const sendIt = effect(effects.createTransfer, { paymentId, payoutId });

  it('is released a day after the lesson', () =>
    expect(after(payTutorAfterLesson, completed)).toEqual([
      at(
        plus(completed.data.endedAt, DAY),
        command(commands.releasePayment, { paymentId: commands.paymentIdOf(completed.data.bookingId) }),
      ),
    ]));
  it('is planned once it is released, and the booking closed', () =>
    expect(after(payTutorAfterLesson, payment.released)).toEqual([
      now(command(commands.schedulePayout, { paymentId })),
      now(command(settleBooking, { bookingId })),
    ]));
  it('is set against earlier debts first', () => {
    expect(compensation(payTutorAfterLesson, payment.released)).toEqual({
      tutor_has_debt: command(claimTutorDebt, { tutorId, paymentId }),
    });
    expect(after(payTutorAfterLesson, event(tutorDebtClaimed, { tutorId, paymentId, currency: 'usd', debts: [] }))).toEqual([
      now(command(commands.schedulePayout, { paymentId })),
    ]);
  });
  it('is sent when it is due', () => expect(after(payTutorAfterLesson, payment.payoutScheduled)).toEqual([at(MONDAY_NOON, sendIt)]));
  it('is sent when it need not wait any more', () => expect(after(payTutorAfterLesson, payment.payoutUnblocked)).toEqual([now(sendIt)]));
  it('is tried again, until a person has to look', () => {
    const refused = { ...parties, payoutId, code: 'balance_insufficient', attempt: 1, nextKey: 'tr:x:2' };
    const retryAt = plus(MONDAY_NOON, HOUR);
    expect(after(payTutorAfterLesson, event(events.payoutFailed, { ...refused, retryAt }))).toEqual([at(retryAt, sendIt)]);
    expect(after(payTutorAfterLesson, event(events.payoutFailed, refused))).toEqual([]);
  });
  it.each([
    event(events.paymentMismatchCleared, parties),
    event(events.chargebackWon, payment.chargebackOpened.data),
    payment.chargebackLost,
  ])('goes on after a hold, debts first ($type)', (over) => {
    expect(after(payTutorAfterLesson, over)).toEqual([
      now(command(commands.releasePayment, { paymentId })),
      now(command(commands.schedulePayout, { paymentId })),
    ]);
    expect(reactionsTo(payTutorAfterLesson, happened(over))[1]?.otherwise).toEqual({
      tutor_has_debt: command(claimTutorDebt, { tutorId, paymentId }),
    });
  });
  it('is over when all went back', () => {
    expect(after(payTutorAfterLesson, payment.tenRefunded)).toEqual([]);
    expect(after(payTutorAfterLesson, event(events.paymentRefunded, { ...payment.tenRefunded.data, refundedInFull: true }))).toEqual([
      now(command(settleBooking, { bookingId })),
    ]);
  });
});

describe('The tutor’s account', () => {
  it('is opened at Stripe when it is asked for', () =>
    expect(after(payoutAccountOpens, onboardingStarted)).toEqual([now(effect(effects.createPayoutAccount, { tutorId }))]));
  it('is waited for by name, unless it became active meanwhile', () => {
    const blocked = payment.payoutBlocked('no_account');
    expect(after(payoutAccountOpens, blocked)).toEqual([now(command(awaitPayoutAccount, { tutorId, paymentId, payoutId }))]);
    expect(compensation(payoutAccountOpens, blocked)).toEqual({
      payout_account_is_active: command(commands.unblockPayout, { paymentId, payoutId }),
    });
  });
  it('is waited for no longer by a payout that was sent or called off meanwhile', () =>
    expect(reactionsTo(payoutAccountOpens, happened(payment.payoutBlocked('no_account')))[0]?.settledBy).toEqual([
      'payout_already_sent',
      'payout_was_canceled',
      'payout_not_found',
      'payment_not_found',
    ]));
  it('is not what a disputed payout waits for', () => expect(after(payoutAccountOpens, payment.payoutBlocked('dispute'))).toEqual([]));
  it('calls the payouts that waited for it', () => {
    expect(after(payoutAccountOpens, accountActivated)).toEqual([]);
    const withOne = event(payoutAccountActivated, { ...accountActivated.data, waiting: [{ paymentId, payoutId }] });
    expect(after(payoutAccountOpens, withOne)).toEqual([now(command(commands.unblockPayout, { paymentId, payoutId }))]);
  });
});

describe('What a tutor holds too much', () => {
  const takeBack = (reversalId: string) => now(command(commands.reverseTransfer, { paymentId, reversalId }));
  const reversal = { ...parties, reversalId: refundId };
  const money = { amount: 800, currency: 'usd' } as const;

  it('is taken back after the payer was refunded', () =>
    expect(after(recoverFromTutor, payment.tenRefunded)).toEqual([takeBack(refundId)]));
  it('is taken back after a lost chargeback', () =>
    expect(after(recoverFromTutor, payment.chargebackLost)).toEqual([takeBack(followUpId('Reversal', paymentId, 'dp_mia'))]));
  it('is looked for after every payout', () =>
    expect(after(recoverFromTutor, payment.payoutSent)).toEqual([takeBack(followUpId('Reversal', payoutId))]));
  it('is taken back at Stripe', () =>
    expect(
      after(
        recoverFromTutor,
        event(events.transferReversalRequested, {
          ...reversal,
          ...money,
          payoutId,
          transferId: 'tr_okafor',
          attempt: 1,
          idempotencyKey: `trr:${refundId}`,
        }),
      ),
    ).toEqual([now(effect(effects.reverseTransferAtStripe, { paymentId, reversalId: refundId }))]));
  it('is tried again until it is a debt', () => {
    const retryAt = plus(MONDAY_NOON, HOUR);
    const refused = { ...reversal, code: 'balance_insufficient', attempt: 1, nextKey: 'trr:x:2' };
    expect(after(recoverFromTutor, event(events.transferReversalFailed, { ...refused, retryAt }))).toEqual([
      at(retryAt, effect(effects.reverseTransferAtStripe, { paymentId, reversalId: refundId })),
    ]);
    expect(after(recoverFromTutor, event(events.transferReversalFailed, refused))).toEqual([]);
  });
  it('is taken from one transfer after another', () =>
    expect(after(recoverFromTutor, event(events.transferReversed, { ...reversal, ...money, stripeReversalId: 'trr_1' }))).toEqual([
      takeBack(followUpId('Reversal', refundId)),
    ]));
  it('is noted as a debt', () =>
    expect(after(recoverFromTutor, event(events.tutorDebtRecorded, { ...parties, debtId: refundId, ...money }))).toEqual([
      now(command(noteTutorDebt, { tutorId, debtId: refundId, paymentId, ...money })),
      takeBack(followUpId('Reversal', refundId)),
    ]));
  it('is settled where it arose by the payout of another payment', () => {
    const owedFor = '01939a00-0000-7000-8000-0000000000d8';
    const netted = event(events.payoutNetted, { ...parties, ...money, debts: [{ debtId: refundId, paymentId: owedFor, amount: 800 }] });
    expect(after(recoverFromTutor, netted)).toEqual([
      now(command(commands.settleTutorDebt, { paymentId: owedFor, debtId: refundId, amount: 800, byPaymentId: paymentId })),
      takeBack(followUpId('Reversal', happened(netted).id)),
    ]);
  });
});
