import { describe, expect, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, HOUR, plus } from '../kernel/time.ts';
import * as commands from './payment-commands.ts';
import * as events from './payment-events.ts';
import * as refusals from './payment-refusals.ts';
import {
  administrator,
  chargebackOpened,
  initiated,
  nobodyInParticular,
  nthPayout,
  paid,
  parties,
  payoutBlocked,
  payoutId,
  payoutPaid,
  payoutScheduled,
  payoutSent,
  payoutUnblocked,
  released,
  scheduled,
  sent,
  tenBack,
  tenRefunded,
  theTutor,
} from './payment-transaction.examples.ts';
import { evolvePayment, noPayment } from './payment-state.ts';
import { paymentTransaction } from './payment-transaction.ts';

const { paymentId } = parties;
const past = (...events: readonly events.PaymentEvent[]) => given(paymentTransaction, ...events);
const debtId = '01939a00-0000-7000-8000-0000000000d9';
const callOff = event(events.payoutCanceled, { ...parties, payoutId, amount: 3359, currency: 'usd', reason: 'by_admin' });

describe('Releasing a payment', () => {
  const yesterday = plus(MONDAY_NOON, -DAY);
  const release = (
    before: readonly events.PaymentEvent[],
    { earnedAt = yesterday as string | null, disputed = false, by = undefined as typeof administrator | undefined } = {},
  ) => past(...before).when(commands.releasePayment, { paymentId }, { facts: { earnedAt, disputed }, ...(by === undefined ? {} : { by }) });

  it('lets the tutor have 80 % a day after the lesson', () => release(paid).then(released));
  it('is computed from what is kept', () =>
    release([...paid, tenBack, tenRefunded]).then(
      event(events.paymentReleased, { ...released.data, returned: 1000, fee: 640, tutorNet: 2559 }),
    ));
  it('is nothing new the second time', () => release([...paid, released]).alreadySo());
  it('is refused a moment before', () =>
    release(paid, { earnedAt: plus(yesterday, 1) }).refused(refusals.ReleaseNotDue, { releasableAt: plus(MONDAY_NOON, 1) }));
  it('may be done at once by an administrator', () => release(paid, { earnedAt: MONDAY_NOON, by: administrator }).then(released));
  it('needs somebody who answers for it', () => release(paid, { by: nobodyInParticular }).refused(refusals.ActingAdminRequired));
  it('is not for tutors', () => release(paid, { by: theTutor }).refused(refusals.ActingAdminRequired));
  it('needs a lesson that was given', () => release(paid, { earnedAt: null }).refused(refusals.LessonNotEarned));
  it('waits for a dispute about the lesson', () => release(paid, { disputed: true }).refused(refusals.LessonInDispute));
  it('waits for a dispute about the charge', () => release([...paid, chargebackOpened]).refused(refusals.PaymentOnHold));
  it('needs money', () => release([initiated]).refused(refusals.PaymentNotCaptured));
  it('needs some of it to be left', () =>
    release([...paid, event(events.refundRequested, { ...tenBack.data, amount: 4199, tutorShare: 3359, feeShare: 840 })]).refused(
      refusals.NothingKept,
    ));
});

describe('Scheduling a payout', () => {
  const schedule = (before: readonly events.PaymentEvent[], facts: object = {}) =>
    past(...before).when(commands.schedulePayout, { paymentId }, { facts: { openDebts: {}, claimed: null, ...facts } });
  const claimed = (amount: number) => [{ debtId, paymentId: '01939a00-0000-7000-8000-0000000000d8', amount }];
  const netted = (amount: number) => event(events.payoutNetted, { ...parties, amount, currency: 'usd', debts: claimed(amount) });

  it('plans the tutor’s part at once', () => schedule([...paid, released]).then(payoutScheduled));
  it('is nothing new the second time', () => schedule(scheduled).alreadySo());
  it('is nothing new after it was sent', () => schedule(sent).alreadySo());
  it('needs a released payment', () => schedule(paid).refused(refusals.PaymentNotReleased, { status: 'Captured' }));
  it('waits for a dispute about the charge', () => schedule([...paid, released, chargebackOpened]).refused(refusals.PaymentOnHold));
  it('waits until open debts have been looked at', () =>
    schedule([...paid, released], { openDebts: { usd: 500 } }).refused(refusals.TutorHasDebt, { openDebt: 500, currency: 'usd' }));
  it('pays debts back first', () =>
    schedule([...paid, released], { claimed: claimed(500) }).then(
      netted(500),
      event(events.tutorPayoutScheduled, { ...payoutScheduled.data, amount: 2859 }),
    ));
  it('may go to debts as a whole', () => schedule([...paid, released], { claimed: claimed(3359) }).then(netted(3359)));
  it('goes on when there was nothing left to pay back', () => schedule([...paid, released], { claimed: [] }).then(payoutScheduled));
  it('is not done again by itself after a person called it off', () =>
    schedule([...scheduled, callOff]).refused(refusals.PayoutWasCanceled));
  it('may be done again by a person', () =>
    past(...scheduled, callOff)
      .when(commands.schedulePayout, { paymentId }, { by: administrator, facts: { openDebts: {}, claimed: null } })
      .then(event(events.tutorPayoutScheduled, { ...payoutScheduled.data, payoutId: nthPayout(1), idempotencyKey: `tr:${nthPayout(1)}` })));
  it('may be given a time', () =>
    past(...paid, released)
      .when(
        commands.schedulePayout,
        { paymentId, dueAt: plus(MONDAY_NOON, DAY) },
        { by: administrator, facts: { openDebts: {}, claimed: null } },
      )
      .then(event(events.tutorPayoutScheduled, { ...payoutScheduled.data, dueAt: plus(MONDAY_NOON, DAY) })));
});

describe('Sending a payout', () => {
  const send = (before: readonly events.PaymentEvent[], amount = 3359) =>
    past(...before).when(commands.recordPayoutSent, { paymentId, payoutId, transferId: 'tr_okafor', amount, currency: 'usd' });
  const refuse = (before: readonly events.PaymentEvent[], attempt: number) =>
    past(...before).when(commands.recordPayoutFailed, { paymentId, payoutId, code: 'balance_insufficient', attempt });
  const refusal = (attempt: number, wait?: number) =>
    event(events.payoutFailed, {
      ...parties,
      payoutId,
      code: 'balance_insufficient',
      attempt,
      ...(wait === undefined ? {} : { retryAt: plus(MONDAY_NOON, wait) }),
      nextKey: `tr:${payoutId}:${attempt + 1}`,
    });
  const fourRefusals = [refusal(1, HOUR), refusal(2, 6 * HOUR), refusal(3, 24 * HOUR), refusal(4, 72 * HOUR)];

  it('is recorded', () => send(scheduled).then(payoutSent));
  it('is recorded once', () => send(sent).alreadySo());
  it('is recorded even when it was called off meanwhile: the money has moved', () => send([...scheduled, callOff]).then(payoutSent));
  it('calls the one off that was planned in its place, so that the tutor is not sent both', () => {
    const offFor = (reason: 'refund' | 'another_sent', nth: number, amount: number) =>
      event(events.payoutCanceled, { ...parties, payoutId: nthPayout(nth), amount, currency: 'usd', reason });
    const smaller = event(events.tutorPayoutScheduled, { ...payoutScheduled.data, payoutId: nthPayout(1), amount: 2559 });
    send([...scheduled, tenBack, offFor('refund', 0, 3359), smaller]).then(payoutSent, offFor('another_sent', 1, 2559));
  });
  it('holds the rest when the amount differs', () =>
    send(scheduled, 1).then(
      event(events.paymentMismatchDetected, {
        ...parties,
        objectId: 'tr_okafor',
        expectedAmount: 3359,
        expectedCurrency: 'usd',
        actualAmount: 1,
        actualCurrency: 'usd',
      }),
      payoutBlocked('mismatch'),
    ));
  it('is tried again an hour after a refusal', () => refuse(scheduled, 1).then(refusal(1, HOUR)));
  it('counts a refusal once', () => refuse([...scheduled, refusal(1, HOUR)], 1).alreadySo());
  it('is given to a person after five refusals', () => refuse([...scheduled, ...fourRefusals], 5).then(refusal(5)));
  it('cannot be refused once it was sent', () => refuse(sent, 1).refused(refusals.PayoutAlreadySent));
  it('is about a payout that we know', () =>
    past(...paid)
      .when(commands.recordPayoutFailed, { paymentId, payoutId, code: 'x', attempt: 1 })
      .refused(refusals.PayoutNotFound));
});

describe('A payout that waits', () => {
  const block = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.blockPayout, { paymentId, payoutId, reason: 'no_account' });
  const unblock = (...before: readonly events.PaymentEvent[]) => past(...before).when(commands.unblockPayout, { paymentId, payoutId });

  it('says for what', () => block(...scheduled).then(payoutBlocked('no_account')));
  it('says it once', () => block(...scheduled, payoutBlocked('no_account')).alreadySo());
  it('is one that was not sent', () => block(...sent).refused(refusals.PayoutAlreadySent));
  it('goes on when the account is there', () => unblock(...scheduled, payoutBlocked('no_account')).then(payoutUnblocked));
  it('still needs a person when it was refused for the last time before', () => {
    const refused = event(events.payoutFailed, { ...parties, payoutId, code: 'account_closed', attempt: 5, nextKey: `tr:${payoutId}:6` });
    const freed = [...scheduled, refused, payoutBlocked('dispute'), payoutUnblocked];
    expect(freed.reduce(evolvePayment, noPayment).payouts[payoutId]).toMatchObject({ status: 'failed', dueAt: undefined });
  });
  it('goes on once', () => unblock(...scheduled, payoutBlocked('no_account'), payoutUnblocked).alreadySo());
  it('does not go on when the bank disputes the charge meanwhile', () =>
    unblock(...scheduled, payoutBlocked('no_account'), chargebackOpened).then(payoutBlocked('dispute')));
  it('is not freed from a dispute by an account', () => unblock(...scheduled, chargebackOpened, payoutBlocked('dispute')).alreadySo());
  it('may have been called off', () => unblock(...scheduled, callOff).refused(refusals.PayoutWasCanceled));
});

describe('Calling a payout off', () => {
  const cancel = (before: readonly events.PaymentEvent[], by = administrator) =>
    past(...before).when(commands.cancelPayout, { paymentId, payoutId }, { by });

  it('is possible before it is sent', () => cancel(scheduled).then(callOff));
  it('is nothing new the second time', () => cancel([...scheduled, callOff]).alreadySo());
  it('is impossible after', () => cancel(sent).refused(refusals.PayoutAlreadySent));
  it('is for administrators', () => cancel(scheduled, theTutor).refused(refusals.ActingAdminRequired));
});

describe('The tutor’s bank', () => {
  const bankPayoutId = 'po_okafor';
  const arrive = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.recordPayoutPaid, { paymentId, payoutId, bankPayoutId });
  const fail = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.recordBankPayoutFailed, { paymentId, payoutId, bankPayoutId, code: 'account_closed' });
  const failed = event(events.tutorBankPayoutFailed, { ...parties, payoutId, bankPayoutId, code: 'account_closed' });

  it('confirms that the money arrived', () => arrive(...sent).then(payoutPaid));
  it('confirms it once', () => arrive(...sent, payoutPaid).alreadySo());
  it('can only have what was sent', () => arrive(...scheduled).refused(refusals.PayoutNotSent));
  it('may turn it away', () => fail(...sent).then(failed));
  it('turns one bank payout away once', () => fail(...sent, failed).alreadySo());
  it('cannot turn away what was not sent', () => fail(...scheduled).refused(refusals.PayoutNotSent));
});
