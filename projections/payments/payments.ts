import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';

export interface PaymentRow {
  readonly paymentId: string;
  readonly bookingId: string;
  readonly studentId: string;
  readonly payerId: string;
  readonly tutorId: string;
  readonly grossMinor: number;
  readonly currency: string;
  readonly status: 'Initiated' | 'ActionRequired' | 'Captured' | 'Released' | 'PaidOut' | 'Failed' | 'Canceled';
  /** Whether the payer may confirm now: Stripe knows of the payment. */
  readonly ready: boolean;
  readonly attempts: number;
  readonly failureCode: string | null;
  /** Back with the payer, and promised but not there. */
  readonly refundedMinor: number;
  readonly refundPendingMinor: number;
  /** The refunds that went through: amounts by id. */
  readonly refunded: Readonly<Record<string, number>>;
  readonly onHold: boolean;
  readonly initiatedAt: string;
  readonly processedAt: string | null;
  readonly releasedAt: string | null;
}

const payment = (event: { data: { paymentId: string } }, apply: (row: PaymentRow) => PaymentRow): Change<PaymentRow> =>
  change(event.data.paymentId, apply);

/** What is promised stays the same sum; what has gone through is no longer pending. */
function refundedOf(row: PaymentRow, refunded: PaymentRow['refunded']): PaymentRow {
  const refundedMinor = Object.values(refunded).reduce((total, amount) => total + amount, 0);
  return { ...row, refunded, refundedMinor, refundPendingMinor: row.refundPendingMinor + row.refundedMinor - refundedMinor };
}

export const payments: ReadModel<PaymentRow, Events> = {
  name: 'payments',
  context: 'payments',
  version: 1,
  sentence: 'Payments as their payers see them.',
  columns: {
    paymentId: 'uuid',
    bookingId: 'uuid',
    studentId: 'uuid',
    payerId: 'uuid',
    tutorId: 'uuid',
    grossMinor: 'bigint',
    currency: 'text',
    status: 'text',
    ready: 'boolean',
    attempts: 'integer',
    failureCode: 'text?',
    refundedMinor: 'bigint',
    refundPendingMinor: 'bigint',
    refunded: 'json',
    onHold: 'boolean',
    initiatedAt: 'instant',
    processedAt: 'instant?',
    releasedAt: 'instant?',
  },
  indexes: [['payerId', 'initiatedAt'], ['bookingId']],
  on: {
    PaymentInitiated: ({ at, data: { paymentId, bookingId, studentId, payerId, tutorId, gross, currency } }) =>
      put(paymentId, {
        paymentId,
        bookingId,
        studentId,
        payerId,
        tutorId,
        grossMinor: gross,
        currency,
        status: 'Initiated',
        ready: false,
        attempts: 0,
        failureCode: null,
        refundedMinor: 0,
        refundPendingMinor: 0,
        refunded: {},
        onHold: false,
        initiatedAt: at,
        processedAt: null,
        releasedAt: null,
      }),
    PaymentIntentCreated: (event) => payment(event, (row) => ({ ...row, ready: true })),
    PaymentActionRequired: (event) => payment(event, (row) => ({ ...row, status: 'ActionRequired' })),
    PaymentProcessed: (event) =>
      payment(event, (row) => ({ ...row, status: 'Captured', ready: false, failureCode: null, processedAt: event.at })),
    PaymentFailed: (event) => {
      const { attempt, code, lastAttempt } = event.data;
      return payment(event, (row) => ({
        ...row,
        status: lastAttempt ? 'Failed' : 'Initiated',
        ready: !lastAttempt,
        attempts: attempt,
        failureCode: code,
      }));
    },
    PaymentCanceled: (event) => payment(event, (row) => ({ ...row, status: 'Canceled', ready: false })),
    PaymentMismatchDetected: (event) => payment(event, (row) => ({ ...row, onHold: true })),
    PaymentMismatchCleared: (event) => payment(event, (row) => ({ ...row, onHold: false })),
    RefundRequested: (event) =>
      payment(event, (row) => ({
        ...row,
        // A later attempt of the same refund is not more money.
        refundPendingMinor: row.refundPendingMinor + (event.data.attempt === 1 ? event.data.amount : 0),
      })),
    PaymentRefunded: (event) => payment(event, (row) => refundedOf(row, { ...row.refunded, [event.data.refundId]: event.data.amount })),
    RefundFailed: (event) =>
      payment(event, (row) => {
        const { [event.data.refundId]: _failed, ...others } = row.refunded;
        return refundedOf(row, others);
      }),
    ChargebackOpened: (event) => payment(event, (row) => ({ ...row, onHold: true })),
    ChargebackWon: (event) => payment(event, (row) => ({ ...row, onHold: false })),
    ChargebackLost: (event) => payment(event, (row) => ({ ...row, onHold: false })),
    PaymentReleased: (event) => payment(event, (row) => ({ ...row, status: 'Released', releasedAt: event.at })),
    TutorPayoutPaid: (event) => payment(event, (row) => ({ ...row, status: 'PaidOut' })),
    TutorBankPayoutFailed: (event) => payment(event, (row) => ({ ...row, status: 'Released' })),
  },
};
