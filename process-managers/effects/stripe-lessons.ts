import { expect } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command, type Actor } from '#domain/kernel/command.ts';
import { event } from '#domain/kernel/event.ts';
import { DAY, HOUR, plus } from '#domain/kernel/time.ts';
import * as booking from '#domain/lessons/lesson-booking.ts';
import { HOLD_FOR, slotHeld } from '#domain/lessons/tutor-calendar.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { currentSplit, heldByTutor, type PaymentState } from '#domain/payments/payment-state.ts';
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
  async teach({ bookingId, studentId, tutorId }: Reserved): Promise<void> {
    const parties = { bookingId, studentId, tutorId };
    const endedAt = this.world.clock.now();
    await this.world.given(
      'LessonBooking',
      bookingId,
      event(booking.lessonCompleted, { ...parties, endedAt, actualSeconds: 3_600, endedBy: 'tutor', shortfall: 0 }),
    );
    await this.world.pass(DAY);
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
    return (await this.world.aggregates.load(booking.lessonBooking, bookingId)).state.status;
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

  /** Expects that every payment made here adds up, and that Stripe agrees on what was sent and returned. Gives how many there were. */
  async addUp(): Promise<number> {
    const payments = new Set(this.world.events.filter(({ type }) => type === 'PaymentProcessed').map(({ aggregateId }) => aggregateId));
    for (const paymentId of payments) {
      const { state } = await this.world.aggregates.load(paymentTransaction, paymentId);
      const { feeKept, tutorOwed } = currentSplit(state);
      expect(state.refunded + state.chargedBack + feeKept + tutorOwed).toBe(GROSS);
      expect(heldByTutor(state)).toBeLessThanOrEqual(tutorOwed);
      const transfers = await this.world.stripe.findTransfers(state.terms!.parties.bookingId);
      const there = transfers.reduce((total, { amount, amount_reversed: back }) => total + amount - back, 0);
      const here = Object.values(state.payouts).reduce(
        (total, { transferId, amount, reversed }) => total + (transferId ? amount - reversed : 0),
        0,
      );
      expect(there).toBe(here);
    }
    return payments.size;
  }
}
