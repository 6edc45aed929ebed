import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { HOUR, plus } from '../kernel/time.ts';
import * as commands from './payment-commands.ts';
import * as events from './payment-events.ts';
import * as refusals from './payment-refusals.ts';
import {
  administrator,
  nthPayout,
  parties,
  payoutId,
  payoutScheduled,
  payoutSent,
  refundId,
  scheduled,
  sent,
  tenBack,
  tenRefunded,
} from './payment-transaction.examples.ts';
import { paymentTransaction } from './payment-transaction.ts';

const { paymentId } = parties;
const past = (...events: readonly events.PaymentEvent[]) => given(paymentTransaction, ...events);
const toTakeBack = event(events.transferReversalRequested, {
  ...parties,
  reversalId: refundId,
  payoutId,
  transferId: 'tr_okafor',
  amount: 800,
  currency: 'usd',
  attempt: 1,
  idempotencyKey: `trr:${refundId}`,
});
const takenBack = event(events.transferReversed, {
  ...parties,
  reversalId: refundId,
  stripeReversalId: 'trr_1',
  amount: 800,
  currency: 'usd',
});
const refusal = (attempt: number, wait?: number) =>
  event(events.transferReversalFailed, {
    ...parties,
    reversalId: refundId,
    code: 'balance_insufficient',
    attempt,
    ...(wait === undefined ? {} : { retryAt: plus(MONDAY_NOON, wait) }),
    nextKey: `trr:${refundId}:${attempt + 1}`,
  });
const debt = event(events.tutorDebtRecorded, { ...parties, debtId: refundId, amount: 800, currency: 'usd' });
const refundedAfterPayout = [...sent, tenBack, tenRefunded] as const;

describe('Taking back what the tutor holds too much', () => {
  const reverse = (before: readonly events.PaymentEvent[], by = undefined as typeof administrator | undefined) =>
    past(...before).when(commands.reverseTransfer, { paymentId, reversalId: refundId }, by === undefined ? {} : { by });

  it('follows a refund after the payout, over the tutor’s share', () => reverse(refundedAfterPayout).then(toTakeBack));
  it('is nothing new the second time', () => reverse([...refundedAfterPayout, toTakeBack]).alreadySo());
  it('is nothing when the tutor holds no more than they are owed', () => reverse(sent).alreadySo());
  it('is nothing before a payout', () => reverse([...scheduled]).alreadySo());
  it('covers a payout that went out while it was being called off', () =>
    reverse([
      ...scheduled,
      tenBack,
      event(events.payoutCanceled, { ...parties, payoutId, amount: 3359, currency: 'usd', reason: 'refund' }),
      event(events.tutorPayoutScheduled, { ...payoutScheduled.data, payoutId: nthPayout(1), amount: 2559 }),
      payoutSent,
    ]).then(toTakeBack));
  it('is not for people', () => reverse(refundedAfterPayout, administrator).refused(refusals.OnlyThePlatformMovesMoney));
});

describe('The outcome of a reversal', () => {
  const done = (before: readonly events.PaymentEvent[], amount = 800) =>
    past(...before).when(commands.recordTransferReversed, {
      paymentId,
      reversalId: refundId,
      stripeReversalId: 'trr_1',
      amount,
      currency: 'usd',
    });
  const fail = (before: readonly events.PaymentEvent[], attempt: number) =>
    past(...before).when(commands.recordTransferReversalFailed, {
      paymentId,
      reversalId: refundId,
      code: 'balance_insufficient',
      attempt,
    });
  const underWay = [...refundedAfterPayout, toTakeBack] as const;

  it('is recorded', () => done(underWay).then(takenBack));
  it('is recorded once', () => done([...underWay, takenBack]).alreadySo());
  it('holds the money when the amount differs', () =>
    done(underWay, 799).then(
      event(events.paymentMismatchDetected, {
        ...parties,
        objectId: 'trr_1',
        expectedAmount: 800,
        expectedCurrency: 'usd',
        actualAmount: 799,
        actualCurrency: 'usd',
      }),
    ));
  it('may be a refusal, tried again an hour later', () => fail(underWay, 1).then(refusal(1, HOUR)));
  it('counts a refusal once', () => fail([...underWay, refusal(1, HOUR)], 1).alreadySo());
  it('becomes a debt with the third refusal', () => fail([...underWay, refusal(1, HOUR), refusal(2, 6 * HOUR)], 3).then(refusal(3), debt));
  it('is about a reversal that we know', () => done(refundedAfterPayout).refused(refusals.ReversalNotFound));
});

describe('A tutor’s debt', () => {
  const byPaymentId = '01939a00-0000-7000-8000-0000000000d8';
  const indebted = [...refundedAfterPayout, toTakeBack, refusal(1, HOUR), refusal(2, 6 * HOUR), refusal(3), debt] as const;
  const settle = (before: readonly events.PaymentEvent[], amount = 800, debtId = refundId) =>
    past(...before).when(commands.settleTutorDebt, { paymentId, debtId, amount, byPaymentId });
  const settled = event(events.tutorDebtSettled, { ...parties, debtId: refundId, amount: 800, currency: 'usd', byPaymentId });

  it('is settled by a later payout', () => settle(indebted).then(settled));
  it('is settled once by each', () => settle([...indebted, settled]).alreadySo());
  it('is never settled twice over', () => settle(indebted, 801).refused(refusals.DebtExceeded, { open: 800 }));
  it('must exist', () => settle(refundedAfterPayout).refused(refusals.DebtNotFound));
  it('leaves nothing more to take back', () =>
    past(...indebted)
      .when(commands.reverseTransfer, { paymentId, reversalId: byPaymentId })
      .alreadySo());
  it('arises at once where no transfer is left to take from', () =>
    past(
      ...indebted,
      event(events.refundRequested, { ...tenBack.data, refundId: byPaymentId, amount: 3199, tutorShare: 2559, feeShare: 640 }),
      event(events.transferReversalRequested, { ...toTakeBack.data, reversalId: byPaymentId, amount: 2559 }),
      event(events.transferReversed, { ...takenBack.data, reversalId: byPaymentId, amount: 2559 }),
    )
      .when(commands.reverseTransfer, { paymentId, reversalId: nthPayout(7) })
      .alreadySo());
});
