import type { Events } from '#domain/deciders.ts';
import { put, remove, type ReadModel } from '#domain/kernel/consumer.ts';

export interface MoneyQuestionRow {
  readonly kind: 'mismatch' | 'refund_failed' | 'payout_failed' | 'chargeback';
  readonly paymentId: string;
  readonly bookingId: string;
  /** What it is about: the refund, the payout, or Stripe's own id of the object. */
  readonly subjectId: string;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly code: string | null;
  readonly since: string;
}

const mismatchKey = (paymentId: string) => `mismatch:${paymentId}`;
const refundKey = (refundId: string) => `refund:${refundId}`;
const payoutKey = (payoutId: string) => `payout:${payoutId}`;
const chargebackKey = (disputeId: string) => `chargeback:${disputeId}`;

export const moneyQuestions: ReadModel<MoneyQuestionRow, Events> = {
  name: 'money_questions',
  context: 'payments',
  version: 2,
  sentence: 'What an administrator has to look into before money moves on.',
  columns: {
    kind: 'text',
    paymentId: 'uuid',
    bookingId: 'uuid',
    subjectId: 'text',
    amountMinor: 'bigint?',
    currency: 'text?',
    code: 'text?',
    since: 'instant',
  },
  indexes: [['since']],
  on: {
    PaymentMismatchDetected: ({ at, data: { paymentId, bookingId, objectId, actualAmount, actualCurrency } }) =>
      put(mismatchKey(paymentId), {
        kind: 'mismatch',
        paymentId,
        bookingId,
        subjectId: objectId,
        amountMinor: actualAmount,
        currency: actualCurrency,
        code: null,
        since: at,
      }),
    PaymentMismatchCleared: ({ data: { paymentId } }) => remove(mismatchKey(paymentId)),
    RefundFailed: ({ at, data: { paymentId, bookingId, refundId, amount, currency, code } }) =>
      put(refundKey(refundId), {
        kind: 'refund_failed',
        paymentId,
        bookingId,
        subjectId: refundId,
        amountMinor: amount,
        currency,
        code,
        since: at,
      }),
    RefundRequested: ({ data: { refundId } }) => remove(refundKey(refundId)),
    // Also without another attempt of ours, when somebody paid at Stripe what was owed.
    PaymentRefunded: ({ data: { refundId } }) => remove(refundKey(refundId)),
    PayoutFailed: ({ at, data: { paymentId, bookingId, payoutId, code, retryAt } }) =>
      retryAt === undefined
        ? put(payoutKey(payoutId), {
            kind: 'payout_failed',
            paymentId,
            bookingId,
            subjectId: payoutId,
            amountMinor: null,
            currency: null,
            code,
            since: at,
          })
        : [],
    TutorPayoutSent: ({ data: { payoutId } }) => remove(payoutKey(payoutId)),
    PayoutCanceled: ({ data: { payoutId } }) => remove(payoutKey(payoutId)),
    ChargebackOpened: ({ at, data: { paymentId, bookingId, disputeId, amount, currency } }) =>
      put(chargebackKey(disputeId), {
        kind: 'chargeback',
        paymentId,
        bookingId,
        subjectId: disputeId,
        amountMinor: amount,
        currency,
        code: null,
        since: at,
      }),
    ChargebackWon: ({ data: { disputeId } }) => remove(chargebackKey(disputeId)),
    ChargebackLost: ({ data: { disputeId } }) => remove(chargebackKey(disputeId)),
  },
};
