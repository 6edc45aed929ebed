import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { v7 as newId } from 'uuid';
import type { Api } from '#app/demo/api.ts';
import { join, newPerson, type Person, type World } from '#app/demo/people.ts';
import { event } from '#domain/kernel/event.ts';
import { followUpId, streamOf } from '#domain/kernel/ids.ts';
import { DAY, HOUR, plus } from '#domain/kernel/time.ts';
import * as booking from '#domain/lessons/lesson-booking.messages.ts';
import { HOLD_FOR, slotHeld } from '#domain/lessons/tutor-calendar.ts';
import { paymentIdOf } from '#domain/payments/payment-commands.ts';
import { stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { EmbeddedPlatform, refusal } from './embedded-platform.ts';

let platform: EmbeddedPlatform;
let world: World;
let admin: Api;
let adminId: string;
let mia: Person;
let okafor: Person;

beforeAll(async () => {
  platform = await EmbeddedPlatform.start();
  ({ world } = platform);
  admin = await platform.admin();
  adminId = (await admin.get<{ userId: string }>('/users/profile')).userId;
  mia = newPerson(world, 'Mia');
  okafor = newPerson(world, 'Okafor');
  await join(world, mia, 'student', 'Europe/Berlin');
  await join(world, okafor, 'tutor', 'Europe/London');
}, 120_000);
afterAll(async () => {
  await platform?.stop();
});

interface Lesson {
  readonly bookingId: string;
  readonly paymentId: string;
}

/** A lesson of Mia with Mr Okafor at 50.00, whose time is held. */
async function reserve(): Promise<Lesson> {
  const bookingId = newId();
  const parties = { bookingId, studentId: mia.userId, tutorId: okafor.userId };
  const now = platform.clock.now();
  const times = { startsAt: plus(now, DAY), endsAt: plus(now, DAY + HOUR) };
  const quote = { amountMinor: 5_000, currency: 'eur', hourlyRateMinor: 5_000, feeBps: 2_000 } as const;
  const until = plus(now, HOLD_FOR);
  const held = event(slotHeld, { ...parties, ...times, blockedFrom: times.startsAt, blockedTo: times.endsAt, until });
  await platform.happened('TutorCalendar', okafor.userId, held);
  await platform.happened(
    'LessonBooking',
    bookingId,
    event(booking.bookingInitiated, {
      ...parties,
      ...times,
      payerId: mia.userId,
      subject: 'mathematics',
      minutes: 60,
      tutorTimeZone: 'Europe/London',
      quote,
      policy: { freeCancellationHours: 24 },
    }),
    event(booking.timeSlotReserved, { ...parties, ...times, payerId: mia.userId, quote, until }),
  );
  return { bookingId, paymentId: paymentIdOf(bookingId) };
}

const pay = ({ bookingId }: Lesson, body: object = {}) => mia.api.post('/payments/process', { bookingId, ...body });
const statusIs = (lesson: Lesson, wanted: string) =>
  mia.api
    .patiently(() => mia.api.get(`/payments/${lesson.paymentId}/status`), ['not_found'])
    .then(() =>
      mia.api.until(`/payments/${lesson.paymentId}/status`, (answer: { status: string }) =>
        answer.status === wanted ? answer : undefined,
      ),
    );
const ledgerIs = (lesson: Lesson, wanted: object) =>
  admin.until(`/admin/ledger/${lesson.bookingId}`, (entry: object) =>
    Object.entries(wanted).every(([name, value]) => (entry as Record<string, unknown>)[name] === value) ? entry : undefined,
  );

describe('Paying for a lesson', () => {
  it('counts once Stripe has said so, and ends with every cent accounted for', async () => {
    const lesson = await reserve();
    const open = await pay(lesson);
    expect(open).toMatchObject({ paymentId: lesson.paymentId, status: 'requires_payment_method', amountMinor: 5_000, currency: 'eur' });
    expect(open['clientSecret']).toMatch(/_secret_/);
    expect(await pay(lesson, { paymentMethodId: 'pm_card_visa', saveCard: true })).toMatchObject({ declinedBecause: null });
    await statusIs(lesson, 'paid');
    expect(await refusal(pay(lesson))).toEqual([409, 'already_paid']);
    expect((await mia.api.get<{ methods: unknown[] }>('/payments/methods')).methods).toMatchObject([{ brand: 'visa', last4: '4242' }]);
    await ledgerIs(lesson, { chargedMinor: 5_000, commissionMinor: 1_000, tutorShareMinor: 4_000, paidOutMinor: 0, balanced: true });

    const parties = { bookingId: lesson.bookingId, studentId: mia.userId, tutorId: okafor.userId };
    const endedAt = platform.clock.now();
    await platform.happened(
      'LessonBooking',
      lesson.bookingId,
      event(booking.lessonCompleted, { ...parties, endedAt, actualSeconds: 3_600, endedBy: 'tutor', shortfall: 0 }),
    );
    await ledgerIs(lesson, { payoutPlannedMinor: 0 });
    platform.clock.advance(DAY + HOUR);
    await ledgerIs(lesson, { payoutPlannedMinor: 4_000 });
    await okafor.api.until('/tutors/earnings', ({ payouts: [first] }: { payouts: { status: string; reason: string | null }[] }) =>
      first?.status === 'Blocked' && first.reason === 'no_account' ? first : undefined,
    );

    const { url } = await okafor.api.post<{ url: string }>('/tutors/payout-account/onboarding-link');
    await fetch(url, { method: 'POST', redirect: 'manual' });
    await ledgerIs(lesson, { payoutPlannedMinor: 0, paidOutMinor: 4_000, balanced: true });
    expect(await okafor.api.get('/tutors/earnings')).toMatchObject({
      account: 'Active',
      totals: [{ currency: 'eur', lessons: 1, earnedMinor: 4_000, awaitingReleaseMinor: 0, paidOutMinor: 4_000, debtMinor: 0 }],
      payouts: [{ amountMinor: 4_000, status: 'Sent', reason: null }],
    });

    const wanted = { paymentId: lesson.paymentId, amount: 1_000, reason: 'half of it was cut off' };
    expect(await platform.internal('POST', '/internal/payments/refund', wanted)).toMatchObject([403, { code: 'acting_admin_required' }]);
    expect(await platform.internal('POST', '/internal/payments/refund', wanted, adminId)).toMatchObject([
      202,
      { refundId: expect.any(String) },
    ]);
    await ledgerIs(lesson, { refundedMinor: 1_000, commissionMinor: 800, tutorShareMinor: 3_200, reversedMinor: 800, balanced: true });
    await statusIs(lesson, 'partially_refunded');
    const [status, { months }] = await platform.internal<{ months: object[] }>('GET', '/internal/payments/commission-report');
    expect([status, months]).toMatchObject([
      200,
      [
        {
          currency: 'eur',
          payments: 1,
          chargedMinor: 5_000,
          returnedMinor: 1_000,
          commissionMinor: 800,
          tutorShareMinor: 3_200,
          paidOutMinor: 3_200,
        },
      ],
    ]);
  }, 60_000);

  it('may be declined, and gives the booking up the third time', async () => {
    const lesson = await reserve();
    for (let attempt = 1; attempt <= 3; attempt++) {
      const answer = await pay(lesson, { paymentMethodId: 'pm_card_chargeDeclinedInsufficientFunds' });
      expect(answer['declinedBecause']).toBe('insufficient_funds');
      await mia.api.until(`/payments/${lesson.paymentId}/status`, ({ attempts }: { attempts: number }) => attempts >= attempt);
    }
    await statusIs(lesson, 'canceled');
    expect(await refusal(pay(lesson))).toEqual([409, 'payment_over']);
    await ledgerIs(lesson, { chargedMinor: 0, commissionMinor: 0, tutorShareMinor: 0, balanced: true });
  }, 60_000);

  it('that has succeeded is told as such to whoever pays again before Stripe’s word has come', async () => {
    const lesson = await reserve();
    await world.operator.silenceStripe();
    const first = await pay(lesson, { paymentMethodId: 'pm_card_visa' });
    expect(await pay(lesson, { paymentMethodId: 'pm_card_visa' })).toEqual(first);
    expect(first).toMatchObject({ status: 'succeeded', declinedBecause: null });
    await world.operator.stripeIsBack();
    await statusIs(lesson, 'paid');
    await ledgerIs(lesson, { chargedMinor: 5_000, balanced: true });
  }, 60_000);

  it('is for the payer alone', async () => {
    const lesson = await reserve();
    await pay(lesson);
    await statusIs(lesson, 'awaiting_payment');
    const noah = newPerson(world, 'Noah');
    await join(world, noah, 'student', 'Europe/Berlin');
    expect(await refusal(noah.api.post('/payments/process', { bookingId: lesson.bookingId }))).toEqual([403, 'not_your_payment']);
    expect(await refusal(noah.api.get(`/payments/${lesson.paymentId}/status`))).toEqual([403, 'forbidden']);
    expect(await refusal(noah.api.post('/payments/process', { bookingId: newId() }))).toEqual([404, 'payment_not_found']);
    expect(await refusal(noah.api.get(`/payments/${newId()}/status`))).toEqual([404, 'not_found']);
    expect(await refusal(noah.api.post('/tutors/payout-account/onboarding-link'))).toEqual([403, 'forbidden']);
    expect(
      await refusal(mia.api.post('/payments/process', { bookingId: lesson.bookingId, amountMinor: 1, paymentMethodId: 'no' })),
    ).toEqual([400, 'validation_failed']);
    expect(await noah.api.get('/payments/history')).toEqual({ payments: [], next: null });
    expect(await noah.api.get('/payments/methods')).toEqual({ methods: [] });
  }, 60_000);

  it('is listed page by page, the newest first', async () => {
    const pages: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { payments: { paymentId: string }[]; next: string | null } = await mia.api.get(
        `/payments/history?limit=1${after === '' ? '' : `&after=${after}`}`,
      );
      pages.push(...page.payments.map(({ paymentId }) => paymentId));
      after = page.next;
    }
    const { payments } = await mia.api.get<{ payments: { paymentId: string }[] }>('/payments/history');
    expect(pages).toEqual(payments.map(({ paymentId }) => paymentId));
    expect(pages.length).toBe(4);
  });
});

describe('Moving money by hand', () => {
  it('releases a payment at once, for an administrator who answers for it', async () => {
    const lesson = await reserve();
    await pay(lesson, { paymentMethodId: 'pm_card_visa' });
    await statusIs(lesson, 'paid');
    const body = { paymentId: lesson.paymentId };
    expect(await platform.internal('POST', '/internal/payments/release', body, adminId)).toMatchObject([
      409,
      { code: 'lesson_not_earned' },
    ]);
    const parties = { bookingId: lesson.bookingId, studentId: mia.userId, tutorId: okafor.userId };
    const ended = { endedAt: platform.clock.now(), actualSeconds: 3_600, endedBy: 'tutor', shortfall: 0 } as const;
    await platform.happened('LessonBooking', lesson.bookingId, event(booking.lessonCompleted, { ...parties, ...ended }));
    expect(await platform.internal('POST', '/internal/payouts/schedule', body, adminId)).toMatchObject([
      409,
      { code: 'payment_not_released' },
    ]);
    expect(await platform.internal('POST', '/internal/payments/release', body)).toMatchObject([403, { code: 'acting_admin_required' }]);
    expect((await platform.internal('POST', '/internal/payments/release', body, adminId))[0]).toBe(200);
    await ledgerIs(lesson, { paidOutMinor: 4_000, balanced: true });
    expect((await platform.internal('POST', '/internal/payouts/schedule', body, adminId))[0]).toBe(200);
    await ledgerIs(lesson, { payoutPlannedMinor: 0, paidOutMinor: 4_000 });
  }, 60_000);

  it('shows a refund that failed, and tries it again', async () => {
    const lesson = await reserve();
    await pay(lesson, { paymentMethodId: 'pm_card_refundFail' });
    await statusIs(lesson, 'paid');
    const wanted = { paymentId: lesson.paymentId, amount: 1_000, reason: 'half of it was cut off' };
    const [, { refundId }] = await platform.internal<{ refundId: string }>('POST', '/internal/payments/refund', wanted, adminId);
    const failed = ({ questions }: { questions: { kind: string; subjectId: string; since: string }[] }) =>
      questions.find(({ kind, subjectId }) => kind === 'refund_failed' && subjectId === refundId);
    const first = await admin.until('/admin/payments/questions', failed);
    await statusIs(lesson, 'refund_requested');
    await admin.post(`/admin/payments/${lesson.paymentId}/refunds/${refundId}/retry`, { reason: 'the bank says try again' });
    // The card is one whose refunds always fail: the second attempt does so too.
    await admin.until('/admin/payments/questions', (answer: Parameters<typeof failed>[0]) => {
      const again = failed(answer);
      return again !== undefined && again.since > first.since ? again : undefined;
    });
    await ledgerIs(lesson, { returnedMinor: 1_000, refundedMinor: 0, balanced: true });
  }, 60_000);
});

describe('A webhook', () => {
  const body = JSON.stringify({
    id: 'evt_forged',
    object: 'event',
    type: 'payment_intent.succeeded',
    data: { object: { id: 'pi_forged', object: 'payment_intent' } },
  });
  const deliver = async (header: string, path = 'stripe'): Promise<number> =>
    (await fetch(`${world.publicUrl}/webhooks/${path}`, { method: 'POST', headers: { 'stripe-signature': header }, body })).status;
  const signed = (secret: string, secondsAgo = 0): string => {
    const time = Math.floor(Date.now() / 1000) - secondsAgo;
    return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
  };
  const events = () => platform.foundation.eventStore.read(streamOf('StripeEvent', stripeEventIdOf('evt_forged')));
  const secrets = () => platform.foundation.config.stripe;

  it('is taken for nothing without the signature of its endpoint, or when it is old', async () => {
    expect(await deliver('')).toBe(401);
    expect(await deliver(signed('whsec_wrong'))).toBe(401);
    expect(await deliver(signed(secrets().webhookSecret, 301))).toBe(401);
    expect(await deliver(signed(secrets().connectWebhookSecret))).toBe(401);
    expect(await deliver(signed(secrets().webhookSecret), 'stripe-connect')).toBe(401);
    expect(await events()).toEqual([]);
  });
  it('is in the log once, when it is answered', async () => {
    expect(await deliver(signed(secrets().webhookSecret))).toBe(200);
    expect(await deliver(signed(secrets().webhookSecret))).toBe(200);
    const [first, ...others] = await events();
    expect([first?.type, others.filter(({ type }) => type === 'StripeEventReceived')]).toEqual(['StripeEventReceived', []]);
    expect(first?.data).toEqual({
      stripeEventRef: followUpId('StripeEvent', 'evt_forged'),
      stripeEventId: 'evt_forged',
      eventType: 'payment_intent.succeeded',
      objectId: 'pi_forged',
    });
  });
});
