import { describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#infra/event-store/reading.ts';
import type { LedgerRow } from '#projections/payments/ledger.ts';
import { Judge, type Findings } from './random-kills-judge.ts';

const [bookingId, paymentId, refundId, payoutId] = ['booking', 'payment', 'refund', 'payout'];
const slot = { bookingId, blockedFrom: '2026-11-23T12:00:00.000Z', blockedTo: '2026-11-23T13:10:00.000Z' };
const metadata = { paymentId };

/** What was done by one command each, by stream. */
const STORY: readonly (readonly [string, string, object])[] = [
  ['LessonBooking-booking', 'BookingInitiated', { bookingId }],
  ['TutorCalendar-tutor', 'SlotHeld', slot],
  ['LessonBooking-booking', 'TimeSlotReserved', { bookingId }],
  ['PaymentTransaction-payment', 'PaymentInitiated', { paymentId, bookingId }],
  ['PaymentTransaction-payment', 'PaymentIntentCreated', { paymentId, bookingId, intentId: 'pi_1' }],
  ['PaymentTransaction-payment', 'PaymentProcessed', { paymentId, bookingId, intentId: 'pi_1', chargeId: 'ch_1', gross: 4_000 }],
  ['TutorCalendar-tutor', 'SlotConfirmed', { bookingId }],
  ['LessonBooking-booking', 'LessonConfirmed', { bookingId }],
  ['LessonBooking-booking', 'LessonCompleted', { bookingId }],
  ['PaymentTransaction-payment', 'RefundRequested', { paymentId, bookingId, refundId, attempt: 1, amount: 1_001 }],
  ['PaymentTransaction-payment', 'PaymentRefunded', { paymentId, bookingId, refundId, stripeRefundId: 're_1', amount: 1_001 }],
  ['PaymentTransaction-payment', 'PaymentReleased', { paymentId, bookingId }],
  ['PaymentTransaction-payment', 'TutorPayoutScheduled', { paymentId, bookingId, payoutId, amount: 2_399 }],
  ['PaymentTransaction-payment', 'TutorPayoutSent', { paymentId, bookingId, payoutId, transferId: 'tr_1', amount: 2_399 }],
  ['MailDelivery-mail', 'MailAttempted', { deliveryId: 'mail' }],
  ['MailDelivery-mail', 'MailSent', { deliveryId: 'mail' }],
];

function logOf(story: typeof STORY): StoredEvent[] {
  const revisions = new Map<string, number>();
  return story.map(([streamId, type, data], place) => {
    const revision = revisions.get(streamId) ?? 0;
    revisions.set(streamId, revision + 1);
    return {
      id: `event-${place}`,
      streamId,
      type,
      revision: BigInt(revision),
      data,
      metadata: { commandId: `command-${place}` },
      created: new Date(0),
    };
  });
}

const LEDGER = {
  bookingId,
  paymentId,
  chargedMinor: 4_000,
  returnedMinor: 1_001,
  refundedMinor: 1_001,
  commissionMinor: 600,
  tutorShareMinor: 2_399,
  payoutPlannedMinor: 0,
  paidOutMinor: 2_399,
  reversedMinor: 0,
} as LedgerRow;
const GOOD: Findings = {
  events: logOf(STORY),
  ledger: [LEDGER],
  mails: [{ to: [], subject: '', text: '', tags: { deliveryId: 'mail' } }],
  receipts: { requests: [], acceptances: [], bookings: [bookingId!], refunds: [refundId!], endings: [bookingId!] },
  stripe: {
    payment_intent: [{ id: 'pi_1', status: 'succeeded', metadata }],
    charge: [{ id: 'ch_1', status: 'succeeded', payment_intent: 'pi_1', amount: 4_000 }],
    refund: [{ id: 're_1', status: 'succeeded', payment_intent: 'pi_1', amount: 1_001, metadata }],
    transfer: [{ id: 'tr_1', amount: 2_399, metadata }],
    transfer_reversal: [],
  },
};

/** A verification mail of which it is not known whether it went out. */
const UNANSWERED = [
  'MailDelivery-unanswered',
  'MailAttempted',
  { deliveryId: 'unanswered', template: 'verify-email', recipientId: 'user' },
] as const;

const without = (...types: readonly string[]) => logOf(STORY.filter(([, type]) => !types.includes(type)));
const andAgain = (type: string, change: object = {}) =>
  logOf(STORY.flatMap((each) => (each[1] === type ? [each, [each[0], each[1], { ...each[2], ...change }] as const] : [each])));
const byOneCommand = (...types: readonly string[]) =>
  GOOD.events.map((each) => (types.includes(each.type) ? { ...each, metadata: { commandId: 'one' } } : each));
const atStripe = (kind: keyof Findings['stripe'], change: (objects: readonly object[]) => readonly object[]): Findings => ({
  ...GOOD,
  stripe: { ...GOOD.stripe, [kind]: change(GOOD.stripe[kind]) },
});
const inLedger = (change: Partial<LedgerRow>): Findings => ({ ...GOOD, ledger: [{ ...LEDGER, ...change }] });

describe('The judge of the random kills', () => {
  it('finds nothing where all is well', () => expect(new Judge(GOOD).judge()).toEqual([]));

  it('finds nothing in a verification that nobody waits for any more', () => {
    const events = logOf([...STORY, UNANSWERED, ['UserAccount-user', 'AccountRegistrationExpired', { userId: 'user' }]]);
    expect(new Judge({ ...GOOD, events }).judge()).toEqual([]);
  });

  it.each<[string, Findings]>([
    ['a booking that was answered is not there', { ...GOOD, receipts: { ...GOOD.receipts, bookings: ['booking', 'lost'] } }],
    ['a booking is there that nobody heard of', { ...GOOD, receipts: { ...GOOD.receipts, bookings: [] } }],
    ['a refund was answered and is not there', { ...GOOD, receipts: { ...GOOD.receipts, refunds: ['refund', 'lost'] } }],
    ['a step is on record twice', { ...GOOD, events: andAgain('TimeSlotReserved') }],
    ['a command was carried out twice', { ...GOOD, events: byOneCommand('PaymentInitiated', 'PaymentReleased') }],
    ['a booking has no end', { ...GOOD, events: without('LessonConfirmed') }],
    ['a slot is still held', { ...GOOD, events: without('SlotConfirmed') }],
    ['an hour is sold twice', { ...GOOD, events: andAgain('SlotHeld', { blockedFrom: '2026-11-23T12:30:00.000Z' }) }],
    ['a payment was charged and not recorded', { ...GOOD, events: without('PaymentProcessed') }],
    ['a payment was charged twice', atStripe('charge', (made) => [...made, { ...made[0], id: 'ch_2' }])],
    ['there are two PaymentIntents', atStripe('payment_intent', (made) => [...made, { id: 'pi_2', status: 'canceled', metadata }])],
    ['a PaymentIntent belongs to no payment', atStripe('payment_intent', (made) => [...made, { id: 'pi_2', status: 'succeeded' }])],
    ['a refund was made twice', atStripe('refund', (made) => [...made, { ...made[0], id: 're_2' }])],
    ['a refund was not made', atStripe('refund', () => [])],
    ['a refund is of another amount', atStripe('refund', ([made]) => [{ ...made, amount: 1_000 }])],
    ['a tutor was paid twice', atStripe('transfer', (made) => [...made, { ...made[0], id: 'tr_2' }])],
    ['a tutor was not paid', { ...GOOD, events: without('TutorPayoutSent') }],
    ['money was taken back that nobody asked for', atStripe('transfer_reversal', () => [{ id: 'trr_1', amount: 1, metadata }])],
    ['the ledger has no entry', { ...GOOD, ledger: [] }],
    ['a cent is divided otherwise', inLedger({ commissionMinor: 599, tutorShareMinor: 2_400 })],
    ['a cent belongs to nobody', inLedger({ tutorShareMinor: 2_398 })],
    ['a payout is still planned', inLedger({ payoutPlannedMinor: 1 })],
    ['a mail came twice', { ...GOOD, mails: [...GOOD.mails, ...GOOD.mails] }],
    ['a mail did not come', { ...GOOD, mails: [] }],
    ['nobody knows what became of a mail', { ...GOOD, mails: [], events: without('MailSent') }],
    ['nobody knows what became of a verification', { ...GOOD, events: logOf([...STORY, UNANSWERED]) }],
  ])('sees that %s', (_what, findings) => expect(new Judge(findings).judge()).not.toEqual([]));
});
