import { z } from 'zod';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { basisPoints, currency, minorUnits } from '../kernel/money.ts';

/** Whom a payment concerns: on every event, so that a consumer needs no other. The payer is not always the student. */
export const parties = { paymentId: uuid, bookingId: uuid, studentId: uuid, payerId: uuid, tutorId: uuid };

/** Key of a call to Stripe. It is in an event before the call, so that every retry sends the same one. */
export const idempotencyKey = z.string().min(1).max(255);
/** Id of an object at Stripe, such as `pi_…`. */
export const stripeId = z.string().min(1).max(255);
/** Reason code as Stripe or we spell it: never free text, never personal. */
export const code = z.string().min(1).max(100);

const instant = z.iso.datetime();
const money = { amount: minorUnits, currency };
const attempt = z.number().int().positive();
/** An earlier debt of the tutor and how much of it a payout pays back. */
export const nettedDebt = z.object({ debtId: uuid, paymentId: uuid, amount: minorUnits });

// The charge
export const paymentInitiated = defineEvent('PaymentInitiated', {
  sentence: 'A booked slot is to be paid: amount, commission and the keys of the calls to come are fixed.',
  schema: z.object({
    ...parties,
    gross: minorUnits,
    currency,
    feeBps: basisPoints,
    fee: minorUnits,
    tutorNet: minorUnits,
    customerKey: idempotencyKey,
    intentKey: idempotencyKey,
    intentCancelKey: idempotencyKey,
  }),
});
export const paymentKeysRenewed = defineEvent('PaymentKeysRenewed', {
  sentence: 'Stripe answered with an error of its own and has no PaymentIntent: the next attempt has new keys.',
  schema: z.object({ ...parties, attempt, customerKey: idempotencyKey, intentKey: idempotencyKey }),
});
export const paymentIntentCreated = defineEvent('PaymentIntentCreated', {
  sentence: 'Stripe holds a PaymentIntent that the payer can now confirm.',
  schema: z.object({ ...parties, customerId: stripeId, intentId: stripeId }),
});
export const paymentActionRequired = defineEvent('PaymentActionRequired', {
  sentence: "The payer's bank asks for one more step, such as 3-D Secure.",
  schema: z.object({ ...parties, intentId: stripeId }),
});
export const paymentProcessed = defineEvent('PaymentProcessed', {
  sentence: 'The money for the lesson has been captured.',
  schema: z.object({ ...parties, intentId: stripeId, chargeId: stripeId, gross: minorUnits, currency }),
});
export const paymentFailed = defineEvent('PaymentFailed', {
  sentence: 'An attempt to pay was declined; the third one is the last.',
  schema: z.object({ ...parties, intentId: stripeId, attemptRef: z.string(), code, attempt, lastAttempt: z.boolean() }),
});
export const paymentCanceled = defineEvent('PaymentCanceled', {
  sentence: 'The payment was called off before any money moved.',
  schema: z.object({ ...parties, reason: z.enum(['hold_expired', 'payment_failed', 'booking_ended', 'canceled_at_stripe']) }),
});
export const paymentMismatchDetected = defineEvent('PaymentMismatchDetected', {
  sentence: 'Stripe reports another amount or currency than ours: the money is held until somebody has looked.',
  schema: z.object({
    ...parties,
    objectId: stripeId,
    expectedAmount: minorUnits,
    expectedCurrency: currency,
    actualAmount: minorUnits,
    actualCurrency: z.string(),
  }),
});
export const paymentMismatchCleared = defineEvent('PaymentMismatchCleared', {
  sentence: 'Somebody has looked into a difference with Stripe and answers for it.',
  schema: z.object(parties),
});

// Money back to the payer
const shares = { tutorShare: minorUnits, feeShare: minorUnits };
export const refundRequested = defineEvent('RefundRequested', {
  sentence: 'Money is to go back to the payer; from now on it is neither the tutor’s nor ours.',
  schema: z.object({
    ...parties,
    refundId: uuid,
    intentId: stripeId,
    ...money,
    ...shares,
    reason: z.enum(['booking_outcome', 'by_admin', 'made_in_stripe']),
    attempt,
    idempotencyKey,
  }),
});
export const refundAccepted = defineEvent('RefundAccepted', {
  sentence: 'Stripe took a refund on; it has not reached the payer yet.',
  schema: z.object({ ...parties, refundId: uuid, stripeRefundId: stripeId }),
});
export const paymentRefunded = defineEvent('PaymentRefunded', {
  sentence: 'A refund went through.',
  schema: z.object({ ...parties, refundId: uuid, stripeRefundId: stripeId, ...money, refundedInFull: z.boolean() }),
});
export const refundFailed = defineEvent('RefundFailed', {
  sentence: 'A refund did not reach the payer, who is still owed it.',
  schema: z.object({ ...parties, refundId: uuid, ...money, code, stripeRefundId: stripeId.optional() }),
});
export const chargebackOpened = defineEvent('ChargebackOpened', {
  sentence: "The payer's bank disputes the charge: everything about this payment waits.",
  schema: z.object({ ...parties, disputeId: stripeId, ...money }),
});
export const chargebackWon = defineEvent('ChargebackWon', {
  sentence: 'The bank decided for us; the money stays.',
  schema: z.object({ ...parties, disputeId: stripeId, ...money }),
});
export const chargebackLost = defineEvent('ChargebackLost', {
  sentence: 'The bank took the money back. What exceeds the part still kept is the platform’s loss.',
  schema: z.object({ ...parties, disputeId: stripeId, ...money, chargedBack: minorUnits, ...shares, platformLoss: minorUnits }),
});

// Money to the tutor
const payout = { ...parties, payoutId: uuid };
export const paymentReleased = defineEvent('PaymentReleased', {
  sentence: 'The lesson is over and undisputed: the tutor has earned what is kept less the commission.',
  schema: z.object({ ...parties, gross: minorUnits, returned: minorUnits, fee: minorUnits, tutorNet: minorUnits, currency }),
});
export const payoutNetted = defineEvent('PayoutNetted', {
  sentence: 'Part of what the tutor earned pays back earlier debts.',
  schema: z.object({ ...parties, ...money, debts: z.array(nettedDebt) }),
});
export const tutorPayoutScheduled = defineEvent('TutorPayoutScheduled', {
  sentence: 'The tutor is to be sent this amount at this time.',
  schema: z.object({ ...payout, ...money, dueAt: instant, idempotencyKey }),
});
export const tutorPayoutSent = defineEvent('TutorPayoutSent', {
  sentence: 'The money was moved to the tutor’s account at Stripe; their bank has not confirmed it yet.',
  schema: z.object({ ...payout, ...money, transferId: stripeId }),
});
export const payoutFailed = defineEvent('PayoutFailed', {
  sentence: 'Stripe refused the transfer; without a time for the next attempt a person has to look.',
  schema: z.object({ ...payout, code, attempt, retryAt: instant.optional(), nextKey: idempotencyKey }),
});
export const payoutBlocked = defineEvent('PayoutBlocked', {
  sentence: 'The payout waits, and the tutor can see for what.',
  schema: z.object({ ...payout, reason: z.enum(['no_account', 'payouts_disabled', 'dispute', 'mismatch']) }),
});
export const payoutUnblocked = defineEvent('PayoutUnblocked', {
  sentence: 'What a payout waited for has come.',
  schema: z.object(payout),
});
export const payoutCanceled = defineEvent('PayoutCanceled', {
  sentence: 'A payout was called off before it was sent.',
  schema: z.object({ ...payout, ...money, reason: z.enum(['by_admin', 'refund', 'chargeback', 'another_sent']) }),
});
export const tutorPayoutPaid = defineEvent('TutorPayoutPaid', {
  sentence: 'The money arrived at the tutor’s bank.',
  schema: z.object({ ...payout, ...money, bankPayoutId: stripeId }),
});
export const tutorBankPayoutFailed = defineEvent('TutorBankPayoutFailed', {
  sentence: 'The tutor’s bank turned the money away; it lies in their account at Stripe.',
  schema: z.object({ ...payout, bankPayoutId: stripeId, code }),
});

// Money back from the tutor
const reversal = { ...parties, reversalId: uuid };
export const transferReversalRequested = defineEvent('TransferReversalRequested', {
  sentence: 'The tutor holds more than they are owed: the difference is to be taken back.',
  schema: z.object({ ...reversal, payoutId: uuid, transferId: stripeId, ...money, attempt, idempotencyKey }),
});
export const transferReversed = defineEvent('TransferReversed', {
  sentence: 'Money was taken back from the tutor’s account at Stripe.',
  schema: z.object({ ...reversal, stripeReversalId: stripeId, ...money }),
});
export const transferReversalFailed = defineEvent('TransferReversalFailed', {
  sentence: 'Money could not be taken back; after the last attempt it becomes a debt.',
  schema: z.object({ ...reversal, code, attempt, retryAt: instant.optional(), nextKey: idempotencyKey }),
});
export const tutorDebtRecorded = defineEvent('TutorDebtRecorded', {
  sentence: 'The tutor owes us this amount; the next payouts pay it back.',
  schema: z.object({ ...parties, debtId: uuid, ...money }),
});
export const tutorDebtSettled = defineEvent('TutorDebtSettled', {
  sentence: 'A later payout paid back part or all of a debt.',
  schema: z.object({ ...parties, debtId: uuid, ...money, byPaymentId: uuid }),
});

export const paymentEvents = [
  paymentInitiated,
  paymentKeysRenewed,
  paymentIntentCreated,
  paymentActionRequired,
  paymentProcessed,
  paymentFailed,
  paymentCanceled,
  paymentMismatchDetected,
  paymentMismatchCleared,
  refundRequested,
  refundAccepted,
  paymentRefunded,
  refundFailed,
  chargebackOpened,
  chargebackWon,
  chargebackLost,
  paymentReleased,
  payoutNetted,
  tutorPayoutScheduled,
  tutorPayoutSent,
  payoutFailed,
  payoutBlocked,
  payoutUnblocked,
  payoutCanceled,
  tutorPayoutPaid,
  tutorBankPayoutFailed,
  transferReversalRequested,
  transferReversed,
  transferReversalFailed,
  tutorDebtRecorded,
  tutorDebtSettled,
] as const;

export type PaymentEvent = EventOf<typeof paymentEvents>;
