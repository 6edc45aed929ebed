import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { adultStarted, miaReady } from '#domain/identity/student-profile.examples.ts';
import { command, type Actor } from '#domain/kernel/command.ts';
import { DAY, HOUR, MINUTE, plus } from '#domain/kernel/time.ts';
import { completed, mia, miaBooksOkafor, okafor, started, wednesdayAtFour } from '#domain/lessons/lesson-booking.examples.ts';
import { bookLesson, failBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { hoursSet } from '#domain/lessons/tutor-calendar.examples.ts';
import { established, miaAndOkafor } from '#domain/matching/student-tutor-match.examples.ts';
import { paymentIdOf, requestRefund } from '#domain/payments/payment-commands.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import { startPayoutOnboarding, tutorPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import { profileStarted, published } from '#domain/tutoring/tutor-profile.examples.ts';
import { startStripeHarness } from '#infra/embedded/stripe/harness.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MoneyWorld, type Ending, type MoneyWorldParts } from './money-world.ts';

interface Circumstances extends Pick<MoneyWorldParts, 'between'> {
  readonly dying: boolean;
}
const CALM: Circumstances = { dying: false };
const DYING: Circumstances = { dying: true };
const nameOf = (story: Story, { dying, between }: Circumstances) =>
  `${story}, ${dying ? 'dying' : 'calm'}, ${between === undefined ? 'seeing' : 'blind'}`;

/** Between an effect and Stripe: finds nothing of what was done, and takes a new key for every call. */
const blind: NonNullable<MoneyWorldParts['between']> = (stripe) =>
  new Proxy(stripe, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      if (String(name).startsWith('find')) return async () => [];
      const keyed = String(name).startsWith('create');
      return (...args: unknown[]) => Reflect.apply(method, target, keyed ? [...args.slice(0, -1), randomUUID()] : args);
    },
  });

const { tutorId, studentId } = miaBooksOkafor;
const { startsAt, endsAt } = wednesdayAtFour;
const admin: Actor = { role: 'admin', userId: '01939a00-0000-7000-8000-0000000000ad' };
const bookingOf = (nth: number) => `01939a00-0000-7000-8000-0000000000e${nth}`;

/** A Stripe of its own, and people who are ready for a lesson; they got so without anybody dying. */
async function withWorld<T>({ dying, between }: Circumstances, tell: (world: MoneyWorld, atStripe: AtStripe) => Promise<T>): Promise<T> {
  const harness = await startStripeHarness();
  try {
    const { database } = await postgres.create();
    const world = new MoneyWorld({ database, harness, ...(between === undefined ? {} : { between }) });
    await world.given('StudentProfile', studentId, adultStarted, miaReady);
    await world.given('TutorProfile', tutorId, profileStarted, published);
    await world.given('StudentTutorMatch', miaAndOkafor.matchId, established);
    await world.given('TutorCalendar', tutorId, hoursSet);
    await world.settles();
    world.dying = dying;
    return await tell(world, new AtStripe(world, harness));
  } finally {
    await harness.stop();
  }
}

/** What people do at Stripe. */
class AtStripe {
  constructor(
    private readonly world: MoneyWorld,
    readonly harness: Awaited<ReturnType<typeof startStripeHarness>>,
  ) {}

  /** The tutor fills in what Stripe asks. */
  async onboards(): Promise<void> {
    const { accountId } = (await this.world.load(tutorPayoutAccount, tutorId)).state;
    await this.harness.control('POST', `accounts/${accountId}/onboard`);
    await this.world.settles();
  }

  /** Mia pays with a card; a declined one throws at her browser, not at us. */
  async pays(bookingId: string, card: string): Promise<void> {
    const { intentId } = (await this.world.load(paymentTransaction, paymentIdOf(bookingId))).state;
    await this.harness.stripe.paymentIntents.confirm(intentId!, { payment_method: card }).catch(() => undefined);
    await this.world.settles();
  }
}

const books = (world: MoneyWorld, bookingId: string, at: string) =>
  world.does(command(bookLesson, { bookingId, studentId, tutorId, subject: 'mathematics', startsAt: at, minutes: 60 }), mia);

const stories = {
  'a lesson that is paid, held and paid out, and refunded in part': async (world: MoneyWorld, atStripe: AtStripe) => {
    await world.does(command(startPayoutOnboarding, { tutorId }), okafor);
    await atStripe.onboards();
    const bookingId = bookingOf(1);
    await books(world, bookingId, startsAt);
    await atStripe.pays(bookingId, 'pm_card_visa');
    await world.waitsUntil(endsAt);
    await world.given('LessonBooking', bookingId, started, completed);
    await world.settles();
    await world.waitsUntil(plus(endsAt, DAY + MINUTE));
    await world.does(command(requestRefund, { paymentId: paymentIdOf(bookingId), refundId: bookingOf(9), amount: 1_000 }), admin);
  },
  'a lesson whose payment is declined three times': async (world: MoneyWorld, atStripe: AtStripe) => {
    await books(world, bookingOf(2), startsAt);
    for (let attempt = 1; attempt <= 3; attempt++) await atStripe.pays(bookingOf(2), 'pm_card_visa_chargeDeclined');
  },
  'a lesson that is paid when it has failed already': async (world: MoneyWorld, atStripe: AtStripe) => {
    const bookingId = bookingOf(3);
    await books(world, bookingId, plus(startsAt, 2 * HOUR));
    const { intentId } = (await world.load(paymentTransaction, paymentIdOf(bookingId))).state;
    await atStripe.harness.stripe.paymentIntents.confirm(intentId!, { payment_method: 'pm_card_visa' });
    await world.does(command(failBooking, { bookingId, reason: 'payment_failed' }));
  },
};
type Story = keyof typeof stories;
const OF_THE_BLIND: Story = 'a lesson that is paid when it has failed already';

const WORLDS: readonly (readonly [Story, Circumstances])[] = [
  ...(Object.keys(stories) as Story[]).flatMap((story) => [CALM, DYING].map((each) => [story, each] as const)),
  ...[CALM, DYING].map((each) => [OF_THE_BLIND, { ...each, between: blind }] as const),
];

let postgres: DisposableServer;
/** All worlds go on beside each other: much of their time is waiting. */
const endings = new Map<string, Promise<Ending>>();
beforeAll(async () => {
  postgres = await disposableServer();
  for (const [story, circumstances] of WORLDS) {
    const ending = withWorld(circumstances, async (world, atStripe) => {
      await stories[story](world, atStripe);
      return world.ending();
    });
    // Whoever asks for the ending hears of it.
    ending.catch(() => undefined);
    endings.set(nameOf(story, circumstances), ending);
  }
}, 60_000);
afterAll(async () => {
  await Promise.allSettled(endings.values());
  await postgres.dispose();
}, 120_000);
const endingOf = (story: Story, circumstances: Circumstances) => endings.get(nameOf(story, circumstances));

describe.each<[Story, Omit<Ending['ledger'][number], 'bookingId'>]>([
  ['a lesson that is paid, held and paid out, and refunded in part', { charged: 4_000, refunded: 1_000, withTutor: 2_400 }],
  ['a lesson whose payment is declined three times', { charged: 0, refunded: 0, withTutor: 0 }],
  ['a lesson that is paid when it has failed already', { charged: 4_000, refunded: 4_000, withTutor: 0 }],
])('The money of %s', (story, money) => {
  it('is with us as at Stripe', async () => {
    const { ledger, atStripe } = (await endingOf(story, CALM))!;
    expect(ledger).toMatchObject([money]);
    expect(atStripe).toEqual(ledger);
  }, 60_000);
  it('is the same, and so is all that happened, when every answer is lost once', async () => {
    expect(await endingOf(story, DYING)).toEqual(await endingOf(story, CALM));
  }, 120_000);
});

describe('An effect that does not look before it acts', () => {
  it(
    'ends well as long as nobody dies',
    async () => expect(await endingOf(OF_THE_BLIND, { ...CALM, between: blind })).toEqual(await endingOf(OF_THE_BLIND, CALM)),
    60_000,
  );
  it('is found when every answer is lost once', async () => {
    const { streams } = (await endingOf(OF_THE_BLIND, { ...DYING, between: blind }))!;
    // It tried to give the money back twice.
    expect(JSON.stringify(streams)).toContain('charge_already_refunded');
    expect(streams).not.toEqual((await endingOf(OF_THE_BLIND, CALM))!.streams);
  }, 120_000);
});
