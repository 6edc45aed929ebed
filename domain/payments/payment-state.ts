import type { z } from 'zod';
import type { Currency } from '../kernel/money.ts';
import type { Instant } from '../kernel/time.ts';
import type { Parties } from './payment-commands.ts';
import type { nettedDebt, PaymentEvent } from './payment-events.ts';
import { splitOf, type Split } from './payment-split.ts';

/** What was fixed when the payment began. */
export interface Terms {
  readonly parties: Parties;
  readonly gross: number;
  readonly currency: Currency;
  readonly feeBps: number;
  readonly customerKey: string;
  readonly intentKey: string;
  /** Number of the attempt that the keys are for. */
  readonly keyAttempt: number;
  readonly intentCancelKey: string;
}

export interface Refund {
  readonly amount: number;
  readonly status: 'pending' | 'done' | 'failed';
  readonly attempt: number;
  readonly key: string;
  /** Why it failed, when it did. */
  readonly failure?: string;
  /** What Stripe calls this attempt, once it took it on. */
  readonly stripeRefundId?: string;
}

export interface Payout {
  readonly amount: number;
  readonly status: 'scheduled' | 'blocked' | 'failed' | 'sent' | 'paid' | 'canceled';
  /** When to send it, or to try again; undefined when a person has to look. */
  readonly dueAt: Instant | undefined;
  /** Attempts that Stripe refused. */
  readonly refusals: number;
  /** The key that the next attempt must send. */
  readonly key: string;
  /** Set while blocked. */
  readonly blockedBy?: 'no_account' | 'payouts_disabled' | 'dispute' | 'mismatch' | undefined;
  readonly transferId?: string;
  /** Already taken back of it. */
  readonly reversed: number;
  /** Payouts to the bank that did not arrive. */
  readonly failedBankPayouts: readonly string[];
}

export interface Reversal {
  readonly payoutId: string;
  readonly transferId: string;
  readonly amount: number;
  readonly status: 'pending' | 'done' | 'abandoned';
  /** When to try again after a refusal; undefined before the first. */
  readonly dueAt?: Instant | undefined;
  readonly refusals: number;
  readonly key: string;
}

export interface Chargeback {
  readonly amount: number;
  readonly status: 'open' | 'won' | 'lost';
}

export interface Debt {
  readonly amount: number;
  readonly settled: number;
  /** The payments whose payouts paid it back. */
  readonly settledBy: readonly string[];
}

export interface PaymentState {
  readonly status: 'None' | 'Initiated' | 'ActionRequired' | 'Captured' | 'Released' | 'PaidOut' | 'Failed' | 'Canceled';
  readonly terms: Terms | undefined;
  readonly customerId: string | undefined;
  readonly intentId: string | undefined;
  readonly chargeId: string | undefined;
  readonly failedAttempts: readonly string[];
  /** Stripe's amounts differ from ours, and nobody has cleared that up. */
  readonly mismatched: boolean;
  /** Promised back to the payer: pending, done or failed and still owed. */
  readonly refunded: number;
  readonly refunds: Readonly<Record<string, Refund>>;
  readonly chargedBack: number;
  readonly chargebacks: Readonly<Record<string, Chargeback>>;
  readonly payouts: Readonly<Record<string, Payout>>;
  /** A person called the payout off; only a person plans it again. */
  readonly payoutStopped: boolean;
  /** Of what the tutor earned, the part that paid back debts of other payments. */
  readonly netted: number;
  readonly debtsNetted: readonly z.output<typeof nettedDebt>[] | undefined;
  readonly reversals: Readonly<Record<string, Reversal>>;
  /** What the tutor could not be made to give back at once, and how much of it later payouts paid. */
  readonly debts: Readonly<Record<string, Debt>>;
}

export const noPayment: PaymentState = {
  status: 'None',
  terms: undefined,
  customerId: undefined,
  intentId: undefined,
  chargeId: undefined,
  failedAttempts: [],
  mismatched: false,
  refunded: 0,
  refunds: {},
  chargedBack: 0,
  chargebacks: {},
  payouts: {},
  payoutStopped: false,
  netted: 0,
  debtsNetted: undefined,
  reversals: {},
  debts: {},
};

/** Whether the payer's money has come. */
export function isCaptured(state: PaymentState): boolean {
  return state.status === 'Captured' || isReleased(state);
}
export function isReleased(state: PaymentState): boolean {
  return state.status === 'Released' || state.status === 'PaidOut';
}
/** Whether everything waits for the bank or for a person. */
export function isOnHold(state: PaymentState): boolean {
  return state.mismatched || Object.values(state.chargebacks).some((chargeback) => chargeback.status === 'open');
}
/** What is gone from the payment to the payer or their bank, in minor units. */
export function returnedOf(state: PaymentState): number {
  return state.refunded + state.chargedBack;
}
/** How what is kept divides now. */
export function currentSplit(state: PaymentState): Split {
  return state.terms === undefined ? { feeKept: 0, tutorOwed: 0 } : splitOf(state.terms.gross, returnedOf(state), state.terms.feeBps);
}
export function isUnsent(payout: Payout): boolean {
  return payout.status === 'scheduled' || payout.status === 'blocked' || payout.status === 'failed';
}
/** The payout that is planned and not sent; there is one at most. */
export function unsentPayout(state: PaymentState): { readonly payoutId: string; readonly payout: Payout } | undefined {
  const entry = Object.entries(state.payouts).find(([, payout]) => isUnsent(payout));
  return entry === undefined ? undefined : { payoutId: entry[0], payout: entry[1] };
}
/** What the tutor holds of this payment: sent or set against debts, less what was taken back or is owed as a debt. Minor units. */
export function heldByTutor(state: PaymentState): number {
  const sent = sum(state.payouts, (payout) => (payout.transferId === undefined ? 0 : payout.amount - payout.reversed));
  return sent + state.netted - sum(state.debts, (debt) => debt.amount);
}
/** What is on its way back from the tutor, in minor units. */
export function comingBack(state: PaymentState): number {
  return sum(state.reversals, (reversal) => (reversal.status === 'pending' ? reversal.amount : 0));
}

/** The sum of a number of each entry. */
export function sum<T>(entries: Readonly<Record<string, T>>, of: (entry: T) => number): number {
  return Object.values(entries).reduce((total, entry) => total + of(entry), 0);
}

function amend<T extends object>(entries: Readonly<Record<string, T>>, id: string, amendment: Partial<T>): Readonly<Record<string, T>> {
  const entry = entries[id];
  return entry === undefined ? entries : { ...entries, [id]: { ...entry, ...amendment } };
}

/** Folds one event of a payment. */
export function evolvePayment(state: PaymentState, event: PaymentEvent): PaymentState {
  switch (event.type) {
    case 'PaymentInitiated': {
      const { paymentId, bookingId, studentId, payerId, tutorId, gross, currency, feeBps, customerKey, intentKey, intentCancelKey } =
        event.data;
      const parties = { paymentId, bookingId, studentId, payerId, tutorId };
      return {
        ...state,
        status: 'Initiated',
        terms: { parties, gross, currency, feeBps, customerKey, intentKey, keyAttempt: 1, intentCancelKey },
      };
    }
    case 'PaymentKeysRenewed': {
      const { customerKey, intentKey, attempt: keyAttempt } = event.data;
      return { ...state, terms: state.terms && { ...state.terms, customerKey, intentKey, keyAttempt } };
    }
    case 'PaymentIntentCreated':
      return { ...state, customerId: event.data.customerId, intentId: event.data.intentId };
    case 'PaymentActionRequired':
      return { ...state, status: 'ActionRequired' };
    case 'PaymentProcessed':
      return { ...state, status: 'Captured', intentId: event.data.intentId, chargeId: event.data.chargeId };
    case 'PaymentFailed':
      return {
        ...state,
        status: event.data.lastAttempt ? 'Failed' : 'Initiated',
        failedAttempts: [...state.failedAttempts, event.data.attemptRef],
      };
    case 'PaymentCanceled':
      return { ...state, status: 'Canceled' };
    case 'PaymentMismatchDetected':
      return { ...state, mismatched: true };
    case 'PaymentMismatchCleared':
      return { ...state, mismatched: false };

    case 'RefundRequested': {
      const { refundId, amount, attempt, idempotencyKey: key } = event.data;
      const added = state.refunds[refundId] === undefined ? amount : 0;
      const refunds: PaymentState['refunds'] = { ...state.refunds, [refundId]: { amount, attempt, key, status: 'pending' } };
      return { ...state, refunded: state.refunded + added, refunds };
    }
    case 'RefundAccepted': {
      const { refundId, stripeRefundId } = event.data;
      return { ...state, refunds: amend(state.refunds, refundId, { stripeRefundId }) };
    }
    case 'PaymentRefunded': {
      const { refundId, stripeRefundId } = event.data;
      return { ...state, refunds: amend(state.refunds, refundId, { status: 'done', stripeRefundId }) };
    }
    case 'RefundFailed': {
      const { refundId, code: failure, stripeRefundId } = event.data;
      const attempted = stripeRefundId === undefined ? {} : { stripeRefundId };
      return { ...state, refunds: amend(state.refunds, refundId, { status: 'failed', failure, ...attempted }) };
    }
    case 'ChargebackOpened': {
      const { disputeId, amount } = event.data;
      return { ...state, chargebacks: { ...state.chargebacks, [disputeId]: { amount, status: 'open' } } };
    }
    case 'ChargebackWon':
      return { ...state, chargebacks: amend(state.chargebacks, event.data.disputeId, { status: 'won' }) };
    case 'ChargebackLost':
      return {
        ...state,
        chargedBack: state.chargedBack + event.data.chargedBack,
        chargebacks: amend(state.chargebacks, event.data.disputeId, { status: 'lost' }),
      };

    case 'PaymentReleased':
      return { ...state, status: 'Released' };
    case 'PayoutNetted':
      return { ...state, netted: state.netted + event.data.amount, debtsNetted: event.data.debts };
    case 'TutorPayoutScheduled': {
      const { payoutId, amount, dueAt, idempotencyKey: key } = event.data;
      const scheduled: Payout = { amount, status: 'scheduled', dueAt, refusals: 0, key, reversed: 0, failedBankPayouts: [] };
      return { ...state, payouts: { ...state.payouts, [payoutId]: scheduled }, payoutStopped: false };
    }
    case 'TutorPayoutSent':
      return { ...state, payouts: amend(state.payouts, event.data.payoutId, { status: 'sent', transferId: event.data.transferId }) };
    case 'PayoutFailed': {
      const { payoutId, attempt, nextKey: key, retryAt: dueAt } = event.data;
      return { ...state, payouts: amend(state.payouts, payoutId, { status: 'failed', refusals: attempt, key, dueAt }) };
    }
    case 'PayoutBlocked':
      return { ...state, payouts: amend(state.payouts, event.data.payoutId, { status: 'blocked', blockedBy: event.data.reason }) };
    case 'PayoutUnblocked': {
      const { payoutId } = event.data;
      // One that was refused for the last time before it was blocked still needs a person.
      const status = state.payouts[payoutId]?.dueAt === undefined ? 'failed' : 'scheduled';
      return { ...state, payouts: amend(state.payouts, payoutId, { status, blockedBy: undefined }) };
    }
    case 'PayoutCanceled':
      return {
        ...state,
        payouts: amend(state.payouts, event.data.payoutId, { status: 'canceled' }),
        payoutStopped: event.data.reason === 'by_admin',
      };
    case 'TutorPayoutPaid':
      return { ...state, status: 'PaidOut', payouts: amend(state.payouts, event.data.payoutId, { status: 'paid' }) };
    case 'TutorBankPayoutFailed': {
      const { payoutId, bankPayoutId } = event.data;
      const failedBankPayouts = [...(state.payouts[payoutId]?.failedBankPayouts ?? []), bankPayoutId];
      return { ...state, status: 'Released', payouts: amend(state.payouts, payoutId, { status: 'sent', failedBankPayouts }) };
    }

    case 'TransferReversalRequested': {
      const { reversalId, payoutId, transferId, amount, idempotencyKey: key } = event.data;
      const requested: Reversal = { payoutId, transferId, amount, key, status: 'pending', refusals: 0 };
      return { ...state, reversals: { ...state.reversals, [reversalId]: requested } };
    }
    case 'TransferReversed': {
      const { reversalId, amount } = event.data;
      const payoutId = state.reversals[reversalId]?.payoutId ?? '';
      const reversed = (state.payouts[payoutId]?.reversed ?? 0) + amount;
      return {
        ...state,
        reversals: amend(state.reversals, reversalId, { status: 'done' }),
        payouts: amend(state.payouts, payoutId, { reversed }),
      };
    }
    case 'TransferReversalFailed': {
      const { reversalId, attempt, nextKey: key, retryAt } = event.data;
      const status = retryAt === undefined ? 'abandoned' : 'pending';
      return { ...state, reversals: amend(state.reversals, reversalId, { status, refusals: attempt, key, dueAt: retryAt }) };
    }
    case 'TutorDebtRecorded':
      return { ...state, debts: { ...state.debts, [event.data.debtId]: { amount: event.data.amount, settled: 0, settledBy: [] } } };
    case 'TutorDebtSettled': {
      const { debtId, amount, byPaymentId } = event.data;
      const debt = state.debts[debtId];
      if (debt === undefined) return state;
      const settledBy = [...debt.settledBy, byPaymentId];
      return { ...state, debts: amend(state.debts, debtId, { settled: debt.settled + amount, settledBy }) };
    }
  }
}
