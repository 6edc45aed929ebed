import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';
import { splitOf } from '#domain/payments/payment-split.ts';

/** Amounts in minor units, by id. */
type Amounts = Readonly<Record<string, number>>;

/** The money of one booking, to the unit. chargedMinor = returned + chargedBack + commission + tutorShare, always. */
export interface LedgerRow {
  readonly bookingId: string;
  readonly paymentId: string;
  readonly payerId: string;
  readonly tutorId: string;
  readonly currency: string;
  readonly feeBps: number;
  /** Captured from the payer. */
  readonly chargedMinor: number;
  /** Promised back to the payer, of which `refundedMinor` has gone through. */
  readonly returnedMinor: number;
  readonly refundedMinor: number;
  /** Taken back by the payer's bank. */
  readonly chargedBackMinor: number;
  /** Taken back by the bank beyond what was kept: paid by the platform from elsewhere. */
  readonly platformLossMinor: number;
  readonly commissionMinor: number;
  /** What the tutor is owed in all. */
  readonly tutorShareMinor: number;
  /** Planned and not sent. */
  readonly payoutPlannedMinor: number;
  readonly paidOutMinor: number;
  readonly reversedMinor: number;
  /** Of the tutor's share, what paid back debts from other bookings. */
  readonly nettedMinor: number;
  readonly debtMinor: number;
  readonly debtSettledMinor: number;
  /** The refunds that went through and the payouts that are planned, by id: amounts. */
  readonly refunds: Amounts;
  readonly planned: Amounts;
  readonly chargedAt: string | null;
  readonly releasedAt: string | null;
}

const entry = (event: { data: { bookingId: string } }, apply: (row: LedgerRow) => LedgerRow): Change<LedgerRow> =>
  change(event.data.bookingId, apply);

/** Both sides keep less. */
const less = (row: LedgerRow, feeShare: number, tutorShare: number): LedgerRow => ({
  ...row,
  commissionMinor: row.commissionMinor - feeShare,
  tutorShareMinor: row.tutorShareMinor - tutorShare,
});

const without = (amounts: Amounts, id: string): Amounts => Object.fromEntries(Object.entries(amounts).filter(([other]) => other !== id));
const sum = (amounts: Amounts): number => Object.values(amounts).reduce((total, amount) => total + amount, 0);
const withRefunds = (row: LedgerRow, refunds: Amounts): LedgerRow => ({ ...row, refunds, refundedMinor: sum(refunds) });
const withPlanned = (row: LedgerRow, planned: Amounts): LedgerRow => ({ ...row, planned, payoutPlannedMinor: sum(planned) });

export const ledger: ReadModel<LedgerRow, Events> = {
  name: 'ledger',
  context: 'payments',
  version: 1,
  sentence: 'Of every booking: what was charged, what went back, and what each side keeps.',
  columns: {
    bookingId: 'uuid',
    paymentId: 'uuid',
    payerId: 'uuid',
    tutorId: 'uuid',
    currency: 'text',
    feeBps: 'integer',
    chargedMinor: 'bigint',
    returnedMinor: 'bigint',
    refundedMinor: 'bigint',
    chargedBackMinor: 'bigint',
    platformLossMinor: 'bigint',
    commissionMinor: 'bigint',
    tutorShareMinor: 'bigint',
    payoutPlannedMinor: 'bigint',
    paidOutMinor: 'bigint',
    reversedMinor: 'bigint',
    nettedMinor: 'bigint',
    debtMinor: 'bigint',
    debtSettledMinor: 'bigint',
    refunds: 'json',
    planned: 'json',
    chargedAt: 'instant?',
    releasedAt: 'instant?',
  },
  indexes: [['tutorId', 'chargedAt'], ['chargedAt'], ['paymentId']],
  on: {
    PaymentInitiated: ({ data: { bookingId, paymentId, payerId, tutorId, currency, feeBps } }) =>
      put(bookingId, {
        bookingId,
        paymentId,
        payerId,
        tutorId,
        currency,
        feeBps,
        chargedMinor: 0,
        returnedMinor: 0,
        refundedMinor: 0,
        chargedBackMinor: 0,
        platformLossMinor: 0,
        commissionMinor: 0,
        tutorShareMinor: 0,
        payoutPlannedMinor: 0,
        paidOutMinor: 0,
        reversedMinor: 0,
        nettedMinor: 0,
        debtMinor: 0,
        debtSettledMinor: 0,
        refunds: {},
        planned: {},
        chargedAt: null,
        releasedAt: null,
      }),
    PaymentProcessed: (event) =>
      entry(event, (row) => {
        const { feeKept, tutorOwed } = splitOf(event.data.gross, 0, row.feeBps);
        return { ...row, chargedMinor: event.data.gross, commissionMinor: feeKept, tutorShareMinor: tutorOwed, chargedAt: event.at };
      }),
    RefundRequested: (event) => {
      const { attempt, amount, feeShare, tutorShare } = event.data;
      // A later attempt of the same refund is not more money.
      return attempt > 1 ? [] : entry(event, (row) => ({ ...less(row, feeShare, tutorShare), returnedMinor: row.returnedMinor + amount }));
    },
    PaymentRefunded: (event) => entry(event, (row) => withRefunds(row, { ...row.refunds, [event.data.refundId]: event.data.amount })),
    RefundFailed: (event) => entry(event, (row) => withRefunds(row, without(row.refunds, event.data.refundId))),
    ChargebackLost: (event) => {
      const { chargedBack, feeShare, tutorShare, platformLoss } = event.data;
      return entry(event, (row) => ({
        ...less(row, feeShare, tutorShare),
        chargedBackMinor: row.chargedBackMinor + chargedBack,
        platformLossMinor: row.platformLossMinor + platformLoss,
      }));
    },
    PaymentReleased: (event) => entry(event, (row) => ({ ...row, releasedAt: event.at })),
    PayoutNetted: (event) => entry(event, (row) => ({ ...row, nettedMinor: row.nettedMinor + event.data.amount })),
    TutorPayoutScheduled: (event) => entry(event, (row) => withPlanned(row, { ...row.planned, [event.data.payoutId]: event.data.amount })),
    PayoutCanceled: (event) => entry(event, (row) => withPlanned(row, without(row.planned, event.data.payoutId))),
    TutorPayoutSent: (event) => {
      const { amount, payoutId } = event.data;
      return entry(event, (row) => ({ ...withPlanned(row, without(row.planned, payoutId)), paidOutMinor: row.paidOutMinor + amount }));
    },
    TransferReversed: (event) => entry(event, (row) => ({ ...row, reversedMinor: row.reversedMinor + event.data.amount })),
    TutorDebtRecorded: (event) => entry(event, (row) => ({ ...row, debtMinor: row.debtMinor + event.data.amount })),
    TutorDebtSettled: (event) => entry(event, (row) => ({ ...row, debtSettledMinor: row.debtSettledMinor + event.data.amount })),
  },
};
