import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SYSTEM } from '#domain/kernel/command.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { DAY, HOUR, plus } from '#domain/kernel/time.ts';
import { miaIsCustomer } from '#domain/payments/payer-account.examples.ts';
import * as events from '#domain/payments/payment-events.ts';
import { currentSplit, heldByTutor } from '#domain/payments/payment-state.ts';
import * as payment from '#domain/payments/payment-transaction.examples.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import {
  accountActivated,
  accountDisconnected,
  accountRestricted,
  onboardingStarted,
} from '#domain/payments/tutor-payout-account.examples.ts';
import { ledger, type LedgerRow } from './ledger.ts';
import { moneyQuestions } from './money-questions.ts';
import { payers } from './payers.ts';
import { payments } from './payments.ts';
import { payoutAccounts } from './payout-accounts.ts';
import { payouts } from './payouts.ts';

const { parties, paid, sent, scheduled, refundId, payoutId } = payment;
const { paymentId, bookingId, payerId, tutorId, studentId } = parties;
const happened = (fact: DomainEvent, nth: number) => recorded(fact, { aggregateType: 'PaymentTransaction', aggregateId: paymentId, nth });
const mismatch = event(events.paymentMismatchDetected, {
  ...parties,
  objectId: 'pi_mia',
  expectedAmount: 4199,
  expectedCurrency: 'usd',
  actualAmount: 1,
  actualCurrency: 'usd',
});
const reversal = event(events.transferReversed, {
  ...parties,
  reversalId: refundId,
  stripeReversalId: 'trr_1',
  amount: 800,
  currency: 'usd',
});

describe('Payments', () => {
  const rowAfter = (...facts: readonly DomainEvent[]) => rowsAfter(payments, ...facts.map(happened))[paymentId];

  it('show a payment that begins', () =>
    expect(rowAfter(payment.initiated)).toEqual({
      paymentId,
      bookingId,
      studentId,
      payerId,
      tutorId,
      grossMinor: 4199,
      currency: 'usd',
      status: 'Initiated',
      ready: false,
      attempts: 0,
      failureCode: null,
      refundedMinor: 0,
      refundPendingMinor: 0,
      refunded: {},
      onHold: false,
      initiatedAt: MONDAY_NOON,
      processedAt: null,
      releasedAt: null,
    }));
  it('show when it can be confirmed, what was declined, and when it is over', () => {
    const open = [payment.initiated, payment.intentCreated];
    expect(rowAfter(...open)).toMatchObject({ ready: true });
    expect(rowAfter(...open, event(events.paymentActionRequired, { ...parties, intentId: 'pi_mia' }))).toMatchObject({
      status: 'ActionRequired',
    });
    expect(rowAfter(...open, payment.declined(1))).toMatchObject({
      status: 'Initiated',
      attempts: 1,
      failureCode: 'card_declined',
      ready: true,
    });
    expect(rowAfter(...open, payment.declined(3))).toMatchObject({ status: 'Failed', ready: false });
    expect(rowAfter(...open, payment.canceled)).toMatchObject({ status: 'Canceled', ready: false });
    expect(rowAfter(...open, payment.declined(1), payment.processed)).toMatchObject({
      status: 'Captured',
      failureCode: null,
      processedAt: MONDAY_NOON,
    });
  });
  it('tell what is promised from what is back', () => {
    expect(rowAfter(...paid, payment.tenBack)).toMatchObject({ refundPendingMinor: 1000, refundedMinor: 0 });
    expect(rowAfter(...paid, payment.tenBack, payment.tenRefunded)).toMatchObject({ refundPendingMinor: 0, refundedMinor: 1000 });
    expect(rowAfter(...paid, payment.tenBack, payment.tenRefunded, payment.tenNotRefunded)).toMatchObject({
      refundPendingMinor: 1000,
      refundedMinor: 0,
    });
    const again = event(events.refundRequested, { ...payment.tenBack.data, attempt: 2, tutorShare: 0, feeShare: 0 });
    expect(rowAfter(...paid, payment.tenBack, payment.tenNotRefunded, again)).toMatchObject({ refundPendingMinor: 1000 });
  });
  it('show holds and the end', () => {
    expect(rowAfter(...paid, mismatch)).toMatchObject({ onHold: true });
    expect(rowAfter(...paid, mismatch, event(events.paymentMismatchCleared, parties))).toMatchObject({ onHold: false });
    expect(rowAfter(...paid, payment.chargebackOpened)).toMatchObject({ onHold: true });
    expect(rowAfter(...sent)).toMatchObject({ status: 'Released', releasedAt: MONDAY_NOON });
    expect(rowAfter(...sent, payment.payoutPaid)).toMatchObject({ status: 'PaidOut' });
  });
});

describe('The ledger', () => {
  const rowAfter = (...facts: readonly DomainEvent[]) => rowsAfter(ledger, ...facts.map(happened))[bookingId];

  it('is empty until money comes', () =>
    expect(rowAfter(payment.initiated)).toEqual({
      bookingId,
      paymentId,
      payerId,
      tutorId,
      currency: 'usd',
      feeBps: 2000,
      chargedMinor: 0,
      returnedMinor: 0,
      refundedMinor: 0,
      chargedBackMinor: 0,
      platformLossMinor: 0,
      commissionMinor: 0,
      tutorShareMinor: 0,
      payoutPlannedMinor: 0,
      paidOutMinor: 0,
      reversedMinor: 0,
      nettedMinor: 0,
      debtMinor: 0,
      debtSettledMinor: 0,
      refunds: {},
      planned: {},
      chargedAt: null,
      releasedAt: null,
    }));
  it('splits a charge to the cent', () =>
    expect(rowAfter(...paid)).toMatchObject({ chargedMinor: 4199, commissionMinor: 840, tutorShareMinor: 3359, chargedAt: MONDAY_NOON }));
  it('takes a refund from both', () =>
    expect(rowAfter(...paid, payment.tenBack, payment.tenRefunded)).toMatchObject({
      returnedMinor: 1000,
      refundedMinor: 1000,
      commissionMinor: 640,
      tutorShareMinor: 2559,
    }));
  it('still owes a refund that failed, once', () => {
    const again = event(events.refundRequested, { ...payment.tenBack.data, attempt: 2, tutorShare: 0, feeShare: 0 });
    expect(rowAfter(...paid, payment.tenBack, payment.tenRefunded, payment.tenNotRefunded, again)).toMatchObject({
      returnedMinor: 1000,
      refundedMinor: 0,
      tutorShareMinor: 2559,
    });
  });
  it('follows a payout', () => {
    expect(rowAfter(...scheduled)).toMatchObject({ payoutPlannedMinor: 3359, paidOutMinor: 0, releasedAt: MONDAY_NOON });
    expect(rowAfter(...sent)).toMatchObject({ payoutPlannedMinor: 0, paidOutMinor: 3359 });
    const canceled = event(events.payoutCanceled, { ...parties, payoutId, amount: 3359, currency: 'usd', reason: 'by_admin' });
    expect(rowAfter(...scheduled, canceled)).toMatchObject({ payoutPlannedMinor: 0, paidOutMinor: 0 });
    expect(rowAfter(...scheduled, canceled, payment.payoutSent)).toMatchObject({ payoutPlannedMinor: 0, paidOutMinor: 3359 });
  });
  it('follows what comes back, and what is owed', () => {
    expect(rowAfter(...sent, payment.tenBack, payment.tenRefunded, reversal)).toMatchObject({ paidOutMinor: 3359, reversedMinor: 800 });
    const debt = { ...parties, debtId: refundId, amount: 800, currency: 'usd' } as const;
    const settled = event(events.tutorDebtSettled, { ...debt, byPaymentId: paymentId });
    expect(rowAfter(...sent, event(events.tutorDebtRecorded, debt), settled)).toMatchObject({ debtMinor: 800, debtSettledMinor: 800 });
    const netted = event(events.payoutNetted, { ...parties, amount: 500, currency: 'usd', debts: [] });
    expect(rowAfter(...paid, payment.released, netted)).toMatchObject({ nettedMinor: 500 });
  });
  it('takes a lost chargeback from both', () =>
    expect(rowAfter(...paid, payment.chargebackOpened, payment.chargebackLost)).toMatchObject({
      chargedBackMinor: 4199,
      commissionMinor: 0,
      tutorShareMinor: 0,
      platformLossMinor: 0,
    }));

  it('agrees with the aggregate after any refunds, payouts and failures', () => {
    const amounts = fc.array(fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.boolean()), { maxLength: 5 });
    fc.assert(
      fc.property(amounts, fc.boolean(), (refunds, paidOutFirst) => {
        const facts: events.PaymentEvent[] = [...(paidOutFirst ? sent : paid)];
        let state = facts.reduce(paymentTransaction.evolve.bind(paymentTransaction), paymentTransaction.initial);
        const take = (type: string, data: object) => {
          const command = { type, data: { paymentId, ...data }, facts: {}, at: plus(MONDAY_NOON, HOUR), by: SYSTEM };
          for (const fact of paymentTransaction.decide(command as never, state)) {
            facts.push(fact);
            state = paymentTransaction.evolve(state, fact);
          }
        };
        let left = 4199;
        refunds.forEach(([amount, works], nth) => {
          if (amount > left) return;
          left -= amount;
          const id = `01939a00-0000-7000-8000-00000000000${nth}`;
          take('RequestRefund', { refundId: id, amount });
          if (works) take('RecordPaymentRefunded', { refundId: id, stripeRefundId: `re_${nth}`, amount, currency: 'usd' });
          else take('RecordRefundFailed', { refundId: id, attempt: 1, code: 'lost' });
          take('ReverseTransfer', { reversalId: id });
          const reversed = state.reversals[id];
          if (reversed)
            take('RecordTransferReversed', { reversalId: id, stripeReversalId: 'trr', amount: reversed.amount, currency: 'usd' });
        });
        const row = rowAfter(...facts) as LedgerRow;
        const { feeKept, tutorOwed } = currentSplit(state);
        expect([row.commissionMinor, row.tutorShareMinor, row.returnedMinor]).toEqual([feeKept, tutorOwed, state.refunded]);
        expect(row.returnedMinor + row.chargedBackMinor + row.commissionMinor + row.tutorShareMinor).toBe(row.chargedMinor);
        expect(row.paidOutMinor - row.reversedMinor + row.nettedMinor - row.debtMinor).toBe(heldByTutor(state));
      }),
      { numRuns: 100 },
    );
  });
});

describe('Payouts', () => {
  const rowAfter = (...facts: readonly DomainEvent[]) => rowsAfter(payouts, ...facts.map(happened))[payoutId];
  const failed = (retryAt?: string) =>
    event(events.payoutFailed, {
      ...parties,
      payoutId,
      code: 'balance_insufficient',
      attempt: 1,
      ...(retryAt === undefined ? {} : { retryAt }),
      nextKey: 'tr:x:2',
    });

  it('show what is planned', () =>
    expect(rowAfter(payment.payoutScheduled)).toEqual({
      payoutId,
      paymentId,
      bookingId,
      tutorId,
      amountMinor: 3359,
      currency: 'usd',
      status: 'Scheduled',
      reason: null,
      dueAt: MONDAY_NOON,
      scheduledAt: MONDAY_NOON,
      sentAt: null,
      paidAt: null,
    }));
  it('say what a payout waits for', () => {
    const blocked = payment.payoutBlocked('no_account');
    expect(rowAfter(payment.payoutScheduled, blocked)).toMatchObject({ status: 'Blocked', reason: 'no_account' });
    expect(rowAfter(payment.payoutScheduled, blocked, payment.payoutUnblocked)).toMatchObject({ status: 'Scheduled', reason: null });
    const retryAt = plus(MONDAY_NOON, DAY);
    expect(rowAfter(payment.payoutScheduled, failed(retryAt))).toMatchObject({ status: 'Failed', dueAt: retryAt });
    expect(rowAfter(payment.payoutScheduled, failed())).toMatchObject({ status: 'Failed', reason: 'balance_insufficient', dueAt: null });
    const freed = rowAfter(payment.payoutScheduled, failed(), payment.payoutBlocked('dispute'), payment.payoutUnblocked);
    expect(freed).toMatchObject({ status: 'Failed', dueAt: null });
  });
  it('follow the money to the bank', () => {
    expect(rowAfter(payment.payoutScheduled, payment.payoutSent)).toMatchObject({ status: 'Sent', sentAt: MONDAY_NOON, paidAt: null });
    expect(rowAfter(payment.payoutScheduled, payment.payoutSent, payment.payoutPaid)).toMatchObject({
      status: 'Paid',
      paidAt: MONDAY_NOON,
    });
    const turnedAway = event(events.tutorBankPayoutFailed, { ...parties, payoutId, bankPayoutId: 'po_1', code: 'account_closed' });
    expect(rowAfter(payment.payoutScheduled, payment.payoutSent, turnedAway)).toMatchObject({ status: 'Sent', reason: 'account_closed' });
    const canceled = event(events.payoutCanceled, { ...parties, payoutId, amount: 3359, currency: 'usd', reason: 'by_admin' });
    expect(rowAfter(payment.payoutScheduled, canceled)).toMatchObject({ status: 'Canceled', dueAt: null });
  });

  it('leave nothing to look into once they are sent', () => {
    const questions = (...facts: readonly DomainEvent[]) => Object.keys(rowsAfter(moneyQuestions, ...facts.map(happened)));
    expect(questions(failed(plus(MONDAY_NOON, DAY)))).toEqual([]);
    expect(questions(failed())).toEqual([`payout:${payoutId}`]);
    expect(questions(failed(), payment.payoutSent)).toEqual([]);
  });
});

describe('What an administrator has to look into', () => {
  const questions = (...facts: readonly DomainEvent[]) => Object.values(rowsAfter(moneyQuestions, ...facts.map(happened)));

  it('is a difference with Stripe, until somebody has', () => {
    expect(questions(mismatch)).toEqual([
      { kind: 'mismatch', paymentId, bookingId, subjectId: 'pi_mia', amountMinor: 1, currency: 'usd', code: null, since: MONDAY_NOON },
    ]);
    expect(questions(mismatch, event(events.paymentMismatchCleared, parties))).toEqual([]);
  });
  it('is a refund that failed, until it is tried again', () => {
    expect(questions(payment.tenNotRefunded)).toMatchObject([
      { kind: 'refund_failed', subjectId: refundId, amountMinor: 1000, code: 'expired_card' },
    ]);
    expect(questions(payment.tenNotRefunded, payment.tenBack)).toEqual([]);
    expect(questions(payment.tenNotRefunded, payment.tenRefunded)).toEqual([]);
  });
  it('is a chargeback, until the bank decides', () => {
    expect(questions(payment.chargebackOpened)).toMatchObject([{ kind: 'chargeback', subjectId: 'dp_mia', amountMinor: 4199 }]);
    expect(questions(payment.chargebackOpened, payment.chargebackLost)).toEqual([]);
    expect(questions(payment.chargebackOpened, event(events.chargebackWon, payment.chargebackOpened.data))).toEqual([]);
  });
});

describe('Accounts', () => {
  it('say whether a tutor can be paid', () => {
    const status = (...facts: readonly DomainEvent[]) => rowsAfter(payoutAccounts, ...facts.map(happened))[tutorId]?.status;
    expect(status(onboardingStarted)).toBe('Pending');
    expect(status(onboardingStarted, accountActivated)).toBe('Active');
    expect(status(onboardingStarted, accountActivated, accountRestricted)).toBe('Restricted');
    expect(status(onboardingStarted, accountActivated, accountDisconnected)).toBe('Disconnected');
  });
  it('say which customer a payer is', () =>
    expect(rowsAfter(payers, happened(miaIsCustomer, 0))).toEqual({ [payerId]: { payerId, customerId: 'cus_mia' } }));
});
