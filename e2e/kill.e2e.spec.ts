import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { play, type Ending, type Variant } from '#app/demo/story.ts';
import { freePort } from '#infra/embedded/loopback.ts';
import { Evidence } from './evidence.ts';
import { KilledApp, nameOf, type Moment } from './killed-app.ts';

/** From registration to payout: behind each call to Stripe, and between an event and what follows from it. */
const LESSON: readonly Moment[] = [
  { event: 'EmailReserved' },
  { told: 'writes his profile' },
  { event: 'ReviewRequested' },
  { event: 'TutorApproved' },
  { stripe: '/v1/accounts' },
  { event: 'ParentConsentGranted' },
  { event: 'ConnectionAccepted' },
  { told: 'agree on a time' },
  { event: 'SlotHeld' },
  { stripe: '/v1/customers' },
  { stripe: '/v1/payment_intents' },
  { stripe: '/v1/payment_intents/*/confirm' },
  { event: 'StripeEventReceived', where: { eventType: 'payment_intent.succeeded' } },
  { event: 'SlotConfirmed' },
  { event: 'BothParticipantsJoined' },
  { event: 'LessonCompleted' },
  { stripe: '/v1/transfers' },
];
/** The third decline: the charge is called off at Stripe, and the platform does not hear of it. */
const DECLINED: readonly Moment[] = [{ stripe: '/v1/payment_intents/*/cancel' }];
/** The time was lost after payment: before the refund, and when Stripe has made it. */
const LOST_SLOT: readonly Moment[] = [{ event: 'BookingFailed' }, { stripe: '/v1/refunds' }];

let dir: string;
let app: KilledApp;
let deaths: string[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kill-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  app = await KilledApp.start(dir, {
    PUBLIC_PORT: String(await freePort()),
    INTERNAL_PORT: String(await freePort()),
    LOG_LEVEL: 'silent',
    RATE_LIMIT_PER_IP: '0',
    RATE_LIMIT_PER_CALLER: '0',
    RATE_LIMIT_STRICT: '0',
  });
}, 60_000);
afterAll(async () => {
  await app?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function playAndKill(variant: Variant, moments: readonly Moment[]): Promise<Ending> {
  const { publicUrl, admin } = app.addresses;
  const world = { publicUrl, operator: app.operator, run: `${variant}-${Date.now().toString(36)}` };
  return app.during(
    moments,
    () => play(variant, world, admin, (sentence) => app.tell(sentence)),
    (moment) => deaths.push(nameOf(moment)),
  );
}

/** How many there are at Stripe, and how many of each status where that matters. */
async function atStripe(evidence: Evidence): Promise<Record<string, number>> {
  const count = async (kind: string) => (await evidence.stripeObjects(kind)).length;
  const charges = await evidence.stripeObjects('charge');
  const intents = await evidence.stripeObjects('payment_intent');
  return {
    accounts: await count('account'),
    customers: await count('customer'),
    intents: intents.length,
    canceledIntents: intents.filter(({ status }) => status === 'canceled').length,
    charges: charges.filter(({ status }) => status === 'succeeded').length,
    refunds: await count('refund'),
    transfers: await count('transfer'),
    reversals: await count('transfer_reversal'),
  };
}

/** Nothing waits, nothing was given up, no time is held, and of each mail that was sent exactly one has come. */
async function expectNothingLeft(evidence: Evidence): Promise<void> {
  await evidence.settled();
  expect(await evidence.parked()).toEqual([]);
  expect(await evidence.heldSlots()).toEqual([]);
  const events = await evidence.events();
  const recorded = events.filter(({ type }) => type === 'MailSent').map(({ data }) => (data as { deliveryId: string }).deliveryId);
  const received = (await evidence.mails()).map(({ tags }) => tags['deliveryId']);
  expect(received.toSorted()).toEqual(recorded.toSorted());
  expect(new Set(received).size).toBe(received.length);
}

describe.each([
  ['lesson', LESSON, { accounts: 1, customers: 1, intents: 1, charges: 1, transfers: 1 }],
  ['declined', DECLINED, { accounts: 1, customers: 1, intents: 1, canceledIntents: 1 }],
  ['lost-slot', LOST_SLOT, { accounts: 1, customers: 2, intents: 2, charges: 2, refunds: 1 }],
] as const)('The story %s, with the system killed on the way', (variant, moments, made) => {
  it('ends as it should, with nothing lost and nothing done twice', async () => {
    deaths = [];
    const earlier = await withEvidence(atStripe);
    const ending = await playAndKill(variant, moments);
    expect(ending).toMatchObject({ faults: [] });
    expect(deaths).toEqual(moments.map(nameOf));
    await withEvidence(async (evidence) => {
      await expectNothingLeft(evidence);
      const now = Object.entries(await atStripe(evidence)).map(([kind, count]) => [kind, count - earlier[kind]!] as const);
      expect(Object.fromEntries(now.filter(([, count]) => count !== 0))).toEqual(made);
    });
  }, 300_000);
});

it('is killed at twenty moments', () => expect(LESSON.length + DECLINED.length + LOST_SLOT.length).toBe(20));

async function withEvidence<T>(look: (evidence: Evidence) => Promise<T>): Promise<T> {
  const evidence = new Evidence(app.addresses, app.operator);
  try {
    return await look(evidence);
  } finally {
    await evidence.close();
  }
}
