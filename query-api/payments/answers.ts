import { z } from 'zod';
import type { PaymentRow } from '#projections/payments/payments.ts';

const amount = z.number().int().describe('In minor units of the currency.');
const instant = z.iso.datetime();

/** A payment as its payer sees it: how the price divides between tutor and platform is not part of it. */
export const payment = z.object({
  paymentId: z.string(),
  bookingId: z.string(),
  amountMinor: amount,
  currency: z.string(),
  status: z.enum([
    'preparing',
    'awaiting_payment',
    'action_required',
    'paid',
    'partially_refunded',
    'refunded',
    'refund_requested',
    'failed',
    'canceled',
  ]),
  attempts: z.number().int(),
  failureCode: z.string().nullable(),
  refundedMinor: amount,
  refundPendingMinor: amount.describe('Promised, and not back yet.'),
  initiatedAt: instant,
  paidAt: instant.nullable(),
});

/** What a payer reads: whether the tutor has been paid is not theirs to know. */
export function paymentOf(row: PaymentRow): z.output<typeof payment> {
  const { paymentId, bookingId, grossMinor, currency, attempts, failureCode, refundedMinor, refundPendingMinor, initiatedAt } = row;
  return {
    paymentId,
    bookingId,
    amountMinor: grossMinor,
    currency,
    status: statusOf(row),
    attempts,
    failureCode,
    refundedMinor,
    refundPendingMinor,
    initiatedAt,
    paidAt: row.processedAt,
  };
}

function statusOf(row: PaymentRow): z.output<typeof payment>['status'] {
  switch (row.status) {
    case 'Initiated':
      return row.ready ? 'awaiting_payment' : 'preparing';
    case 'ActionRequired':
      return 'action_required';
    case 'Failed':
      return 'failed';
    case 'Canceled':
      return 'canceled';
    case 'Captured':
    case 'Released':
    case 'PaidOut':
      if (row.refundPendingMinor > 0) return 'refund_requested';
      if (row.refundedMinor === row.grossMinor) return 'refunded';
      return row.refundedMinor > 0 ? 'partially_refunded' : 'paid';
  }
}

export const paymentMethod = z.object({
  paymentMethodId: z.string(),
  brand: z.string(),
  last4: z.string(),
  expiresMonth: z.number().int(),
  expiresYear: z.number().int(),
});

export const earnings = z.object({
  account: z.enum(['None', 'Pending', 'Active', 'Restricted', 'Rejected', 'Disconnected']).describe('Whether you can be paid.'),
  totals: z
    .array(
      z.object({
        currency: z.string(),
        lessons: z.number().int(),
        earnedMinor: amount.describe('Your part of what was released.'),
        awaitingReleaseMinor: amount.describe('Your part of what was paid and is not released yet.'),
        paidOutMinor: amount,
        takenBackMinor: amount,
        debtMinor: amount.describe('Owed by you; your next payouts pay it.'),
      }),
    )
    .describe('One for each currency.'),
  payouts: z.array(
    z.object({
      payoutId: z.string(),
      bookingId: z.string(),
      amountMinor: amount,
      currency: z.string(),
      status: z.enum(['Scheduled', 'Blocked', 'Failed', 'Canceled', 'Sent', 'Paid']),
      reason: z.string().nullable().describe('What it waits for.'),
      dueAt: instant.nullable(),
      sentAt: instant.nullable(),
      paidAt: instant.nullable(),
    }),
  ),
  next: z.string().nullable().describe('Send it as `after` for the next page of payouts.'),
});

/** The money of one booking, to the unit. */
export const ledgerEntry = z.object({
  bookingId: z.string(),
  paymentId: z.string(),
  payerId: z.string(),
  tutorId: z.string(),
  currency: z.string(),
  chargedMinor: amount,
  returnedMinor: amount.describe('Promised back to the payer.'),
  refundedMinor: amount.describe('Of that, gone through.'),
  chargedBackMinor: amount,
  platformLossMinor: amount,
  commissionMinor: amount,
  tutorShareMinor: amount,
  payoutPlannedMinor: amount,
  paidOutMinor: amount,
  reversedMinor: amount,
  nettedMinor: amount.describe('Of the tutor’s share, what paid back debts from other bookings.'),
  debtMinor: amount,
  debtSettledMinor: amount,
  chargedAt: instant.nullable(),
  releasedAt: instant.nullable(),
  balanced: z.boolean().describe('Charged = returned + charged back + commission + tutor share.'),
});

export const moneyQuestion = z.object({
  kind: z.enum(['mismatch', 'refund_failed', 'payout_failed', 'chargeback']),
  paymentId: z.string(),
  bookingId: z.string(),
  subjectId: z.string(),
  amountMinor: amount.nullable(),
  currency: z.string().nullable(),
  code: z.string().nullable(),
  since: instant,
});

export const commissionReport = z.object({
  months: z.array(
    z.object({
      month: z.string().describe('Of the charge, in UTC: YYYY-MM.'),
      currency: z.string(),
      payments: z.number().int(),
      chargedMinor: amount,
      returnedMinor: amount,
      chargedBackMinor: amount,
      commissionMinor: amount,
      tutorShareMinor: amount,
      paidOutMinor: amount.describe('Sent to tutors and not taken back.'),
      platformLossMinor: amount,
    }),
  ),
});
