import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { followUpId } from '../kernel/ids.ts';
import * as commands from './payment-commands.ts';
import * as events from './payment-events.ts';
import * as refusals from './payment-refusals.ts';
import {
  administrator,
  chargebackLost,
  chargebackOpened,
  initiated,
  intentCreated,
  nobodyInParticular,
  nthPayout,
  paid,
  parties,
  payer,
  payoutBlocked,
  payoutId,
  payoutScheduled,
  payoutUnblocked,
  refundId,
  scheduled,
  sent,
  tenBack,
  tenNotRefunded,
  tenRefunded,
} from './payment-transaction.examples.ts';
import { paymentTransaction } from './payment-transaction.ts';

const { paymentId } = parties;
const otherRefund = '01939a00-0000-7000-8000-0000000000f2';
const past = (...events: readonly events.PaymentEvent[]) => given(paymentTransaction, ...events);
const callOff = event(events.payoutCanceled, { ...parties, payoutId, amount: 3359, currency: 'usd', reason: 'refund' });
const smallerPayout = event(events.tutorPayoutScheduled, {
  ...payoutScheduled.data,
  payoutId: nthPayout(1),
  amount: 2559,
  idempotencyKey: `tr:${nthPayout(1)}`,
});
const secondAttempt = event(events.refundRequested, {
  ...tenBack.data,
  tutorShare: 0,
  feeShare: 0,
  attempt: 2,
  idempotencyKey: `re:${refundId}:2`,
});

describe('Requesting a refund', () => {
  const ask = (before: readonly events.PaymentEvent[], { amount = 1000, id = refundId, by = administrator } = {}) =>
    past(...before).when(commands.requestRefund, { paymentId, refundId: id, amount }, { by });

  it('takes from tutor and platform in proportion', () => ask(paid).then(tenBack));
  it('is nothing new the second time', () => ask([...paid, tenBack]).alreadySo());
  it('is refused for another amount under the same id', () => ask([...paid, tenBack], { amount: 1 }).refused(refusals.RefundIdTaken));
  it('is refused while another is pending', () => ask([...paid, tenBack], { id: otherRefund }).refused(refusals.RefundPending));
  it('is computed from what is kept, so that roundings do not add up', () =>
    ask([...paid, tenBack, tenRefunded], { id: otherRefund, amount: 3199 }).then(
      event(events.refundRequested, {
        ...tenBack.data,
        refundId: otherRefund,
        amount: 3199,
        tutorShare: 2559,
        feeShare: 640,
        idempotencyKey: `re:${otherRefund}`,
      }),
    ));
  it('never exceeds what is kept', () =>
    ask([...paid, tenBack, tenRefunded], { id: otherRefund, amount: 3200 }).refused(refusals.RefundExceedsPaid, {
      amount: 3200,
      refundable: 3199,
    }));
  it('needs money', () => ask([initiated, intentCreated]).refused(refusals.PaymentNotCaptured, { status: 'Initiated' }));
  it('waits while the bank disputes the charge', () => ask([...paid, chargebackOpened]).refused(refusals.PaymentOnHold));
  it('replaces a payout that is not sent by a smaller one', () => ask(scheduled).then(tenBack, callOff, smallerPayout));
  it('leaves a payout that is sent alone: the payer comes first', () => ask(sent).then(tenBack));
  it('is not for payers', () => ask(paid, { by: payer }).refused(refusals.ActingAdminRequired));
  it('needs somebody who answers for it', () => ask(paid, { by: nobodyInParticular }).refused(refusals.ActingAdminRequired));
});

describe('Refunding what the booking’s outcome says', () => {
  const refund = (before: readonly events.PaymentEvent[], refundDue: number | null) =>
    past(...before).when(commands.refundBookingOutcome, { paymentId }, { facts: { refundDue } });
  const outcome = (already: number, amount: number, tutorShare: number) => {
    const id = followUpId('Refund', paymentId, 'booking outcome', String(already));
    return event(events.refundRequested, {
      ...tenBack.data,
      refundId: id,
      amount,
      tutorShare,
      feeShare: amount - tutorShare,
      reason: 'booking_outcome',
      idempotencyKey: `re:${id}`,
    });
  };

  it('gives all back of a failed booking', () => refund(paid, 4199).then(outcome(0, 4199, 3359)));
  it('gives back what is missing', () => refund([...paid, tenBack, tenRefunded], 4199).then(outcome(1000, 3199, 2559)));
  it('is nothing new once it is under way', () => refund([...paid, outcome(0, 4199, 3359)], 4199).alreadySo());
  it('is nothing while the booking stands', () => refund(paid, null).alreadySo());
  it('waits for another refund', () => refund([...paid, tenBack], 4199).refused(refusals.RefundPending));
  it('needs money', () => refund([initiated], 4199).refused(refusals.PaymentNotCaptured));
});

describe('The outcome of a refund', () => {
  const done = (before: readonly events.PaymentEvent[], changed: object = {}) =>
    past(...before).when(commands.recordPaymentRefunded, {
      paymentId,
      refundId,
      stripeRefundId: 're_ten',
      amount: 1000,
      currency: 'usd',
      ...changed,
    });
  const byHand = event(events.refundRequested, { ...tenBack.data, reason: 'made_in_stripe' });

  const accept = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.recordRefundAccepted, { paymentId, refundId, stripeRefundId: 're_ten' });
  const accepted = event(events.refundAccepted, { ...parties, refundId, stripeRefundId: 're_ten' });

  it('may take a while', () => accept(...paid, tenBack).then(accepted));
  it('is waited for once', () => accept(...paid, tenBack, accepted).alreadySo());
  it('is not waited for any more once it is there', () => accept(...paid, tenBack, tenRefunded).alreadySo());
  it('may come after a while', () => done([...paid, tenBack, accepted]).then(tenRefunded));
  it('is recorded when it went through', () => done([...paid, tenBack]).then(tenRefunded));
  it('is recorded once', () => done([...paid, tenBack, tenRefunded]).alreadySo());
  it('holds the money when two attempts went through', () =>
    done([...paid, tenBack, tenRefunded], { stripeRefundId: 're_twice' }).then(
      event(events.paymentMismatchDetected, {
        ...parties,
        objectId: 're_twice',
        expectedAmount: 0,
        expectedCurrency: 'usd',
        actualAmount: 1000,
        actualCurrency: 'usd',
      }),
    ));
  it('says when all is back', () => {
    const all = event(events.refundRequested, { ...tenBack.data, amount: 4199, tutorShare: 3359, feeShare: 840 });
    done([...paid, all], { amount: 4199 }).then(event(events.paymentRefunded, { ...tenRefunded.data, amount: 4199, refundedInFull: true }));
  });
  describe('that somebody made at Stripe in the place of one that failed', () => {
    const made = { refundId: otherRefund, stripeRefundId: 're_by_hand' };
    const inItsPlace = event(events.paymentRefunded, { ...tenRefunded.data, stripeRefundId: 're_by_hand' });
    const owed = [...paid, tenBack, tenNotRefunded];

    it('pays what was owed, and not as much once more', () => done(owed, made).then(inItsPlace));
    it('is recorded once', () => done([...owed, inItsPlace], made).alreadySo());
    it('may fail in its turn, and is owed again', () =>
      past(...owed, inItsPlace)
        .when(commands.recordRefundFailed, { paymentId, ...made, attempt: 1, code: 'expired_card' })
        .then(event(events.refundFailed, { ...tenNotRefunded.data, stripeRefundId: 're_by_hand' })));
    it('is one of its own when it is over another amount', () =>
      done(owed, { ...made, amount: 500 }).then(
        event(events.refundRequested, {
          ...tenBack.data,
          refundId: otherRefund,
          amount: 500,
          tutorShare: 400,
          feeShare: 100,
          reason: 'made_in_stripe',
          idempotencyKey: `re:${otherRefund}`,
        }),
        event(events.paymentRefunded, { ...tenRefunded.data, ...made, amount: 500 }),
      ));
  });
  it('counts a refund that was made at Stripe by hand', () => done(paid).then(byHand, tenRefunded));
  it('counts it against a waiting payout', () => done(scheduled).then(byHand, tenRefunded, callOff, smallerPayout));
  it('holds the money when the amount differs, and the payout with it', () =>
    done([...scheduled, tenBack], { amount: 999 }).then(
      event(events.paymentMismatchDetected, {
        ...parties,
        objectId: 're_ten',
        expectedAmount: 1000,
        expectedCurrency: 'usd',
        actualAmount: 999,
        actualCurrency: 'usd',
      }),
      payoutBlocked('mismatch'),
    ));
  it('may be a failure', () =>
    past(...paid, tenBack)
      .when(commands.recordRefundFailed, { paymentId, refundId, attempt: 1, code: 'expired_card' })
      .then(tenNotRefunded));
  it('may be a failure days after it went through', () =>
    past(...paid, tenBack, tenRefunded)
      .when(commands.recordRefundFailed, { paymentId, refundId, attempt: 1, code: 'expired_card' })
      .then(tenNotRefunded));
  const failedAtStripe = event(events.refundFailed, { ...tenNotRefunded.data, stripeRefundId: 're_ten' });
  const fail = (stripeRefundId: string, attempt: number, ...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.recordRefundFailed, { paymentId, refundId, attempt, code: 'expired_card', stripeRefundId });
  it('may be a failure, of which an older answer says that it went through', () => {
    fail('re_ten', 1, ...paid, tenBack).then(failedAtStripe);
    done([...paid, tenBack, failedAtStripe]).alreadySo();
  });
  it('may be a success after a failure, by another refund at Stripe', () =>
    done([...paid, tenBack, failedAtStripe], { stripeRefundId: 're_other' }).then(
      event(events.paymentRefunded, { ...tenRefunded.data, stripeRefundId: 're_other' }),
    ));
  it('is a failure of the one that counts, whichever attempt made it', () => {
    fail('re_ten', 1, ...paid, tenBack, tenNotRefunded, secondAttempt, accepted).then(failedAtStripe);
    fail('re_other', 2, ...paid, tenBack, tenNotRefunded, secondAttempt, tenRefunded).alreadySo();
  });
  it('fails once', () =>
    past(...paid, tenBack, tenNotRefunded)
      .when(commands.recordRefundFailed, { paymentId, refundId, attempt: 1, code: 'expired_card' })
      .alreadySo());
  it('is not that of an earlier attempt', () =>
    past(...paid, tenBack, tenNotRefunded, secondAttempt)
      .when(commands.recordRefundFailed, { paymentId, refundId, attempt: 1, code: 'expired_card' })
      .alreadySo());
  it('is about a refund that we know', () =>
    past(...paid)
      .when(commands.recordRefundFailed, { paymentId, refundId, attempt: 1, code: 'expired_card' })
      .refused(refusals.RefundNotFound));
});

describe('Trying a refund again', () => {
  const retry = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.retryRefund, { paymentId, refundId }, { by: administrator });

  it('uses a new key and takes no share twice', () => retry(...paid, tenBack, tenNotRefunded).then(secondAttempt));
  it('is nothing new while it is under way', () => retry(...paid, tenBack).alreadySo());
  it('is refused for one that went through', () => retry(...paid, tenBack, tenRefunded).refused(refusals.RefundNotFailed));
  it('needs a refund', () => retry(...paid).refused(refusals.RefundNotFound));
});

describe('Trying again what failed for a reason that may pass', () => {
  const code = 'nothing_done';
  const undone = event(events.refundFailed, { ...tenNotRefunded.data, code });
  const retry = (...before: readonly events.PaymentEvent[]) => past(...before).when(commands.retryFailedRefund, { paymentId, code });
  const otherBack = event(events.refundRequested, { ...tenBack.data, refundId: otherRefund, idempotencyKey: `re:${otherRefund}` });
  const otherRefunded = event(events.paymentRefunded, { ...tenRefunded.data, refundId: otherRefund, stripeRefundId: 're_other' });
  const won = event(events.chargebackWon, chargebackOpened.data);

  it('finds it by the reason', () => retry(...paid, tenBack, undone).then(secondAttempt));
  it('waits for the end of a chargeback', () => {
    retry(...paid, tenBack, undone, chargebackOpened).refused(refusals.PaymentOnHold);
    retry(...paid, tenBack, undone, chargebackOpened, won).then(secondAttempt);
  });
  it('waits for another refund', () => {
    retry(...paid, tenBack, undone, otherBack).refused(refusals.RefundPending);
    retry(...paid, tenBack, undone, otherBack, otherRefunded).then(secondAttempt);
  });
  it('leaves alone what failed for another reason, is under way or went through', () => {
    retry(...paid, tenBack, tenNotRefunded).alreadySo();
    retry(...paid, tenBack, undone, secondAttempt).alreadySo();
    retry(...paid, tenBack, undone, secondAttempt, tenRefunded).alreadySo();
  });
});

describe('A chargeback', () => {
  const disputeId = 'dp_mia';
  const open = (before: readonly events.PaymentEvent[], currency = 'usd') =>
    past(...before).when(commands.recordChargebackOpened, { paymentId, disputeId, amount: 4199, currency });
  const win = (...before: readonly events.PaymentEvent[]) => past(...before).when(commands.recordChargebackWon, { paymentId, disputeId });
  const lose = (...before: readonly events.PaymentEvent[]) => past(...before).when(commands.recordChargebackLost, { paymentId, disputeId });
  const won = event(events.chargebackWon, { ...parties, disputeId, amount: 4199, currency: 'usd' });

  it('lets everything wait', () => open(paid).then(chargebackOpened));
  it('lets a planned payout wait', () => open(scheduled).then(chargebackOpened, payoutBlocked('dispute')));
  it('is opened once', () => open([...paid, chargebackOpened]).alreadySo());
  it('in another currency is a difference to look into', () =>
    open(paid, 'eur').then(
      event(events.paymentMismatchDetected, {
        ...parties,
        objectId: disputeId,
        expectedAmount: 4199,
        expectedCurrency: 'usd',
        actualAmount: 4199,
        actualCurrency: 'eur',
      }),
    ));
  it('needs money', () => open([initiated]).refused(refusals.PaymentNotCaptured));
  it('that is won lets the payout go on', () => win(...scheduled, chargebackOpened, payoutBlocked('dispute')).then(won, payoutUnblocked));
  it('that is won leaves a payout waiting for its account', () =>
    win(...scheduled, payoutBlocked('no_account'), chargebackOpened).then(won));
  it('is won once', () => win(...paid, chargebackOpened, won).alreadySo());
  it('that is lost takes all from both sides', () => lose(...paid, chargebackOpened).then(chargebackLost));
  it('that is lost calls the waiting payout off', () =>
    lose(...scheduled, chargebackOpened, payoutBlocked('dispute')).then(
      chargebackLost,
      event(events.payoutCanceled, { ...callOff.data, reason: 'chargeback' }),
    ));
  it('beyond what is kept is the platform’s loss', () =>
    lose(...paid, tenBack, tenRefunded, chargebackOpened).then(
      event(events.chargebackLost, { ...chargebackLost.data, chargedBack: 3199, tutorShare: 2559, feeShare: 640, platformLoss: 1000 }),
    ));
  it('is lost once', () => lose(...paid, chargebackOpened, chargebackLost).alreadySo());
  it('cannot be lost after it was won', () => lose(...paid, chargebackOpened, won).refused(refusals.ChargebackDecided, { status: 'won' }));
  it('must have been opened', () => win(...paid).refused(refusals.ChargebackNotFound));
});
