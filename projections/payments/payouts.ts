import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';

export interface PayoutRow {
  readonly payoutId: string;
  readonly paymentId: string;
  readonly bookingId: string;
  readonly tutorId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: 'Scheduled' | 'Blocked' | 'Failed' | 'Canceled' | 'Sent' | 'Paid';
  /** What it waits for, or why it failed. */
  readonly reason: string | null;
  /** When it is sent, or tried again; null when a person has to look. */
  readonly dueAt: string | null;
  readonly scheduledAt: string;
  readonly sentAt: string | null;
  readonly paidAt: string | null;
}

const payout = (event: { data: { payoutId: string } }, apply: (row: PayoutRow) => PayoutRow): Change<PayoutRow> =>
  change(event.data.payoutId, apply);

export const payouts: ReadModel<PayoutRow, Events> = {
  name: 'payouts',
  context: 'payments',
  version: 2,
  sentence: 'What tutors are sent, and what a payout waits for.',
  columns: {
    payoutId: 'uuid',
    paymentId: 'uuid',
    bookingId: 'uuid',
    tutorId: 'uuid',
    amountMinor: 'bigint',
    currency: 'text',
    status: 'text',
    reason: 'text?',
    dueAt: 'instant?',
    scheduledAt: 'instant',
    sentAt: 'instant?',
    paidAt: 'instant?',
  },
  indexes: [['tutorId', 'scheduledAt'], ['paymentId']],
  on: {
    TutorPayoutScheduled: ({ at, data: { payoutId, paymentId, bookingId, tutorId, amount, currency, dueAt } }) =>
      put(payoutId, {
        payoutId,
        paymentId,
        bookingId,
        tutorId,
        amountMinor: amount,
        currency,
        status: 'Scheduled',
        reason: null,
        dueAt,
        scheduledAt: at,
        sentAt: null,
        paidAt: null,
      }),
    PayoutBlocked: (event) => payout(event, (row) => ({ ...row, status: 'Blocked', reason: event.data.reason })),
    // Without a time to try again a person has to look, as before it was blocked.
    PayoutUnblocked: (event) => payout(event, (row) => ({ ...row, status: row.dueAt === null ? 'Failed' : 'Scheduled', reason: null })),
    PayoutFailed: (event) =>
      payout(event, (row) => ({ ...row, status: 'Failed', reason: event.data.code, dueAt: event.data.retryAt ?? null })),
    PayoutCanceled: (event) => payout(event, (row) => ({ ...row, status: 'Canceled', reason: event.data.reason, dueAt: null })),
    TutorPayoutSent: (event) => payout(event, (row) => ({ ...row, status: 'Sent', reason: null, sentAt: event.at })),
    TutorPayoutPaid: (event) => payout(event, (row) => ({ ...row, status: 'Paid', paidAt: event.at })),
    TutorBankPayoutFailed: (event) => payout(event, (row) => ({ ...row, status: 'Sent', reason: event.data.code })),
  },
};
