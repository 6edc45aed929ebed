import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { HOUR, MINUTE } from '#domain/kernel/time.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { startPayoutOnboarding } from '#domain/payments/tutor-payout-account.ts';
import { admin, StripeLessons, type Reserved } from './stripe-lessons.ts';
import type { StripeWorld } from './stripe-world.ts';

let lessons: StripeLessons;
let world: StripeWorld;
beforeAll(async () => {
  lessons = await StripeLessons.start();
  ({ world } = lessons);
}, 30_000);
afterAll(() => lessons.stop());

describe('A call whose answer is lost', () => {
  const faults = ['error-before', 'error-after', 'reset', 'rate-limit', 'never-answer'] as const;
  /** Carries out what waits until nothing fails any more, as the engine does with its back-off. */
  const settleSomehow = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch(() => undefined);
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        return await world.settle();
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  };
  const disturb = (path: string, kind: string) => world.harness.control('POST', 'faults', { path, kind });

  it.each(faults)('opens one PaymentIntent (%s)', async (kind) => {
    await disturb('/v1/payment_intents', kind);
    let lesson: Reserved | undefined;
    await settleSomehow(async () => {
      lesson = await lessons.reserve();
    });
    lesson ??= reservedLast();
    expect(lessons.countOf(lesson, 'PaymentIntentCreated')).toBe(1);
    const { customerId } = await lessons.stateOf(lesson);
    expect(await world.stripe.findPaymentIntents(customerId!, { paymentId: lesson.paymentId })).toHaveLength(1);
  });

  it.each(faults)('makes a payer one customer (%s)', async (kind) => {
    await disturb('/v1/customers', kind);
    let lesson: Reserved | undefined;
    await settleSomehow(async () => {
      lesson = await lessons.reserve();
    });
    lesson ??= reservedLast();
    expect(lessons.countOf(lesson, 'PaymentIntentCreated')).toBe(1);
    expect(
      world.events.filter(({ type, aggregateId }) => type === 'PayerCustomerCreated' && aggregateId === lesson!.studentId),
    ).toHaveLength(1);
  });

  it.each(faults)('refunds once (%s)', async (kind) => {
    const lesson = await lessons.paidLesson();
    await disturb('/v1/refunds', kind);
    await settleSomehow(() => lessons.refund(lesson, 1_000));
    await world.deliver();
    expect(lessons.countOf(lesson, 'PaymentRefunded')).toBe(1);
    expect((await world.stripe.findRefunds((await lessons.stateOf(lesson)).intentId!)).map(({ amount }) => amount)).toEqual([1_000]);
  });

  it.each(faults)('cancels (%s)', async (kind) => {
    const lesson = await lessons.reserve();
    await disturb('/v1/payment_intents/*/cancel', kind);
    await settleSomehow(() => world.pass(15 * MINUTE));
    expect(lessons.countOf(lesson, 'PaymentCanceled')).toBe(1);
    expect(await lessons.bookingStatus(lesson)).toBe('Failed');
  });

  it.each(faults)('pays a tutor once (%s)', async (kind) => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.paidLesson({ tutorId });
    await disturb('/v1/transfers', kind);
    await settleSomehow(() => lessons.teach(lesson));
    // What Stripe refused for an error of its own is tried again an hour later.
    await world.pass(HOUR);
    expect(lessons.countOf(lesson, 'TutorPayoutSent')).toBe(1);
    expect((await world.stripe.findTransfers(lesson.bookingId)).map(({ amount }) => amount)).toEqual([4_000]);
  });

  it.each(faults)('takes back from a tutor once (%s)', async (kind) => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.taughtLesson(tutorId);
    await disturb('/v1/transfers/*/reversals', kind);
    await settleSomehow(() => lessons.refund(lesson, 1_000));
    await world.pass(HOUR);
    expect(lessons.countOf(lesson, 'TransferReversed')).toBe(1);
    expect((await world.stripe.findTransfers(lesson.bookingId)).map((transfer) => transfer.amount_reversed)).toEqual([800]);
  });

  it.each(faults)('opens a tutor an account (%s)', async (kind) => {
    const tutorId = newId();
    await disturb('/v1/accounts', kind);
    await world.send(command(startPayoutOnboarding, { tutorId }), { role: 'tutor', userId: tutorId });
    await settleSomehow(() => world.settle());
    const opened = world.events.filter(({ type, aggregateId }) => type === 'PayoutAccountCreated' && aggregateId === tutorId);
    expect(opened).toHaveLength(1);
  });

  /** The booking made last, when the call that made it threw. */
  function reservedLast(): Reserved {
    const last = world.events.findLast(({ type }) => type === 'TimeSlotReserved')!;
    const { bookingId, tutorId, studentId } = last.data as Reserved;
    return { bookingId, tutorId, studentId, paymentId: payment.paymentIdOf(bookingId) };
  }
});

describe('A payout that was sent before we died, and that is replaced before anybody looks', () => {
  const sentAndReplaced = async () => {
    const tutorId = newId();
    const destination = await lessons.onboard(tutorId);
    const lesson = await lessons.paidLesson({ tutorId });
    const { bookingId, paymentId } = lesson;
    await world.harness.control('POST', 'faults', { path: '/v1/transfers', kind: 'rate-limit' });
    await expect(lessons.teach(lesson)).rejects.toMatchObject({ name: 'UpstreamUnsure' });
    const unanswered = world.waiting.find(({ command: each }) => each?.type === 'CreateTransfer')!;
    const { chargeId } = await lessons.stateOf(lesson);
    const metadata = { paymentId, payoutId: followUpId('Payout', paymentId, '0') };
    const order = { amount: 4_000, currency: 'eur', destination, transfer_group: bookingId, metadata };
    await world.harness.stripe.transfers.create({ ...order, source_transaction: chargeId! });
    await world.send(command(payment.requestRefund, { paymentId, refundId: newId(), amount: 1_000 }), admin);
    expect(lessons.typesOf(lesson).slice(-3)).toEqual(['RefundRequested', 'PayoutCanceled', 'TutorPayoutScheduled']);
    return { lesson, unanswered };
  };
  const mustHaveBeenPaidOnce = async (lesson: Reserved) => {
    expect(lessons.countOf(lesson, 'TutorPayoutSent')).toBe(1);
    expect(await world.stripe.findTransfers(lesson.bookingId)).toMatchObject([{ amount: 4_000, amount_reversed: 800 }]);
  };

  it('is not sent a second time by the one in its place', async () => {
    const { lesson, unanswered } = await sentAndReplaced();
    const inItsPlace = world.waiting.find(({ id, command: each }) => each?.type === 'CreateTransfer' && id !== unanswered.id);
    await world.run(inItsPlace!);
    await world.settle();
    await mustHaveBeenPaidOnce(lesson);
  });

  it('is found when it is asked again, and calls off the one in its place', async () => {
    const { lesson, unanswered } = await sentAndReplaced();
    await world.run(unanswered);
    expect(lessons.typesOf(lesson).slice(-2)).toEqual(['TutorPayoutSent', 'PayoutCanceled']);
    await world.settle();
    await mustHaveBeenPaidOnce(lesson);
  });
});

describe('What was done long ago, so that Stripe has forgotten the key', () => {
  it('is found before a tutor is paid again', async () => {
    const tutorId = newId();
    const destination = await lessons.onboard(tutorId);
    const lesson = await lessons.paidLesson({ tutorId });
    const { bookingId, paymentId } = lesson;
    const { chargeId } = await lessons.stateOf(lesson);
    const metadata = { paymentId, payoutId: followUpId('Payout', paymentId, '0') };
    const order = { amount: 4_000, currency: 'eur', destination, transfer_group: bookingId, metadata };
    const { id } = await world.harness.stripe.transfers.create({ ...order, source_transaction: chargeId! });
    await lessons.teach(lesson);
    expect(world.events.findLast(({ type }) => type === 'TutorPayoutSent')?.data).toMatchObject({ paymentId, transferId: id });
    expect(await world.stripe.findTransfers(bookingId)).toHaveLength(1);
  });

  it('is found before a payer is refunded again', async () => {
    const lesson = await lessons.paidLesson();
    const { paymentId } = lesson;
    const { intentId } = await lessons.stateOf(lesson);
    const refundId = newId();
    const metadata = { paymentId, refundId, attempt: '1' };
    const { id } = await world.harness.stripe.refunds.create({ payment_intent: intentId!, amount: 1_000, metadata });
    await world.send(command(payment.requestRefund, { paymentId, refundId, amount: 1_000 }), admin);
    await world.settle();
    expect((await lessons.stateOf(lesson)).refunds[refundId]).toMatchObject({ status: 'done', stripeRefundId: id });
    expect(await world.stripe.findRefunds(intentId!)).toHaveLength(1);
  });

  it('is found before a payer is refunded again by another attempt, although the first was taken to have done nothing', async () => {
    const lesson = await lessons.paidLesson();
    const { paymentId } = lesson;
    const { intentId } = await lessons.stateOf(lesson);
    const refundId = newId();
    await world.harness.control('POST', 'faults', { path: '/v1/refunds', kind: 'error-before' });
    await world.send(command(payment.requestRefund, { paymentId, refundId, amount: 1_000 }), admin);
    while ((await lessons.stateOf(lesson)).refunds[refundId]?.attempt === 1) await world.run(world.waiting[0]!);
    const late = { payment_intent: intentId!, amount: 1_000, metadata: { paymentId, refundId, attempt: '1' } };
    const { id } = await world.harness.stripe.refunds.create(late);
    await world.settle();
    expect((await lessons.stateOf(lesson)).refunds[refundId]).toMatchObject({ status: 'done', attempt: 2, stripeRefundId: id });
    expect(await world.stripe.findRefunds(intentId!)).toHaveLength(1);
  });

  it('is found before money is taken back from a tutor again', async () => {
    const tutorId = newId();
    await lessons.onboard(tutorId);
    const lesson = await lessons.taughtLesson(tutorId);
    const { paymentId, bookingId } = lesson;
    const refundId = newId();
    const [transfer] = await world.stripe.findTransfers(bookingId);
    const metadata = { paymentId, reversalId: refundId };
    await world.harness.stripe.transfers.createReversal(transfer!.id, { amount: 800, metadata });
    await world.send(command(payment.requestRefund, { paymentId, refundId, amount: 1_000 }), admin);
    await world.settle();
    expect(lessons.countOf(lesson, 'TransferReversed')).toBe(1);
    expect(await world.stripe.findTransfers(bookingId)).toMatchObject([{ amount_reversed: 800 }]);
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
