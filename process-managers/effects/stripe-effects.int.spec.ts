import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { event } from '#domain/kernel/event.ts';
import { DAY, HOUR, MINUTE } from '#domain/kernel/time.ts';
import { failedFor, initiated, miaBooksOkafor } from '#domain/lessons/lesson-booking.examples.ts';
import * as booking from '#domain/lessons/lesson-booking.messages.ts';
import { paymentIdOf } from '#domain/payments/payment-commands.ts';
import { paymentInitiated } from '#domain/payments/payment-events.ts';
import { currentSplit, heldByTutor } from '#domain/payments/payment-state.ts';
import { initiated as paymentBegan } from '#domain/payments/payment-transaction.examples.ts';
import { receiveStripeEvent, stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { GROSS, StripeLessons } from './stripe-lessons.ts';
import type { StripeWorld } from './stripe-world.ts';

let lessons: StripeLessons;
let world: StripeWorld;
beforeAll(async () => {
  lessons = await StripeLessons.start();
  ({ world } = lessons);
}, 30_000);
afterAll(() => lessons.stop());

describe('The money of a lesson', () => {
  it('goes from the card to the tutor, less the commission, once there is an account', async () => {
    const lesson = await lessons.paidLesson();
    expect(lessons.typesOf(lesson)).toEqual(['PaymentInitiated', 'PaymentIntentCreated', 'PaymentProcessed']);
    expect(await lessons.bookingStatus(lesson)).toBe('Confirmed');
    await lessons.teach(lesson);
    expect(lessons.typesOf(lesson).slice(3)).toEqual(['PaymentReleased', 'TutorPayoutScheduled', 'PayoutBlocked']);
    expect(await lessons.bookingStatus(lesson)).toBe('Settled');
    const accountId = await lessons.onboard(lesson.tutorId);
    expect(lessons.typesOf(lesson).slice(6)).toEqual(['PayoutUnblocked', 'TutorPayoutSent']);
    const transfers = (await world.harness.stripe.transfers.list({ transfer_group: lesson.bookingId })).data;
    expect(transfers).toMatchObject([{ amount: 4_000, destination: accountId }]);
  });

  it('waits for a second step of the payer’s bank', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson, 'pm_card_threeDSecure2Required');
    await world.deliver();
    expect(lessons.typesOf(lesson).at(-1)).toBe('PaymentActionRequired');
    await world.harness.control('POST', `payment_intents/${(await lessons.stateOf(lesson)).intentId}/challenge`, { outcome: 'passed' });
    await world.deliver();
    expect(lessons.typesOf(lesson).at(-1)).toBe('PaymentProcessed');
  });

  it('is given up after three declines', async () => {
    const lesson = await lessons.reserve();
    for (let attempt = 0; attempt < 3; attempt++) {
      await lessons.pay(lesson, 'pm_card_visa_chargeDeclined');
      await world.deliver();
    }
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentFailed', 'PaymentFailed', 'PaymentFailed', 'PaymentCanceled']);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
    expect((await world.stripe.retrievePaymentIntent((await lessons.stateOf(lesson)).intentId!)).status).toBe('canceled');
  });

  it('is given up after three declines in quick succession, whichever of them we hear of first', async () => {
    const lesson = await lessons.reserve();
    for (let attempt = 0; attempt < 3; attempt++) await lessons.pay(lesson, 'pm_card_visa_chargeDeclined');
    await world.deliver();
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentFailed', 'PaymentFailed', 'PaymentFailed', 'PaymentCanceled']);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
  });

  it('is given up after failed challenges of the bank, which leave no charge', async () => {
    const lesson = await lessons.reserve();
    for (let attempt = 0; attempt < 3; attempt++) {
      await lessons.pay(lesson, 'pm_card_threeDSecure2Required');
      await world.harness.control('POST', `payment_intents/${(await lessons.stateOf(lesson)).intentId}/challenge`, { outcome: 'failed' });
      await world.deliver();
    }
    expect(lessons.countOf(lesson, 'PaymentFailed')).toBe(3);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
  });

  it('is given up when the hold runs out', async () => {
    const lesson = await lessons.reserve();
    await world.pass(15 * MINUTE);
    expect(lessons.typesOf(lesson).at(-1)).toBe('PaymentCanceled');
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
  });

  it('is not asked for when the booking had failed before the payment began', async () => {
    const { bookingId } = miaBooksOkafor;
    const payment = { ...miaBooksOkafor, paymentId: paymentIdOf(bookingId) };
    await world.given('LessonBooking', bookingId, initiated, failedFor('hold_expired'));
    await world.settle();
    const opened = (await world.calls('/v1/payment_intents')).length;
    await world.given('PaymentTransaction', payment.paymentId, event(paymentInitiated, { ...paymentBegan.data, ...payment }));
    await world.settle();
    expect(lessons.typesOf(payment)).toEqual(['PaymentInitiated', 'PaymentCanceled']);
    expect(await world.calls('/v1/payment_intents')).toHaveLength(opened);
  });

  it('is given up when somebody cancels it at Stripe, and for our own reason when we did', async () => {
    const theirs = await lessons.reserve();
    await world.harness.stripe.paymentIntents.cancel((await lessons.stateOf(theirs)).intentId!, { cancellation_reason: 'fraudulent' });
    await world.deliver();
    expect(await lessons.bookingStatus(theirs)).toBe('Failed');
    const ours = await lessons.reserve();
    await world.stripe.cancelPaymentIntent((await lessons.stateOf(ours)).intentId!, { cancellation_reason: 'abandoned' }, newId());
    await world.deliver();
    expect(lessons.typesOf(ours).at(-1)).toBe('PaymentIntentCreated');
    await world.pass(15 * MINUTE);
    expect(world.events.findLast(({ type }) => type === 'PaymentCanceled')?.data).toMatchObject({ ...ours, reason: 'hold_expired' });
  });

  it('is not given up when it came and we were not told', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson);
    await world.pass(15 * MINUTE);
    expect(lessons.typesOf(lesson).at(-1)).toBe('PaymentProcessed');
    expect(await lessons.bookingStatus(lesson)).toBe('Confirmed');
  });

  it('goes back in full when it is found after the time of the lesson', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson);
    await world.pass(DAY + HOUR);
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentProcessed', 'RefundRequested', 'PaymentRefunded']);
    expect((await lessons.stateOf(lesson)).refunded).toBe(GROSS);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
  });

  it('goes back in full when it comes for a booking that has failed', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson);
    await world.send(command(booking.failBooking, { bookingId: lesson.bookingId, reason: 'payment_failed' }));
    await world.deliver();
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentProcessed', 'RefundRequested', 'PaymentRefunded']);
    const { refunded } = await lessons.stateOf(lesson);
    expect(refunded).toBe(GROSS);
    expect((await world.stripe.findRefunds((await lessons.stateOf(lesson)).intentId!)).map(({ amount }) => amount)).toEqual([GROSS]);
  });

  it('waits for Stripe when a refund takes a while', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson, 'pm_card_pendingRefund');
    await world.deliver();
    await lessons.refund(lesson, 1_000);
    expect(lessons.typesOf(lesson).slice(3)).toEqual(['RefundRequested', 'RefundAccepted']);
    const [atStripe] = await world.stripe.findRefunds((await lessons.stateOf(lesson)).intentId!);
    await world.harness.control('POST', `refunds/${atStripe!.id}`, { outcome: 'succeeded' });
    await world.deliver();
    expect(lessons.typesOf(lesson).at(-1)).toBe('PaymentRefunded');
  });

  it('stays owed to the payer when a refund fails later', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson, 'pm_card_refundFail');
    await world.deliver();
    await lessons.refund(lesson, 1_000);
    await world.deliver();
    expect(lessons.typesOf(lesson).slice(3)).toEqual(['RefundRequested', 'PaymentRefunded', 'RefundFailed']);
    expect(currentSplit(await lessons.stateOf(lesson)).tutorOwed).toBe(3_200);
  });
});

describe('Money back after the tutor was paid', () => {
  it('is taken from the tutor in proportion', async () => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.taughtLesson(tutorId);
    await lessons.refund(lesson, 1_000);
    expect(lessons.typesOf(lesson).slice(-4)).toEqual([
      'RefundRequested',
      'PaymentRefunded',
      'TransferReversalRequested',
      'TransferReversed',
    ]);
    const [transfer] = await world.stripe.findTransfers(lesson.bookingId);
    expect(transfer).toMatchObject({ amount: 4_000, amount_reversed: 800 });
  });

  it('becomes a debt when the tutor has it no longer, and the next payout pays it', async () => {
    const tutorId = newId();
    const accountId = await lessons.onboard(tutorId);
    const first = await lessons.taughtLesson(tutorId);
    await world.harness.control('POST', `accounts/${accountId}/payout`, { currency: 'eur' });
    await lessons.refund(first, 1_000);
    for (const wait of [HOUR, 6 * HOUR]) await world.pass(wait);
    expect(lessons.typesOf(first).filter((type) => type.includes('Reversal') || type.includes('Debt'))).toEqual([
      'TransferReversalRequested',
      'TransferReversalFailed',
      'TransferReversalFailed',
      'TransferReversalFailed',
      'TutorDebtRecorded',
    ]);
    const second = await lessons.taughtLesson(tutorId);
    expect(lessons.typesOf(second).slice(3)).toEqual(['PaymentReleased', 'PayoutNetted', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(await world.stripe.findTransfers(second.bookingId)).toMatchObject([{ amount: 3_200 }]);
    expect(lessons.typesOf(first).at(-1)).toBe('TutorDebtSettled');
  });

  it('is taken after a lost chargeback, and nothing moves while it is open', async () => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.taughtLesson(tutorId);
    const { chargeId, intentId } = await lessons.stateOf(lesson);
    const dispute = await world.harness.control<{ id: string }>('POST', `charges/${chargeId}/dispute`);
    await world.deliver();
    await expect(lessons.refund(lesson, 1)).rejects.toMatchObject({ code: 'payment_on_hold' });
    await world.harness.control('POST', `disputes/${dispute.id}/close`, { outcome: 'lost' });
    await world.deliver();
    expect(lessons.typesOf(lesson).slice(-4)).toEqual([
      'ChargebackOpened',
      'ChargebackLost',
      'TransferReversalRequested',
      'TransferReversed',
    ]);
    const after = await lessons.stateOf(lesson);
    expect([after.chargedBack, heldByTutor(after), intentId !== undefined]).toEqual([GROSS, 0, true]);
  });
});

describe('A word about something that Stripe does not know', () => {
  it('is done with', async () => {
    const stripeEventId = 'evt_of_nothing';
    const stripeEventRef = stripeEventIdOf(stripeEventId);
    const notice = { stripeEventRef, stripeEventId, eventType: 'payment_intent.succeeded', objectId: 'pi_nothing' };
    await world.send(command(receiveStripeEvent, notice), { role: 'external' });
    await world.settle();
    expect(world.events.at(-1)).toMatchObject({ type: 'StripeEventHandled', aggregateId: stripeEventRef });
  });
});

describe('Following everything up once more', () => {
  it('asks Stripe to do nothing and writes nothing', () => lessons.followUpOnceMore());
});

describe('The sum', () => {
  it('is right for every payment that was made here, and Stripe agrees on what was sent and returned', async () => {
    expect(await lessons.addUp()).toBeGreaterThan(9);
  });
});
