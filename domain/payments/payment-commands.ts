import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { followUpId, uuid } from '../kernel/ids.ts';
import { basisPoints, currency, minorUnits } from '../kernel/money.ts';
import { code, nettedDebt, parties, paymentCanceled, payoutBlocked, stripeId } from './payment-events.ts';

/** The payment of a booking: there is exactly one. */
export function paymentIdOf(bookingId: string): string {
  return followUpId('PaymentTransaction', bookingId);
}

const target = z.object({ paymentId: uuid });
const instant = z.iso.datetime();
/** What Stripe says of an amount; its currency may be one that we do not know. */
const reported = { amount: minorUnits, currency: z.string().min(3).max(3) };

// The charge
export const initiatePayment = defineCommand('InitiatePayment', {
  sentence: 'Fix what a reserved booking costs and who earns what of it.',
  data: target.extend({ bookingId: uuid }),
  facts: z.object({
    /** The booking's quote while it waits for payment; null when it waits for none. */
    toPay: z.object({ studentId: uuid, payerId: uuid, tutorId: uuid, gross: minorUnits, currency, feeBps: basisPoints }).nullable(),
  }),
});
export const processPayment = defineCommand('ProcessPayment', {
  sentence: 'Continue to pay: the payer may be shown the PaymentIntent.',
  data: target,
});
export const renewPaymentKeys = defineCommand('RenewPaymentKeys', {
  sentence: 'Give the next attempt to open a PaymentIntent new keys, after it was proven that none exists.',
  data: target.extend({ attempt: z.number().int().min(2) }),
});
export const recordPaymentIntent = defineCommand('RecordPaymentIntent', {
  sentence: 'Record that Stripe has a PaymentIntent for this payment.',
  data: target.extend({ customerId: stripeId, intentId: stripeId, ...reported }),
});
export const recordPaymentActionRequired = defineCommand('RecordPaymentActionRequired', {
  sentence: 'Record that the payer has to take one more step.',
  data: target.extend({ intentId: stripeId }),
});
export const recordPaymentProcessed = defineCommand('RecordPaymentProcessed', {
  sentence: 'Record that the charge succeeded.',
  data: target.extend({ intentId: stripeId, chargeId: stripeId, ...reported }),
});
export const recordPaymentFailed = defineCommand('RecordPaymentFailed', {
  sentence: 'Record a declined attempt; `attemptRef` tells one attempt from another.',
  data: target.extend({ intentId: stripeId, attemptRef: z.string().min(1).max(255), code }),
});
export const cancelPayment = defineCommand('CancelPayment', {
  sentence: 'Call a payment off for which no money has come.',
  data: target.extend({
    /** The PaymentIntent that was called off at Stripe before; none when none is on record. */
    intentId: stripeId.optional(),
    reason: paymentCanceled.schema.shape.reason,
  }),
});
export const clearPaymentMismatch = defineCommand('ClearPaymentMismatch', {
  sentence: 'Lift the hold after a difference with Stripe was looked into.',
  data: target,
});

// Money back to the payer
export const requestRefund = defineCommand('RequestRefund', {
  sentence: 'Give part or all of what is kept back to the payer.',
  data: target.extend({ refundId: uuid, amount: minorUnits.positive() }),
});
export const refundBookingOutcome = defineCommand('RefundBookingOutcome', {
  sentence: 'Give back what the way the booking ended entitles the payer to, and has not been given back yet.',
  data: target,
  facts: z.object({
    /** What the payer is owed back in all, in minor units of the quote; null while the booking stands. */
    refundDue: minorUnits.nullable(),
  }),
});
export const retryRefund = defineCommand('RetryRefund', {
  sentence: 'Try a failed refund again, under a new key.',
  data: target.extend({ refundId: uuid }),
});
export const retryFailedRefund = defineCommand('RetryFailedRefund', {
  sentence: 'Try a refund again that failed with this code, whichever comes first.',
  data: target.extend({ code }),
});
export const recordRefundAccepted = defineCommand('RecordRefundAccepted', {
  sentence: 'Record that Stripe took a refund on.',
  data: target.extend({ refundId: uuid, stripeRefundId: stripeId }),
});
export const recordPaymentRefunded = defineCommand('RecordPaymentRefunded', {
  sentence: 'Record that a refund went through, whoever made it.',
  data: target.extend({ refundId: uuid, stripeRefundId: stripeId, ...reported }),
});
export const recordRefundFailed = defineCommand('RecordRefundFailed', {
  sentence: 'Record that an attempt to refund failed; that may come days after it had gone through.',
  data: target.extend({
    refundId: uuid,
    attempt: z.number().int().positive(),
    code,
    /** What failed at Stripe; none when nothing was made there. */
    stripeRefundId: stripeId.optional(),
  }),
});
export const recordChargebackOpened = defineCommand('RecordChargebackOpened', {
  sentence: 'Record that the payer’s bank disputes the charge.',
  data: target.extend({ disputeId: stripeId, ...reported }),
});
export const recordChargebackWon = defineCommand('RecordChargebackWon', {
  sentence: 'Record that a chargeback was decided for us.',
  data: target.extend({ disputeId: stripeId }),
});
export const recordChargebackLost = defineCommand('RecordChargebackLost', {
  sentence: 'Record that a chargeback was decided against us.',
  data: target.extend({ disputeId: stripeId }),
});

// Money to the tutor
export const releasePayment = defineCommand('ReleasePayment', {
  sentence: 'Let the tutor have what they earned. A person may do so before the time to object is over.',
  data: target,
  facts: z.object({
    /** When the lesson ended in the tutor's favour; null while nothing is earned. */
    earnedAt: instant.nullable(),
    disputed: z.boolean(),
  }),
});
export const schedulePayout = defineCommand('SchedulePayout', {
  sentence: 'Plan the transfer of what the tutor has earned and not been sent; at once unless a time is given.',
  data: target.extend({ dueAt: instant.optional() }),
  facts: z.object({
    /** What the tutor owes from earlier payments, by currency, and no payout has been put aside for. */
    openDebts: z.partialRecord(currency, minorUnits),
    /** Debts that this payment's payout was put aside for; null when that was not done. */
    claimed: z.array(nettedDebt).nullable(),
  }),
});
const payoutTarget = target.extend({ payoutId: uuid });
export const recordPayoutSent = defineCommand('RecordPayoutSent', {
  sentence: 'Record that Stripe moved the money to the tutor.',
  data: payoutTarget.extend({ transferId: stripeId, ...reported }),
});
export const recordPayoutFailed = defineCommand('RecordPayoutFailed', {
  sentence: 'Record that Stripe refused the transfer.',
  data: payoutTarget.extend({ code, attempt: z.number().int().positive() }),
});
export const blockPayout = defineCommand('BlockPayout', {
  sentence: 'Let a payout wait.',
  data: payoutTarget.extend({ reason: payoutBlocked.schema.shape.reason }),
});
export const unblockPayout = defineCommand('UnblockPayout', {
  sentence: 'Let a payout go on that waited for the tutor’s account.',
  data: payoutTarget,
});
export const cancelPayout = defineCommand('CancelPayout', { sentence: 'Call a payout off before it is sent.', data: payoutTarget });
export const recordPayoutPaid = defineCommand('RecordPayoutPaid', {
  sentence: 'Record that the money reached the tutor’s bank.',
  data: payoutTarget.extend({ bankPayoutId: stripeId }),
});
export const recordBankPayoutFailed = defineCommand('RecordBankPayoutFailed', {
  sentence: 'Record that the tutor’s bank turned the money away.',
  data: payoutTarget.extend({ bankPayoutId: stripeId, code }),
});

// Money back from the tutor
export const reverseTransfer = defineCommand('ReverseTransfer', {
  sentence: 'Take back what the tutor holds beyond what they are owed; what no transfer covers becomes a debt.',
  data: target.extend({ reversalId: uuid }),
});
const reversalTarget = target.extend({ reversalId: uuid });
export const recordTransferReversed = defineCommand('RecordTransferReversed', {
  sentence: 'Record that Stripe took the money back.',
  data: reversalTarget.extend({ stripeReversalId: stripeId, ...reported }),
});
export const recordTransferReversalFailed = defineCommand('RecordTransferReversalFailed', {
  sentence: 'Record that Stripe could not take the money back.',
  data: reversalTarget.extend({ code, attempt: z.number().int().positive() }),
});
export const settleTutorDebt = defineCommand('SettleTutorDebt', {
  sentence: 'Record that a later payout paid a debt back.',
  data: target.extend({ debtId: uuid, amount: minorUnits.positive(), byPaymentId: uuid }),
});

export const paymentCommands = [
  initiatePayment,
  processPayment,
  renewPaymentKeys,
  recordPaymentIntent,
  recordPaymentActionRequired,
  recordPaymentProcessed,
  recordPaymentFailed,
  cancelPayment,
  clearPaymentMismatch,
  requestRefund,
  refundBookingOutcome,
  retryRefund,
  retryFailedRefund,
  recordRefundAccepted,
  recordPaymentRefunded,
  recordRefundFailed,
  recordChargebackOpened,
  recordChargebackWon,
  recordChargebackLost,
  releasePayment,
  schedulePayout,
  recordPayoutSent,
  recordPayoutFailed,
  blockPayout,
  unblockPayout,
  cancelPayout,
  recordPayoutPaid,
  recordBankPayoutFailed,
  reverseTransfer,
  recordTransferReversed,
  recordTransferReversalFailed,
  settleTutorDebt,
] as const;

export type PaymentCommand = CommandOf<typeof paymentCommands>;
/** One of the payment's commands by its name. */
export type PaymentCommandOf<T extends PaymentCommand['type']> = Extract<PaymentCommand, { type: T }>;
export type Parties = Readonly<z.output<z.ZodObject<typeof parties>>>;
