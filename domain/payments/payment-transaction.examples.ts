import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { MONDAY_NOON } from '../kernel/given-when-then.ts';
import { followUpId } from '../kernel/ids.ts';
import { paymentIdOf } from './payment-commands.ts';
import * as events from './payment-events.ts';

/** A believable payment: Mia pays 41.99 for a lesson with Mr Okafor, of which 8.40 are the platform's. */
const bookingId = '01939a00-0000-7000-8000-0000000000d1';
const paymentId = paymentIdOf(bookingId);
const studentId = '01939a00-0000-7000-8000-0000000000a1';
const tutorId = '01939a00-0000-7000-8000-0000000000b1';
export const parties = { paymentId, bookingId, studentId, payerId: studentId, tutorId };

export const payer: Actor = { role: 'student', userId: studentId };
export const theTutor: Actor = { role: 'tutor', userId: tutorId };
export const administrator: Actor = { role: 'admin', userId: '01939a00-0000-7000-8000-0000000000e1' };
export const nobodyInParticular: Actor = { role: 'internal' };

export const price = { gross: 4199, currency: 'usd', feeBps: 2000 } as const;
export const asked = { amount: 4199, currency: 'usd' } as const;
export const quoted = { studentId, payerId: studentId, tutorId, ...price };
export const intentId = 'pi_mia';
export const chargeId = 'ch_mia';

export const initiated = event(events.paymentInitiated, {
  ...parties,
  ...price,
  fee: 840,
  tutorNet: 3359,
  customerKey: `cus:${studentId}`,
  intentKey: `pi:${paymentId}`,
  intentCancelKey: `pic:${paymentId}`,
});
export const intentCreated = event(events.paymentIntentCreated, { ...parties, customerId: 'cus_mia', intentId });
export const processed = event(events.paymentProcessed, { ...parties, intentId, chargeId, gross: 4199, currency: 'usd' });
export const declined = (attempt: number) =>
  event(events.paymentFailed, {
    ...parties,
    intentId,
    attemptRef: `ch_declined_${attempt}`,
    code: 'card_declined',
    attempt,
    lastAttempt: attempt === 3,
  });
export const canceled = event(events.paymentCanceled, { ...parties, reason: 'hold_expired' });

export const refundId = '01939a00-0000-7000-8000-0000000000f1';
/** Ten dollars back: recomputed from what is kept, the tutor bears 8.00 and the platform 2.00. */
export const tenBack = event(events.refundRequested, {
  ...parties,
  refundId,
  intentId,
  amount: 1000,
  currency: 'usd',
  tutorShare: 800,
  feeShare: 200,
  reason: 'by_admin',
  attempt: 1,
  idempotencyKey: `re:${refundId}`,
});
export const tenRefunded = event(events.paymentRefunded, {
  ...parties,
  refundId,
  stripeRefundId: 're_ten',
  amount: 1000,
  currency: 'usd',
  refundedInFull: false,
});
export const tenNotRefunded = event(events.refundFailed, { ...parties, refundId, amount: 1000, currency: 'usd', code: 'expired_card' });

export const released = event(events.paymentReleased, {
  ...parties,
  gross: 4199,
  returned: 0,
  fee: 840,
  tutorNet: 3359,
  currency: 'usd',
});
export const nthPayout = (nth: number) => followUpId('Payout', paymentId, String(nth));
export const payoutId = nthPayout(0);
export const payoutScheduled = event(events.tutorPayoutScheduled, {
  ...parties,
  payoutId,
  amount: 3359,
  currency: 'usd',
  dueAt: MONDAY_NOON,
  idempotencyKey: `tr:${payoutId}`,
});
export const payoutSent = event(events.tutorPayoutSent, { ...parties, payoutId, amount: 3359, currency: 'usd', transferId: 'tr_okafor' });
export const payoutBlocked = (reason: 'no_account' | 'payouts_disabled' | 'dispute' | 'mismatch') =>
  event(events.payoutBlocked, { ...parties, payoutId, reason });
export const payoutUnblocked = event(events.payoutUnblocked, { ...parties, payoutId });
export const payoutPaid = event(events.tutorPayoutPaid, { ...parties, payoutId, amount: 3359, currency: 'usd', bankPayoutId: 'po_okafor' });

export const chargebackOpened = event(events.chargebackOpened, { ...parties, disputeId: 'dp_mia', amount: 4199, currency: 'usd' });
export const chargebackLost = event(events.chargebackLost, {
  ...parties,
  disputeId: 'dp_mia',
  amount: 4199,
  currency: 'usd',
  chargedBack: 4199,
  tutorShare: 3359,
  feeShare: 840,
  platformLoss: 0,
});

/** A payment up to the money being there. */
export const paid = [initiated, intentCreated, processed] as const;
/** A payment whose payout waits to be sent. */
export const scheduled = [...paid, released, payoutScheduled] as const;
/** A payment whose tutor has been sent their part. */
export const sent = [...scheduled, payoutSent] as const;
