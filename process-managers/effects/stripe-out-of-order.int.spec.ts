import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { DAY, HOUR } from '#domain/kernel/time.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { StripeLessons, type Reserved } from './stripe-lessons.ts';
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
  const disputed = { disputeId: 'dp_part', amount: 1_000, currency: 'eur' } as const;
  const open = ({ paymentId }: Reserved) => world.send(command(payment.recordChargebackOpened, { paymentId, ...disputed }));
  const lose = async ({ paymentId }: Reserved) => {
    await world.send(command(payment.recordChargebackLost, { paymentId, disputeId: disputed.disputeId }));
    await world.settle();
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
    await open(lesson);
    await lessons.teach(lesson);
    expect(lessons.typesOf(lesson).at(-1)).toBe('ChargebackOpened');
    await lose(lesson);
    expect(lessons.typesOf(lesson).slice(-3)).toEqual(['PaymentReleased', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(await world.stripe.findTransfers(lesson.bookingId)).toMatchObject([{ amount: 3_200 }]);
  });

  it.each(['PaymentReleased', 'TutorDebtClaimed'])('that is opened after %s and lost lets the rest pay debts first', async (moment) => {
    const { tutorId, first } = await tutorInDebt();
    const second = await lessons.paidLesson({ tutorId });
    await lessons.give(second);
    world.clock.advance(DAY);
    await until(moment, second);
    await open(second);
    await world.settle();
    expect(lessons.typesOf(second).at(-1)).toBe('ChargebackOpened');
    await lose(second);
    expect(lessons.typesOf(second).slice(-3)).toEqual(['PayoutNetted', 'TutorPayoutScheduled', 'TutorPayoutSent']);
    expect(lessons.typesOf(first).at(-1)).toBe('TutorDebtSettled');
    expect(await world.stripe.findTransfers(second.bookingId)).toMatchObject([{ amount: 2_400 }]);
  });
});

describe('The sum', () => {
  it('is right for every payment that was made here, and Stripe agrees on what was sent and returned', async () => {
    expect(await lessons.addUp()).toBeGreaterThan(4);
  });
});
