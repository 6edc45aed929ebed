import { expect } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command, type Actor } from '#domain/kernel/command.ts';
import { event } from '#domain/kernel/event.ts';
import { DAY, HOUR, plus } from '#domain/kernel/time.ts';
import * as booking from '#domain/lessons/lesson-booking.messages.ts';
import { lessonBooking } from '#domain/lessons/lesson-booking.ts';
import { HOLD_FOR, slotHeld } from '#domain/lessons/tutor-calendar.ts';
import { emptyBooks, entered, total, withTutor } from '#domain/payments/payment-books.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import type { PaymentEvent } from '#domain/payments/payment-events.ts';
import type { PaymentState } from '#domain/payments/payment-state.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import { startPayoutOnboarding, tutorPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import { StripeWorld } from './stripe-world.ts';

/** What a lesson costs. */
export const GROSS = 5_000;
export const admin: Actor = { role: 'admin', userId: newId() };

export interface Reserved {
  readonly bookingId: string;
  readonly paymentId: string;
  readonly tutorId: string;
  readonly studentId: string;
}

interface People {
  readonly studentId?: string;
  readonly tutorId?: string;
}

/** Lessons in a world with Stripe: what people do who book, pay, teach and are paid, and what came of it. */
export class StripeLessons {
  private constructor(readonly world: StripeWorld) {}

  static async start(): Promise<StripeLessons> {
    return new StripeLessons(await StripeWorld.start());
  }

  stop(): Promise<void> {
    return this.world.stop();
  }

  /** A lesson at 50.00 whose time is held for payment. */
  async reserve(people: People = {}): Promise<Reserved> {
    const { studentId = newId(), tutorId = newId() } = people;
    const bookingId = newId();
    const parties = { bookingId, studentId, tutorId };
    const now = this.world.clock.now();
    const times = { startsAt: plus(now, DAY), endsAt: plus(now, DAY + HOUR) };
    const quote = { amountMinor: GROSS, currency: 'eur', hourlyRateMinor: GROSS, feeBps: 2_000 } as const;
    const until = plus(now, HOLD_FOR);
    await this.world.given(
      'TutorCalendar',
      tutorId,
      event(slotHeld, { ...parties, ...times, blockedFrom: times.startsAt, blockedTo: times.endsAt, until }),
    );
    await this.world.given(
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
    await this.world.settle();
    return { ...parties, paymentId: payment.paymentIdOf(bookingId) };
  }

  /** The payer confirms with a card; a declined one throws at the browser, not at us. */
  async pay(lesson: Reserved, card = 'pm_card_visa'): Promise<void> {
    const { intentId } = await this.stateOf(lesson);
    await this.world.harness.stripe.paymentIntents.confirm(intentId!, { payment_method: card }).catch(() => undefined);
  }

  async paidLesson(people?: People): Promise<Reserved> {
    const lesson = await this.reserve(people);
    await this.pay(lesson);
    await this.world.deliver();
    return lesson;
  }

  /** The lesson takes place, and the time to object passes. */
  async teach(lesson: Reserved): Promise<void> {
    await this.give(lesson);
    await this.world.pass(DAY);
  }

  /** The lesson takes place; nothing follows from it yet. */
  async give({ bookingId, studentId, tutorId }: Reserved): Promise<void> {
    const parties = { bookingId, studentId, tutorId };
    const endedAt = this.world.clock.now();
    await this.world.given(
      'LessonBooking',
      bookingId,
      event(booking.lessonCompleted, { ...parties, endedAt, actualSeconds: 3_600, endedBy: 'tutor', shortfall: 0 }),
    );
  }

  async taughtLesson(tutorId: string): Promise<Reserved> {
    const lesson = await this.paidLesson({ tutorId });
    await this.teach(lesson);
    return lesson;
  }

  /** The tutor opens an account and fills it in at Stripe. Gives the account's id. */
  async onboard(tutorId: string): Promise<string> {
    await this.world.send(command(startPayoutOnboarding, { tutorId }), { role: 'tutor', userId: tutorId });
    await this.world.settle();
    const { accountId } = (await this.world.aggregates.load(tutorPayoutAccount, tutorId)).state;
    await this.world.harness.control('POST', `accounts/${accountId}/onboard`);
    await this.world.deliver();
    return accountId!;
  }

  async refund({ paymentId }: Reserved, amount: number): Promise<void> {
    await this.world.send(command(payment.requestRefund, { paymentId, refundId: newId(), amount }), admin);
    await this.world.settle();
  }

  async stateOf({ paymentId }: Reserved): Promise<PaymentState> {
    return (await this.world.aggregates.load(paymentTransaction, paymentId)).state;
  }

  async bookingStatus({ bookingId }: Reserved): Promise<string | undefined> {
    return (await this.world.aggregates.load(lessonBooking, bookingId)).state.status;
  }

  /** Types of the events of one payment. */
  typesOf({ paymentId }: Reserved): string[] {
    return this.world.events.filter((each) => each.aggregateId === paymentId).map(({ type }) => type);
  }

  countOf(lesson: Reserved, type: string): number {
    return this.typesOf(lesson).filter((each) => each === type).length;
  }

  /** Follows everything up once more, and expects that it asks Stripe to do nothing, looking apart, and writes nothing. */
  async followUpOnceMore(): Promise<void> {
    const events = this.world.events.length;
    const calls = async () => (await this.world.harness.control<unknown[]>('GET', 'requests?method=POST')).length;
    const callsBefore = await calls();
    await this.world.replay();
    expect(this.world.events.slice(events)).toEqual([]);
    expect(await calls()).toBe(callsBefore);
  }

  /** Expects that the events of every payment made here add up, and that Stripe moved just what they say. Gives how many there were. */
  async addUp(): Promise<number> {
    const payments = new Set(this.world.events.filter(({ type }) => type === 'PaymentProcessed').map(({ aggregateId }) => aggregateId));
    for (const paymentId of payments) {
      const events = this.world.events.filter(({ aggregateId }) => aggregateId === paymentId) as unknown as readonly PaymentEvent[];
      const books = events.reduce(entered, emptyBooks);
      const { charged, promised, chargedBack, fee, tutor, refunded, lost, sent, reversed, comingBack } = books;
      expect([charged, promised + chargedBack + fee + tutor]).toEqual([GROSS, GROSS]);
      expect(fee).toBe(Math.round((GROSS - promised - chargedBack) / 5));
      expect(withTutor(books)).toBeLessThanOrEqual(tutor);
      expect(total(comingBack)).toBe(0);
      const { state } = await this.world.aggregates.load(paymentTransaction, paymentId);
      expect(await this.#movedAtStripe(state)).toEqual({ charged, refunded: total(refunded), lost, withTutor: sent - reversed });
    }
    return payments.size;
  }

  async #movedAtStripe({ intentId, chargeId, terms }: PaymentState) {
    const { stripe, harness } = this.world;
    const refunds = await stripe.findRefunds(intentId!);
    const transfers = await stripe.findTransfers(terms!.parties.bookingId);
    const disputes = await harness.control<{ charge: string; status: string; amount: number }[]>('GET', 'objects/dispute');
    const sum = (amounts: readonly number[]): number => amounts.reduce((all, amount) => all + amount, 0);
    return {
      charged: (await stripe.retrievePaymentIntent(intentId!)).amount_received,
      refunded: sum(refunds.filter(({ status }) => status === 'succeeded').map(({ amount }) => amount)),
      lost: sum(disputes.filter(({ charge, status }) => charge === chargeId && status === 'lost').map(({ amount }) => amount)),
      withTutor: sum(transfers.map(({ amount, amount_reversed: back }) => amount - back)),
    };
  }
}
