import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { DAY, HOUR } from '#domain/kernel/time.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { admin, StripeLessons, type Reserved } from './stripe-lessons.ts';
import type { StripeWorld } from './stripe-world.ts';

let lessons: StripeLessons;
let world: StripeWorld;
beforeAll(async () => {
  lessons = await StripeLessons.start();
  ({ world } = lessons);
}, 30_000);
afterAll(() => lessons.stop());

/** Carries out what waits, one reaction after the other, until there is an event of that type about a payment. */
async function until(type: string, { paymentId }: Reserved): Promise<void> {
  const isThere = () => world.events.some((each) => each.type === type && 'paymentId' in each.data && each.data.paymentId === paymentId);
  while (!isThere()) {
    const next = world.waiting.find(({ due }) => due === null || due <= world.clock.now());
    if (next === undefined) throw new Error(`Nothing leads to ${type}`);
    await world.run(next);
  }
}

describe('A chargeback over a part of the charge', () => {
  const open = async (lesson: Reserved) => {
    const { chargeId } = await lessons.stateOf(lesson);
    const { id } = await world.harness.control<{ id: string }>('POST', `charges/${chargeId}/dispute`, { amount: 1_000 });
    const { paymentId } = lesson;
    await world.send(command(payment.recordChargebackOpened, { paymentId, disputeId: id, amount: 1_000, currency: 'eur' }));
    return id;
  };
  const lose = async (disputeId: string) => {
    await world.harness.control('POST', `disputes/${disputeId}/close`, { outcome: 'lost' });
    await world.deliver();
  };
  /** A tutor who owes 8.00 from an earlier lesson. */
  const tutorInDebt = async () => {
    const tutorId = newId();
    const accountId = await lessons.onboard(tutorId);
    const first = await lessons.taughtLesson(tutorId);
    await world.harness.control('POST', `accounts/${accountId}/payout`, { currency: 'eur' });
    await lessons.refund(first, 1_000);
    for (const wait of [HOUR, 6 * HOUR]) await world.pass(wait);
    expect(lessons.typesOf(first).at(-1)).toBe('TutorDebtRecorded');
    return { tutorId, first };
  };

  it('that is lost lets the tutor have the rest, also when the time to object was over before', async () => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.paidLesson({ tutorId });
    const dispute = await open(lesson);
    await lessons.teach(lesson);
    expect(lessons.typesOf(lesson).at(-1)).toBe('ChargebackOpened');
    await lose(dispute);
    expect(lessons.typesOf(lesson).slice(-3)).toEqual(['PaymentReleased', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(await world.stripe.findTransfers(lesson.bookingId)).toMatchObject([{ amount: 3_200 }]);
  });

  it.each(['PaymentReleased', 'TutorDebtClaimed'])('that is opened after %s and lost lets the rest pay debts first', async (moment) => {
    const { tutorId, first } = await tutorInDebt();
    const second = await lessons.paidLesson({ tutorId });
    await lessons.give(second);
    world.clock.advance(DAY);
    await until(moment, second);
    const dispute = await open(second);
    await world.settle();
    expect(lessons.typesOf(second).at(-1)).toBe('ChargebackOpened');
    await lose(dispute);
    expect(lessons.typesOf(second).slice(-3)).toEqual(['PayoutNetted', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(lessons.typesOf(first).at(-1)).toBe('TutorDebtSettled');
    expect(await world.stripe.findTransfers(second.bookingId)).toMatchObject([{ amount: 2_400 }]);
  });
});

describe('A charge that we hear of last', () => {
  it('is recorded with the refund that somebody made of it at Stripe', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson);
    const { intentId } = await lessons.stateOf(lesson);
    await world.harness.stripe.refunds.create({ payment_intent: intentId! });
    await world.deliver((type) => !type.startsWith('payment_intent.'));
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentProcessed', 'RefundRequested', 'PaymentRefunded']);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
    await world.deliver();
    expect(lessons.typesOf(lesson)).toHaveLength(5);
  });

  it('is recorded with its chargeback', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson);
    const { intentId } = await lessons.stateOf(lesson);
    const { latest_charge: charge } = await world.harness.stripe.paymentIntents.retrieve(intentId!);
    await world.harness.control('POST', `charges/${String(charge)}/dispute`);
    await world.deliver((type) => !type.startsWith('payment_intent.'));
    expect(lessons.typesOf(lesson).slice(2)).toEqual(['PaymentProcessed', 'ChargebackOpened']);
  });
});

describe('A refund that failed', () => {
  it('is paid by the one that somebody makes at Stripe in its place', async () => {
    const lesson = await lessons.reserve();
    await lessons.pay(lesson, 'pm_card_pendingRefund');
    await world.deliver();
    await lessons.refund(lesson, 1_000);
    const { intentId } = await lessons.stateOf(lesson);
    const [ours] = await world.stripe.findRefunds(intentId!);
    await world.harness.control('POST', `refunds/${ours!.id}`, { outcome: 'failed' });
    await world.deliver();
    expect(lessons.typesOf(lesson).at(-1)).toBe('RefundFailed');
    const { id } = await world.harness.stripe.refunds.create({ payment_intent: intentId!, amount: 1_000 });
    await world.harness.control('POST', `refunds/${id}`, { outcome: 'succeeded' });
    await world.deliver();
    const { refunds, refunded } = await lessons.stateOf(lesson);
    expect([Object.values(refunds).map(({ stripeRefundId }) => stripeRefundId), refunded]).toEqual([[id], 1_000]);
  });
});

describe('A charge over another amount than ours', () => {
  const clear = async ({ paymentId }: Reserved) => {
    await world.send(command(payment.clearPaymentMismatch, { paymentId }), admin);
    await world.settle();
  };

  it('is asked about until all of it went back, and then the payment is over', async () => {
    const lesson = await lessons.reserve();
    const { intentId } = await lessons.stateOf(lesson);
    await world.harness.stripe.paymentIntents.update(intentId!, { amount: 4_000 });
    await lessons.pay(lesson);
    await world.deliver();
    expect([lessons.typesOf(lesson).at(-1), await lessons.bookingStatus(lesson)]).toEqual(['PaymentMismatchDetected', 'Failed']);
    await clear(lesson);
    expect(lessons.typesOf(lesson).slice(-2)).toEqual(['PaymentMismatchCleared', 'PaymentMismatchDetected']);
    await world.harness.stripe.refunds.create({ payment_intent: intentId! });
    await world.deliver();
    await clear(lesson);
    expect(lessons.typesOf(lesson).slice(-2)).toEqual(['PaymentMismatchCleared', 'PaymentCanceled']);
  });

  it('is called off at Stripe when nobody has paid it', async () => {
    const lesson = await lessons.reserve();
    const { paymentId } = lesson;
    const intentId = (await lessons.stateOf(lesson)).intentId!;
    const reported = { paymentId, intentId, chargeId: 'ch_other', amount: 1, currency: 'eur' };
    await world.send(command(payment.recordPaymentProcessed, reported));
    await world.settle();
    expect((await world.stripe.retrievePaymentIntent(intentId)).status).toBe('requires_payment_method');
    await clear(lesson);
    expect(lessons.typesOf(lesson).slice(-2)).toEqual(['PaymentMismatchCleared', 'PaymentCanceled']);
    expect((await world.stripe.retrievePaymentIntent(intentId)).status).toBe('canceled');
  });
});

describe('A card that was declined and one whose challenge failed', () => {
  it('are two attempts, however late we look into either', async () => {
    const lesson = await lessons.reserve();
    const { intentId } = await lessons.stateOf(lesson);
    await lessons.pay(lesson, 'pm_card_visa_chargeDeclined');
    await lessons.pay(lesson, 'pm_card_threeDSecure2Required');
    await world.harness.control('POST', `payment_intents/${intentId}/challenge`, { outcome: 'failed' });
    await world.deliver();
    expect(lessons.countOf(lesson, 'PaymentFailed')).toBe(2);
    expect(await lessons.bookingStatus(lesson)).toBe('Reserved');
  });
});

describe('The sum', () => {
  it('is right for every payment that was made here, and Stripe agrees on what was sent and returned', async () => {
    expect(await lessons.addUp()).toBeGreaterThan(4);
  });
});
