import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import * as commands from './payment-commands.ts';
import * as events from './payment-events.ts';
import * as refusals from './payment-refusals.ts';
import {
  asked,
  canceled,
  chargeId,
  declined,
  initiated,
  intentCreated,
  intentId,
  paid,
  parties,
  payer,
  processed,
  quoted,
  theTutor,
  administrator,
} from './payment-transaction.examples.ts';
import { paymentTransaction } from './payment-transaction.ts';

const { paymentId, bookingId } = parties;
const past = (...events: readonly events.PaymentEvent[]) => given(paymentTransaction, ...events);
const mismatchOf = (objectId: string, amount: number, currency: string) =>
  event(events.paymentMismatchDetected, {
    ...parties,
    objectId,
    expectedAmount: 4199,
    expectedCurrency: 'usd',
    actualAmount: amount,
    actualCurrency: currency,
  });

describe('Initiating a payment', () => {
  const initiate = (toPay: typeof quoted | null = quoted, before: readonly events.PaymentEvent[] = []) =>
    past(...before).when(commands.initiatePayment, { paymentId, bookingId }, { facts: { toPay } });

  it('fixes the split and the keys of the calls to come', () => initiate().then(initiated));
  it('is nothing new the second time, even when the booking no longer waits', () => initiate(null, [initiated]).alreadySo());
  it('needs a booking that waits for payment', () => initiate(null).refused(refusals.BookingNotReserved));
  it('is refused below the smallest charge', () =>
    initiate({ ...quoted, gross: 49 } as unknown as typeof quoted).refused(refusals.AmountTooSmall, { minimum: 50, currency: 'usd' }));
  it('has one id for each booking', () =>
    past()
      .when(commands.initiatePayment, { paymentId: bookingId, bookingId }, { facts: { toPay: quoted } })
      .refused(refusals.PaymentNotFound));
  it('is not for people', () =>
    past()
      .when(commands.initiatePayment, { paymentId, bookingId }, { by: payer, facts: { toPay: quoted } })
      .refused(refusals.OnlyThePlatformMovesMoney));
});

describe('Renewing the keys of the calls', () => {
  const renew = (attempt: number, ...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.renewPaymentKeys, { paymentId, attempt });
  const renewed = event(events.paymentKeysRenewed, {
    ...parties,
    attempt: 2,
    customerKey: `cus:${parties.payerId}:${paymentId}:2`,
    intentKey: `pi:${paymentId}:2`,
  });

  it('lets the next attempt be another call', () => renew(2, initiated).then(renewed));
  it('is nothing new for the same attempt', () => renew(2, initiated, renewed).alreadySo());
  it('is nothing once there is a PaymentIntent', () => renew(2, initiated, intentCreated).alreadySo());
});

describe('Recording the PaymentIntent', () => {
  const record = (before: readonly events.PaymentEvent[], changed: object = {}) =>
    past(...before).when(commands.recordPaymentIntent, { paymentId, customerId: 'cus_mia', intentId, ...asked, ...changed });

  it('lets the payer go on', () => record([initiated]).then(intentCreated));
  it('is nothing new the second time', () => record([initiated, intentCreated]).alreadySo());
  it('refuses a second one', () => record([initiated, intentCreated], { intentId: 'pi_other' }).refused(refusals.AnotherPaymentIntent));
  it('is refused once the payment was called off', () =>
    record([initiated, canceled]).refused(refusals.PaymentOver, { status: 'Canceled' }));
  it('holds the payment when the amount differs', () =>
    record([initiated], { amount: 4198 }).then(intentCreated, mismatchOf(intentId, 4198, 'usd')));
  it('needs a payment', () => record([]).refused(refusals.PaymentNotFound));
});

describe('Continuing to pay', () => {
  const proceed = (before: readonly events.PaymentEvent[], by = payer) =>
    past(...before).when(commands.processPayment, { paymentId }, { by });

  it('changes nothing: only Stripe’s word does', () => proceed([initiated, intentCreated]).alreadySo());
  it('is refused to others', () => proceed([initiated, intentCreated], theTutor).refused(refusals.NotYourPayment));
  it('waits until Stripe knows of the payment', () => proceed([initiated]).refused(refusals.PaymentNotReady));
  it('is refused while a difference with Stripe is looked into', () =>
    proceed([initiated, intentCreated, mismatchOf(intentId, 1, 'usd')]).refused(refusals.PaymentOnHold));
  it('is refused once it is paid', () => proceed(paid).refused(refusals.AlreadyPaid));
  it('is refused once it was called off', () =>
    proceed([initiated, intentCreated, canceled]).refused(refusals.PaymentOver, { status: 'Canceled' }));
  it('needs a payment', () => proceed([]).refused(refusals.PaymentNotFound));
});

describe('The payer’s bank', () => {
  const actionRequired = event(events.paymentActionRequired, { ...parties, intentId });
  const processing = (before: readonly events.PaymentEvent[], changed: object = {}) =>
    past(...before).when(commands.recordPaymentProcessed, { paymentId, intentId, chargeId, ...asked, ...changed });
  const failing = (before: readonly events.PaymentEvent[], attempt: number) =>
    past(...before).when(commands.recordPaymentFailed, {
      paymentId,
      intentId,
      attemptRef: `ch_declined_${attempt}`,
      code: 'card_declined',
    });

  it('may ask for one more step', () =>
    past(initiated, intentCreated).when(commands.recordPaymentActionRequired, { paymentId, intentId }).then(actionRequired));
  it('asks for it once', () =>
    past(initiated, intentCreated, actionRequired).when(commands.recordPaymentActionRequired, { paymentId, intentId }).alreadySo());
  it('asks for nothing once paid', () =>
    past(...paid)
      .when(commands.recordPaymentActionRequired, { paymentId, intentId })
      .alreadySo());
  it('may charge', () => processing([initiated, intentCreated]).then(processed));
  it('may charge after that step', () => processing([initiated, intentCreated, actionRequired]).then(processed));
  it('charges once', () => processing(paid).alreadySo());
  it('may have charged before we heard of the PaymentIntent', () => processing([initiated]).then(processed));
  it('may charge after two declines', () => processing([initiated, intentCreated, declined(1), declined(2)]).then(processed));
  it('is believed when the money comes late', () => processing([initiated, intentCreated, canceled]).then(processed));
  it('is not believed about another PaymentIntent', () =>
    processing([initiated, intentCreated], { intentId: 'pi_other' }).refused(refusals.AnotherPaymentIntent));
  it('has its money held when the amount differs', () =>
    processing([initiated, intentCreated], { amount: 1 }).then(mismatchOf(intentId, 1, 'usd')));
  it('has its money held when the currency differs', () =>
    processing([initiated, intentCreated], { currency: 'chf' }).then(mismatchOf(intentId, 4199, 'chf')));
  it('is told once of a difference', () =>
    processing([initiated, intentCreated, mismatchOf(intentId, 1, 'usd')], { amount: 1 }).alreadySo());
  it('may decline', () => failing([initiated, intentCreated], 1).then(declined(1)));
  it('declines one attempt once', () => failing([initiated, intentCreated, declined(1)], 1).alreadySo());
  it('declines for good the third time', () => failing([initiated, intentCreated, declined(1), declined(2)], 3).then(declined(3)));
  it('declines nothing once paid', () => failing(paid, 1).alreadySo());
  it('is not heard through people', () =>
    past(initiated, intentCreated)
      .when(commands.recordPaymentProcessed, { paymentId, intentId, chargeId, ...asked }, { by: administrator })
      .refused(refusals.OnlyThePlatformMovesMoney));
});

describe('Calling a payment off', () => {
  const cancel = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.cancelPayment, { paymentId, intentId, reason: 'hold_expired' });
  const cancelUnopened = (...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.cancelPayment, { paymentId, reason: 'hold_expired' });

  it('ends it', () => cancel(initiated, intentCreated).then(canceled));
  it('ends it before there is a PaymentIntent', () => cancelUnopened(initiated).then(canceled));
  it('is refused while a PaymentIntent that was opened meanwhile could still be paid', () =>
    cancelUnopened(initiated, intentCreated).refused(refusals.AnotherPaymentIntent));
  it('ends it after the last decline', () => cancel(initiated, intentCreated, declined(1), declined(2), declined(3)).then(canceled));
  it('is nothing new the second time', () => cancel(initiated, canceled).alreadySo());
  it('is refused once it is paid', () => cancel(...paid).refused(refusals.AlreadyPaid));
});

describe('Clearing a difference with Stripe', () => {
  const cleared = event(events.paymentMismatchCleared, parties);
  const clear = (by = administrator, ...before: readonly events.PaymentEvent[]) =>
    past(...before).when(commands.clearPaymentMismatch, { paymentId }, { by });

  it('lifts the hold', () => clear(administrator, initiated, intentCreated, mismatchOf(intentId, 1, 'usd')).then(cleared));
  it('is nothing new without one', () => clear(administrator, initiated, intentCreated).alreadySo());
  it('is for administrators', () => clear(payer, initiated, intentCreated).refused(refusals.ActingAdminRequired));
});
