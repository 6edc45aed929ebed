import type { PaymentEvent } from './payment-events.ts';
import { sum } from './payment-state.ts';

/** Amounts by id, minor units. */
type Amounts = Readonly<Record<string, number>>;

/**
 * A payment in double entry: only numbers that its events say, added up, and none that is worked out. What the rules work out is held against them.
 * For specs. All amounts in minor units.
 */
export interface Books {
  readonly gross: number;
  readonly feeBps: number;
  readonly charged: number;
  /** Asked to go back to the payer, of which `refunded` went through, by refund. */
  readonly promised: number;
  readonly refunded: Amounts;
  /** Lost to the bank, of which `chargedBack` was taken from what was kept. */
  readonly lost: number;
  readonly chargedBack: number;
  readonly platformLoss: number;
  /** What is left to each side. */
  readonly fee: number;
  readonly tutor: number;
  /** Payouts that are neither sent nor called off, by payout. */
  readonly planned: Amounts;
  readonly sent: number;
  readonly netted: number;
  readonly debtsNetted: number;
  /** Reversals under way, by reversal. */
  readonly comingBack: Amounts;
  readonly reversed: number;
  readonly debts: number;
  readonly debtsSettled: number;
}

export const emptyBooks: Books = {
  gross: 0,
  feeBps: 0,
  charged: 0,
  promised: 0,
  refunded: {},
  lost: 0,
  chargedBack: 0,
  platformLoss: 0,
  fee: 0,
  tutor: 0,
  planned: {},
  sent: 0,
  netted: 0,
  debtsNetted: 0,
  comingBack: {},
  reversed: 0,
  debts: 0,
  debtsSettled: 0,
};

/** What twice has the same id counts twice. */
const more = (amounts: Amounts, id: string, amount: number): Amounts => ({ ...amounts, [id]: (amounts[id] ?? 0) + amount });
const without = (amounts: Amounts, id: string): Amounts => Object.fromEntries(Object.entries(amounts).filter(([other]) => other !== id));

/** What of the payment the tutor has: sent or set against debts, and neither taken back nor owed. */
export function withTutor({ sent, netted, reversed, debts }: Books): number {
  return sent + netted - reversed - debts;
}
export function total(amounts: Amounts): number {
  return sum(amounts, (amount) => amount);
}

/** Enters one event of a payment. */
export function entered(books: Books, { type, data }: PaymentEvent): Books {
  switch (type) {
    case 'PaymentInitiated':
      return { ...books, gross: data.gross, feeBps: data.feeBps, fee: data.fee, tutor: data.tutorNet };
    case 'PaymentProcessed':
      return { ...books, charged: books.charged + data.gross };
    case 'RefundRequested': {
      const { amount, feeShare, tutorShare, attempt } = data;
      const { promised, fee, tutor } = books;
      // A later attempt of the same refund is not more money; its shares are none.
      return { ...books, promised: promised + (attempt === 1 ? amount : 0), fee: fee - feeShare, tutor: tutor - tutorShare };
    }
    case 'PaymentRefunded':
      return { ...books, refunded: more(books.refunded, data.refundId, data.amount) };
    case 'RefundFailed':
      return { ...books, refunded: without(books.refunded, data.refundId) };
    case 'ChargebackLost': {
      const { amount, chargedBack, platformLoss, feeShare, tutorShare } = data;
      return {
        ...books,
        lost: books.lost + amount,
        chargedBack: books.chargedBack + chargedBack,
        platformLoss: books.platformLoss + platformLoss,
        fee: books.fee - feeShare,
        tutor: books.tutor - tutorShare,
      };
    }
    case 'PayoutNetted': {
      const debts = data.debts.reduce((all, { amount }) => all + amount, 0);
      return { ...books, netted: books.netted + data.amount, debtsNetted: books.debtsNetted + debts };
    }
    case 'TutorPayoutScheduled':
      return { ...books, planned: more(books.planned, data.payoutId, data.amount) };
    case 'PayoutCanceled':
      return { ...books, planned: without(books.planned, data.payoutId) };
    case 'TutorPayoutSent':
      return { ...books, planned: without(books.planned, data.payoutId), sent: books.sent + data.amount };
    case 'TransferReversalRequested':
      return { ...books, comingBack: more(books.comingBack, data.reversalId, data.amount) };
    case 'TransferReversed':
      return { ...books, comingBack: without(books.comingBack, data.reversalId), reversed: books.reversed + data.amount };
    case 'TransferReversalFailed':
      return data.retryAt === undefined ? { ...books, comingBack: without(books.comingBack, data.reversalId) } : books;
    case 'TutorDebtRecorded':
      return { ...books, debts: books.debts + data.amount };
    case 'TutorDebtSettled':
      return { ...books, debtsSettled: books.debtsSettled + data.amount };
    default:
      return books;
  }
}
