import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command, type Actor } from '#domain/kernel/command.ts';
import { event } from '#domain/kernel/event.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { DAY, HOUR, MINUTE, plus } from '#domain/kernel/time.ts';
import * as booking from '#domain/lessons/lesson-booking.ts';
import { HOLD_FOR, slotHeld } from '#domain/lessons/tutor-calendar.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { currentSplit, heldByTutor } from '#domain/payments/payment-state.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import { receiveStripeEvent, stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { startPayoutOnboarding, tutorPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import { StripeWorld } from './stripe-world.ts';

let world: StripeWorld;
beforeAll(async () => {
  world = await StripeWorld.start();
}, 30_000);
afterAll(() => world.stop());

const admin: Actor = { role: 'admin', userId: newId() };
const GROSS = 5_000;

interface Reserved {
  readonly bookingId: string;
  readonly paymentId: string;
  readonly tutorId: string;
  readonly studentId: string;
}

/** A lesson at 50.00 whose time is held for payment. */
async function reserve(people: { studentId?: string; tutorId?: string } = {}): Promise<Reserved> {
  const { studentId = newId(), tutorId = newId() } = people;
  const bookingId = newId();
  const parties = { bookingId, studentId, tutorId };
  const now = world.clock.now();
  const times = { startsAt: plus(now, DAY), endsAt: plus(now, DAY + HOUR) };
  const quote = { amountMinor: GROSS, currency: 'eur', hourlyRateMinor: GROSS, feeBps: 2_000 } as const;
  const until = plus(now, HOLD_FOR);
  await world.given(
    'TutorCalendar',
    tutorId,
    event(slotHeld, { ...parties, ...times, blockedFrom: times.startsAt, blockedTo: times.endsAt, until }),
  );
  await world.given(
    'LessonBooking',
    bookingId,
    event(booking.bookingInitiated, {
      ...parties,
      ...times,
      payerId: studentId,
      subject: 'mathematics',
      minutes: 60,
      tutorTimeZone: 'Europe/Berlin',
      quote,
      policy: { freeCancellationHours: 24 },
    }),
    event(booking.timeSlotReserved, { ...parties, ...times, payerId: studentId, quote, until }),
  );
  await world.settle();
  return { ...parties, paymentId: payment.paymentIdOf(bookingId) };
}

const stateOf = async ({ paymentId }: Reserved) => (await world.aggregates.load(paymentTransaction, paymentId)).state;
const bookingStatus = async ({ bookingId }: Reserved) => (await world.aggregates.load(booking.lessonBooking, bookingId)).state.status;
/** Types of the events of one payment. */
const typesOf = ({ paymentId }: Reserved) => world.events.filter((each) => each.aggregateId === paymentId).map(({ type }) => type);
const countOf = (lesson: Reserved, type: string) => typesOf(lesson).filter((each) => each === type).length;

/** The payer confirms with a card; a declined one throws at the browser, not at us. */
async function pay(lesson: Reserved, card = 'pm_card_visa'): Promise<void> {
  const { intentId } = await stateOf(lesson);
  await world.harness.stripe.paymentIntents.confirm(intentId!, { payment_method: card }).catch(() => undefined);
}

async function paidLesson(people?: { studentId?: string; tutorId?: string }): Promise<Reserved> {
  const lesson = await reserve(people);
  await pay(lesson);
  await world.deliver();
  return lesson;
}

/** The lesson takes place, and the time to object passes. */
async function teach({ bookingId, studentId, tutorId }: Reserved): Promise<void> {
  const parties = { bookingId, studentId, tutorId };
  const endedAt = world.clock.now();
  await world.given(
    'LessonBooking',
    bookingId,
    event(booking.lessonCompleted, { ...parties, endedAt, actualSeconds: 3_600, endedBy: 'tutor', shortfall: 0 }),
  );
  await world.pass(DAY);
}

/** The tutor opens an account and fills it in at Stripe. */
async function onboard(tutorId: string): Promise<string> {
  await world.send(command(startPayoutOnboarding, { tutorId }), { role: 'tutor', userId: tutorId });
  await world.settle();
  const { accountId } = (await world.aggregates.load(tutorPayoutAccount, tutorId)).state;
  await world.harness.control('POST', `accounts/${accountId}/onboard`);
  await world.deliver();
  return accountId!;
}

async function taughtLesson(tutorId: string): Promise<Reserved> {
  const lesson = await paidLesson({ tutorId });
  await teach(lesson);
  return lesson;
}

const refund = async ({ paymentId }: Reserved, amount: number): Promise<void> => {
  await world.send(command(payment.requestRefund, { paymentId, refundId: newId(), amount }), admin);
  await world.settle();
};

describe('The money of a lesson', () => {
  it('goes from the card to the tutor, less the commission, once there is an account', async () => {
    const lesson = await paidLesson();
    expect(typesOf(lesson)).toEqual(['PaymentInitiated', 'PaymentIntentCreated', 'PaymentProcessed']);
    expect(await bookingStatus(lesson)).toBe('Confirmed');
    await teach(lesson);
    expect(typesOf(lesson).slice(3)).toEqual(['PaymentReleased', 'TutorPayoutScheduled', 'PayoutBlocked']);
    expect(await bookingStatus(lesson)).toBe('Settled');
    const accountId = await onboard(lesson.tutorId);
    expect(typesOf(lesson).slice(6)).toEqual(['PayoutUnblocked', 'TutorPayoutSent']);
    const transfers = (await world.harness.stripe.transfers.list({ transfer_group: lesson.bookingId })).data;
    expect(transfers).toMatchObject([{ amount: 4_000, destination: accountId }]);
  });

  it('waits for a second step of the payer’s bank', async () => {
    const lesson = await reserve();
    await pay(lesson, 'pm_card_threeDSecure2Required');
    await world.deliver();
    expect(typesOf(lesson).at(-1)).toBe('PaymentActionRequired');
    await world.harness.control('POST', `payment_intents/${(await stateOf(lesson)).intentId}/challenge`, { outcome: 'passed' });
    await world.deliver();
    expect(typesOf(lesson).at(-1)).toBe('PaymentProcessed');
  });

  it('is given up after three declines', async () => {
    const lesson = await reserve();
    for (let attempt = 0; attempt < 3; attempt++) {
      await pay(lesson, 'pm_card_visa_chargeDeclined');
      await world.deliver();
    }
    expect(typesOf(lesson).slice(2)).toEqual(['PaymentFailed', 'PaymentFailed', 'PaymentFailed', 'PaymentCanceled']);
    expect(await bookingStatus(lesson)).toBe('Failed');
    expect((await world.stripe.retrievePaymentIntent((await stateOf(lesson)).intentId!)).status).toBe('canceled');
  });

  it('is given up after three declines in quick succession, whichever of them we hear of first', async () => {
    const lesson = await reserve();
    for (let attempt = 0; attempt < 3; attempt++) await pay(lesson, 'pm_card_visa_chargeDeclined');
    await world.deliver();
    expect(typesOf(lesson).slice(2)).toEqual(['PaymentFailed', 'PaymentFailed', 'PaymentFailed', 'PaymentCanceled']);
    expect(await bookingStatus(lesson)).toBe('Failed');
  });

  it('is given up after failed challenges of the bank, which leave no charge', async () => {
    const lesson = await reserve();
    for (let attempt = 0; attempt < 3; attempt++) {
      await pay(lesson, 'pm_card_threeDSecure2Required');
      await world.harness.control('POST', `payment_intents/${(await stateOf(lesson)).intentId}/challenge`, { outcome: 'failed' });
      await world.deliver();
    }
    expect(countOf(lesson, 'PaymentFailed')).toBe(3);
    expect(await bookingStatus(lesson)).toBe('Failed');
  });

  it('is given up when the hold runs out', async () => {
    const lesson = await reserve();
    await world.pass(15 * MINUTE);
    expect(typesOf(lesson).at(-1)).toBe('PaymentCanceled');
    expect(await bookingStatus(lesson)).toBe('Failed');
  });

  it('is given up when somebody cancels it at Stripe, and for our own reason when we did', async () => {
    const theirs = await reserve();
    await world.harness.stripe.paymentIntents.cancel((await stateOf(theirs)).intentId!, { cancellation_reason: 'fraudulent' });
    await world.deliver();
    expect(await bookingStatus(theirs)).toBe('Failed');
    const ours = await reserve();
    await world.stripe.cancelPaymentIntent((await stateOf(ours)).intentId!, { cancellation_reason: 'abandoned' }, newId());
    await world.deliver();
    expect(typesOf(ours).at(-1)).toBe('PaymentIntentCreated');
    await world.pass(15 * MINUTE);
    expect(world.events.findLast(({ type }) => type === 'PaymentCanceled')?.data).toMatchObject({ ...ours, reason: 'hold_expired' });
  });

  it('is not given up when it came and we were not told', async () => {
    const lesson = await reserve();
    await pay(lesson);
    await world.pass(15 * MINUTE);
    expect(typesOf(lesson).at(-1)).toBe('PaymentProcessed');
    expect(await bookingStatus(lesson)).toBe('Confirmed');
  });

  it('goes back in full when it comes for a booking that has failed', async () => {
    const lesson = await reserve();
    await pay(lesson);
    await world.send(command(booking.failBooking, { bookingId: lesson.bookingId, reason: 'payment_failed' }));
    await world.deliver();
    expect(typesOf(lesson).slice(2)).toEqual(['PaymentProcessed', 'RefundRequested', 'PaymentRefunded']);
    const { refunded } = await stateOf(lesson);
    expect(refunded).toBe(GROSS);
    expect((await world.stripe.findRefunds((await stateOf(lesson)).intentId!)).map(({ amount }) => amount)).toEqual([GROSS]);
  });

  it('waits for Stripe when a refund takes a while', async () => {
    const lesson = await reserve();
    await pay(lesson, 'pm_card_pendingRefund');
    await world.deliver();
    await refund(lesson, 1_000);
    expect(typesOf(lesson).slice(3)).toEqual(['RefundRequested', 'RefundAccepted']);
    const [atStripe] = await world.stripe.findRefunds((await stateOf(lesson)).intentId!);
    await world.harness.control('POST', `refunds/${atStripe!.id}`, { outcome: 'succeeded' });
    await world.deliver();
    expect(typesOf(lesson).at(-1)).toBe('PaymentRefunded');
  });

  it('stays owed to the payer when a refund fails later', async () => {
    const lesson = await reserve();
    await pay(lesson, 'pm_card_refundFail');
    await world.deliver();
    await refund(lesson, 1_000);
    await world.deliver();
    expect(typesOf(lesson).slice(3)).toEqual(['RefundRequested', 'PaymentRefunded', 'RefundFailed']);
    expect(currentSplit(await stateOf(lesson)).tutorOwed).toBe(3_200);
  });
});

describe('Money back after the tutor was paid', () => {
  it('is taken from the tutor in proportion', async () => {
    const tutorId = newId();
    await onboard(tutorId);
    const lesson = await taughtLesson(tutorId);
    await refund(lesson, 1_000);
    expect(typesOf(lesson).slice(-4)).toEqual(['RefundRequested', 'PaymentRefunded', 'TransferReversalRequested', 'TransferReversed']);
    const [transfer] = await world.stripe.findTransfers(lesson.bookingId);
    expect(transfer).toMatchObject({ amount: 4_000, amount_reversed: 800 });
  });

  it('becomes a debt when the tutor has it no longer, and the next payout pays it', async () => {
    const tutorId = newId();
    const accountId = await onboard(tutorId);
    const first = await taughtLesson(tutorId);
    await world.harness.control('POST', `accounts/${accountId}/payout`, { currency: 'eur' });
    await refund(first, 1_000);
    for (const wait of [HOUR, 6 * HOUR]) await world.pass(wait);
    expect(typesOf(first).filter((type) => type.includes('Reversal') || type.includes('Debt'))).toEqual([
      'TransferReversalRequested',
      'TransferReversalFailed',
      'TransferReversalFailed',
      'TransferReversalFailed',
      'TutorDebtRecorded',
    ]);
    const second = await taughtLesson(tutorId);
    expect(typesOf(second).slice(3)).toEqual(['PaymentReleased', 'PayoutNetted', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(await world.stripe.findTransfers(second.bookingId)).toMatchObject([{ amount: 3_200 }]);
    expect(typesOf(first).at(-1)).toBe('TutorDebtSettled');
  });

  it('is taken after a lost chargeback, and nothing moves while it is open', async () => {
    const tutorId = newId();
    await onboard(tutorId);
    const lesson = await taughtLesson(tutorId);
    const { chargeId, intentId } = await stateOf(lesson);
    const dispute = await world.harness.control<{ id: string }>('POST', `charges/${chargeId}/dispute`);
    await world.deliver();
    await expect(refund(lesson, 1)).rejects.toMatchObject({ code: 'payment_on_hold' });
    await world.harness.control('POST', `disputes/${dispute.id}/close`, { outcome: 'lost' });
    await world.deliver();
    expect(typesOf(lesson).slice(-4)).toEqual(['ChargebackOpened', 'ChargebackLost', 'TransferReversalRequested', 'TransferReversed']);
    const after = await stateOf(lesson);
    expect([after.chargedBack, heldByTutor(after), intentId !== undefined]).toEqual([GROSS, 0, true]);
  });
});

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
      lesson = await reserve();
    });
    lesson ??= reservedLast();
    expect(countOf(lesson, 'PaymentIntentCreated')).toBe(1);
    const { customerId } = await stateOf(lesson);
    expect(await world.stripe.findPaymentIntents(customerId!, { paymentId: lesson.paymentId })).toHaveLength(1);
  });

  it.each(faults)('makes a payer one customer (%s)', async (kind) => {
    await disturb('/v1/customers', kind);
    let lesson: Reserved | undefined;
    await settleSomehow(async () => {
      lesson = await reserve();
    });
    lesson ??= reservedLast();
    expect(countOf(lesson, 'PaymentIntentCreated')).toBe(1);
    expect(
      world.events.filter(({ type, aggregateId }) => type === 'PayerCustomerCreated' && aggregateId === lesson!.studentId),
    ).toHaveLength(1);
  });

  it.each(faults)('refunds once (%s)', async (kind) => {
    const lesson = await paidLesson();
    await disturb('/v1/refunds', kind);
    await settleSomehow(() => refund(lesson, 1_000));
    await world.deliver();
    expect(countOf(lesson, 'PaymentRefunded')).toBe(1);
    expect((await world.stripe.findRefunds((await stateOf(lesson)).intentId!)).map(({ amount }) => amount)).toEqual([1_000]);
  });

  it.each(faults)('cancels (%s)', async (kind) => {
    const lesson = await reserve();
    await disturb('/v1/payment_intents/*/cancel', kind);
    await settleSomehow(() => world.pass(15 * MINUTE));
    expect(countOf(lesson, 'PaymentCanceled')).toBe(1);
    expect(await bookingStatus(lesson)).toBe('Failed');
  });

  it.each(faults)('pays a tutor once (%s)', async (kind) => {
    const tutorId = newId();
    await onboard(tutorId);
    const lesson = await paidLesson({ tutorId });
    await disturb('/v1/transfers', kind);
    await settleSomehow(() => teach(lesson));
    // What Stripe refused for an error of its own is tried again an hour later.
    await world.pass(HOUR);
    expect(countOf(lesson, 'TutorPayoutSent')).toBe(1);
    expect((await world.stripe.findTransfers(lesson.bookingId)).map(({ amount }) => amount)).toEqual([4_000]);
  });

  it.each(faults)('takes back from a tutor once (%s)', async (kind) => {
    const tutorId = newId();
    await onboard(tutorId);
    const lesson = await taughtLesson(tutorId);
    await disturb('/v1/transfers/*/reversals', kind);
    await settleSomehow(() => refund(lesson, 1_000));
    await world.pass(HOUR);
    expect(countOf(lesson, 'TransferReversed')).toBe(1);
    expect((await world.stripe.findTransfers(lesson.bookingId)).map((transfer) => transfer.amount_reversed)).toEqual([800]);
  });

  /** The booking made last, when the call that made it threw. */
  function reservedLast(): Reserved {
    const last = world.events.findLast(({ type }) => type === 'TimeSlotReserved')!;
    const { bookingId, tutorId, studentId } = last.data as Reserved;
    return { bookingId, tutorId, studentId, paymentId: payment.paymentIdOf(bookingId) };
  }
});

describe('What was done long ago, so that Stripe has forgotten the key', () => {
  it('is found before a tutor is paid again', async () => {
    const tutorId = newId();
    const destination = await onboard(tutorId);
    const lesson = await paidLesson({ tutorId });
    const { bookingId, paymentId } = lesson;
    const { chargeId } = await stateOf(lesson);
    const metadata = { paymentId, payoutId: followUpId('Payout', paymentId, '0') };
    const order = { amount: 4_000, currency: 'eur', destination, transfer_group: bookingId, metadata };
    const { id } = await world.harness.stripe.transfers.create({ ...order, source_transaction: chargeId! });
    await teach(lesson);
    expect(world.events.findLast(({ type }) => type === 'TutorPayoutSent')?.data).toMatchObject({ paymentId, transferId: id });
    expect(await world.stripe.findTransfers(bookingId)).toHaveLength(1);
  });

  it('is found before a payer is refunded again', async () => {
    const lesson = await paidLesson();
    const { paymentId } = lesson;
    const { intentId } = await stateOf(lesson);
    const refundId = newId();
    const metadata = { paymentId, refundId, attempt: '1' };
    const { id } = await world.harness.stripe.refunds.create({ payment_intent: intentId!, amount: 1_000, metadata });
    await world.send(command(payment.requestRefund, { paymentId, refundId, amount: 1_000 }), admin);
    await world.settle();
    expect((await stateOf(lesson)).refunds[refundId]).toMatchObject({ status: 'done', stripeRefundId: id });
    expect(await world.stripe.findRefunds(intentId!)).toHaveLength(1);
  });

  it('is found before money is taken back from a tutor again', async () => {
    const tutorId = newId();
    await onboard(tutorId);
    const lesson = await taughtLesson(tutorId);
    const { paymentId, bookingId } = lesson;
    const refundId = newId();
    const [transfer] = await world.stripe.findTransfers(bookingId);
    const metadata = { paymentId, reversalId: refundId };
    await world.harness.stripe.transfers.createReversal(transfer!.id, { amount: 800, metadata });
    await world.send(command(payment.requestRefund, { paymentId, refundId, amount: 1_000 }), admin);
    await world.settle();
    expect(countOf(lesson, 'TransferReversed')).toBe(1);
    expect(await world.stripe.findTransfers(bookingId)).toMatchObject([{ amount_reversed: 800 }]);
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
  it('calls Stripe for nothing and writes nothing', async () => {
    const events = world.events.length;
    const calls = async () => (await world.harness.control<unknown[]>('GET', 'requests')).length;
    const callsBefore = await calls();
    await world.replay();
    expect(world.events.slice(events)).toEqual([]);
    expect(await calls()).toBe(callsBefore);
  });
});

describe('The sum', () => {
  it('is right for every payment that was made here, and Stripe agrees on what was sent and returned', async () => {
    const payments = new Set(world.events.filter(({ type }) => type === 'PaymentProcessed').map(({ aggregateId }) => aggregateId));
    expect(payments.size).toBeGreaterThan(15);
    for (const paymentId of payments) {
      const { state } = await world.aggregates.load(paymentTransaction, paymentId);
      const { feeKept, tutorOwed } = currentSplit(state);
      expect(state.refunded + state.chargedBack + feeKept + tutorOwed).toBe(GROSS);
      expect(heldByTutor(state)).toBeLessThanOrEqual(tutorOwed);
      const transfers = await world.stripe.findTransfers(state.terms!.parties.bookingId);
      const there = transfers.reduce((total, { amount, amount_reversed: back }) => total + amount - back, 0);
      const here = Object.values(state.payouts).reduce(
        (total, { transferId, amount, reversed }) => total + (transferId ? amount - reversed : 0),
        0,
      );
      expect(there).toBe(here);
    }
  });
});
