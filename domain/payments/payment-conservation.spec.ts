import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SYSTEM } from '../kernel/command.ts';
import { Refusal } from '../kernel/refusal.ts';
import { MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, plus } from '../kernel/time.ts';
import { followUpId } from '../kernel/ids.ts';
import { emptyBooks, entered, total, withTutor, type Books } from './payment-books.ts';
import type { PaymentCommand } from './payment-commands.ts';
import type { PaymentEvent } from './payment-events.ts';
import { sharesOf, splitOf } from './payment-split.ts';
import { comingBack, currentSplit, heldByTutor, isCaptured, isUnsent, sum, type PaymentState } from './payment-state.ts';
import { parties, quoted } from './payment-transaction.examples.ts';
import { paymentTransaction } from './payment-transaction.ts';

const { paymentId, bookingId } = parties;
const numbered = (kind: string) => fc.nat({ max: 3 }).map((n) => followUpId(kind, String(n)));
const disputeId = fc.nat({ max: 1 }).map((n) => `dp_${n}`);
const part = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 2_500 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 9_999 }) },
);
const exactly = { currency: 'usd', intentId: 'pi_1' };

/** What may come next, given how things stand: mostly what fits, sometimes what does not. */
type Step = (state: PaymentState) => { readonly type: PaymentCommand['type']; readonly data: object; readonly facts?: object };
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>(() => ({ type: 'InitiatePayment', data: { bookingId }, facts: { toPay: quoted } })),
  fc.constant<Step>(() => ({ type: 'RecordPaymentIntent', data: { ...exactly, customerId: 'cus_1', amount: quoted.gross } })),
  fc
    .nat({ max: 4 })
    .map((n): Step => () => ({ type: 'RecordPaymentFailed', data: { ...exactly, attemptRef: `ch_${n}`, code: 'declined' } })),
  fc.constant<Step>(() => ({ type: 'CancelPayment', data: { intentId: 'pi_1', reason: 'hold_expired' } })),
  fc
    .constantFrom(quoted.gross, quoted.gross, quoted.gross, 1)
    .map((amount): Step => () => ({ type: 'RecordPaymentProcessed', data: { ...exactly, chargeId: 'ch_1', amount } })),
  fc.constant<Step>(() => ({ type: 'ClearPaymentMismatch', data: {} })),
  fc.tuple(numbered('Refund'), part).map(([refundId, amount]): Step => () => ({ type: 'RequestRefund', data: { refundId, amount } })),
  fc
    .constantFrom(null, 0, 2_000, quoted.gross)
    .map((refundDue): Step => () => ({ type: 'RefundBookingOutcome', data: {}, facts: { refundDue } })),
  fc.tuple(numbered('Refund'), fc.option(part)).map(([refundId, amount]): Step => (state) => {
    const id = Object.keys(state.refunds).find((known) => state.refunds[known]!.status === 'pending') ?? refundId;
    const actual = amount ?? state.refunds[id]?.amount ?? 700;
    return { type: 'RecordPaymentRefunded', data: { refundId: id, stripeRefundId: `re_${id}`, amount: actual, currency: 'usd' } };
  }),
  numbered('Refund').map((id): Step => (state) => ({
    type: 'RecordRefundFailed',
    data: { refundId: Object.keys(state.refunds)[0] ?? id, attempt: 9, code: 'lost' },
  })),
  numbered('Refund').map((id): Step => (state) => ({ type: 'RetryRefund', data: { refundId: Object.keys(state.refunds)[0] ?? id } })),
  fc
    .tuple(disputeId, part)
    .map(([id, amount]): Step => () => ({ type: 'RecordChargebackOpened', data: { disputeId: id, amount, currency: 'usd' } })),
  disputeId.map((id): Step => () => ({ type: 'RecordChargebackWon', data: { disputeId: id } })),
  disputeId.map((id): Step => () => ({ type: 'RecordChargebackLost', data: { disputeId: id } })),
  fc
    .boolean()
    .map((disputed): Step => () => ({ type: 'ReleasePayment', data: {}, facts: { earnedAt: plus(MONDAY_NOON, -DAY), disputed } })),
  fc.constantFrom(null, null, 300, 3_000, 9_000).map((amount): Step => (state) => ({
    type: 'SchedulePayout',
    data: {},
    facts: {
      openDebts: {},
      claimed:
        amount === null ? null : [{ debtId: bookingId, paymentId: bookingId, amount: Math.min(amount, currentSplit(state).tutorOwed) }],
    },
  })),
  fc
    .tuple(
      fc.nat({ max: 2 }),
      fc.constantFrom(
        'RecordPayoutSent',
        'RecordPayoutSent',
        'RecordPayoutFailed',
        'BlockPayout',
        'UnblockPayout',
        'CancelPayout',
        'RecordPayoutPaid',
        'RecordBankPayoutFailed',
      ),
    )
    .map(([n, type]): Step => (state) => {
      const payouts = Object.entries(state.payouts);
      const [payoutId, payout] = payouts.find(([, one]) => n > 0 && isUnsent(one)) ??
        payouts[n % Math.max(1, payouts.length)] ?? [bookingId, undefined];
      return {
        type: type as PaymentCommand['type'],
        data: {
          payoutId,
          transferId: `tr_${payoutId}`,
          amount: payout?.amount ?? 1,
          currency: 'usd',
          code: 'refused',
          attempt: (payout?.refusals ?? 0) + 1,
          reason: 'no_account',
          bankPayoutId: 'po_1',
        },
      };
    }),
  numbered('Reversal').map((reversalId): Step => () => ({ type: 'ReverseTransfer', data: { reversalId } })),
  fc.tuple(numbered('Reversal'), fc.boolean()).map(([id, works]): Step => (state) => {
    const reversalId = Object.keys(state.reversals).find((known) => state.reversals[known]!.status === 'pending') ?? id;
    const reversal = state.reversals[reversalId];
    return works
      ? { type: 'RecordTransferReversed', data: { reversalId, stripeReversalId: 'trr_1', amount: reversal?.amount ?? 1, currency: 'usd' } }
      : { type: 'RecordTransferReversalFailed', data: { reversalId, code: 'refused', attempt: (reversal?.refusals ?? 0) + 1 } };
  }),
  numbered('Reversal').map((debtId): Step => (state) => ({
    type: 'SettleTutorDebt',
    data: { debtId, byPaymentId: bookingId, amount: state.debts[debtId]?.amount ?? 1 },
  })),
);

/** The events that a step leads to; none when it is refused. */
function take(step: ReturnType<Step>, state: PaymentState): readonly PaymentEvent[] {
  const command = { type: step.type, data: { paymentId, ...step.data }, facts: step.facts ?? {}, at: MONDAY_NOON, by: SYSTEM };
  try {
    return paymentTransaction.decide(command as unknown as PaymentCommand, state);
  } catch (refusal) {
    if (refusal instanceof Refusal) return [];
    throw refusal;
  }
}

/** What does not add up: in what the events say, and between that and the state. */
function wrongIn(state: PaymentState, books: Books): string[] {
  const { gross, feeBps, charged, promised, chargedBack, platformLoss, fee, tutor, sent, netted, reversed, debts } = books;
  const kept = gross - promised - chargedBack;
  const captured = isCaptured(state);
  const split = currentSplit(state);
  const same: Readonly<Record<string, readonly [number, number]>> = {
    'fee and share': [fee + tutor, kept],
    charged: [charged, captured ? gross : 0],
    'moved before it was charged': [captured ? 0 : promised + chargedBack + sent + netted, 0],
    'lost to the bank': [chargedBack + platformLoss, books.lost],
    netted: [netted, books.debtsNetted],
    'fee in the state': [split.feeKept, fee],
    'share in the state': [split.tutorOwed, tutor],
    'promised in the state': [state.refunded, promised],
    'refunded in the state': [sum(state.refunds, (refund) => (refund.status === 'done' ? refund.amount : 0)), total(books.refunded)],
    'charged back in the state': [state.chargedBack, chargedBack],
    'planned in the state': [sum(state.payouts, (payout) => (isUnsent(payout) ? payout.amount : 0)), total(books.planned)],
    'with the tutor in the state': [heldByTutor(state), withTutor(books)],
    'coming back in the state': [comingBack(state), total(books.comingBack)],
    'settled in the state': [sum(state.debts, (debt) => debt.settled), books.debtsSettled],
  };
  const atMost: Readonly<Record<string, readonly [number, number]>> = {
    'ten-thousandths off the commission': [Math.abs(fee * 10_000 - kept * feeBps), 5_000],
    refunded: [total(books.refunded), promised],
    'taken back': [reversed + total(books.comingBack), sent],
    settled: [books.debtsSettled, debts],
    'payouts planned': [Object.keys(books.planned).length, 1],
  };
  const amounts = { promised, chargedBack, platformLoss, fee, tutor, sent, netted, reversed, debts };
  return [
    ...Object.entries(same).map(([name, [is, other]]) => (is === other ? '' : `${name}: ${is}, not ${other}`)),
    ...Object.entries(atMost).map(([name, [is, most]]) => (is <= most ? '' : `${name}: ${is} of ${most}`)),
    ...Object.entries(amounts).map(([name, is]) => (is >= 0 && Number.isSafeInteger(is) ? '' : `${name}: ${is}`)),
  ].filter((wrong) => wrong !== '');
}

/** What an event says of the whole fits what was there before it. */
function mustFit(event: PaymentEvent, books: Books): void {
  const { promised, chargedBack, fee, tutor } = books;
  if (event.type === 'PaymentReleased') expect(event.data).toMatchObject({ returned: promised + chargedBack, fee, tutorNet: tutor });
  // Never is more planned than the tutor is owed and has not got.
  if (event.type === 'TutorPayoutScheduled')
    expect(total(books.planned) + event.data.amount).toBeLessThanOrEqual(tutor - withTutor(books) + total(books.comingBack));
  // What comes back was asked for and has not come yet.
  if (event.type === 'TransferReversed') expect(event.data.amount).toBe(books.comingBack[event.data.reversalId]);
}

const life = fc.array(steps, { minLength: 10, maxLength: 80 });
/** The usual life; a walk begins somewhere along it, so that it also gets to what happens late. */
const usualLife: readonly Step[] = [
  () => ({ type: 'InitiatePayment', data: { bookingId }, facts: { toPay: quoted } }),
  () => ({ type: 'RecordPaymentIntent', data: { ...exactly, customerId: 'cus_1', amount: quoted.gross } }),
  () => ({ type: 'RecordPaymentProcessed', data: { ...exactly, chargeId: 'ch_1', amount: quoted.gross } }),
  () => ({ type: 'ReleasePayment', data: {}, facts: { earnedAt: plus(MONDAY_NOON, -DAY), disputed: false } }),
  () => ({ type: 'SchedulePayout', data: {}, facts: { openDebts: {}, claimed: null } }),
  ({ payouts }) => {
    const [payoutId, payout] = Object.entries(payouts)[0]!;
    return { type: 'RecordPayoutSent', data: { payoutId, transferId: 'tr_1', amount: payout.amount, currency: 'usd' } };
  },
  () => ({ type: 'RequestRefund', data: { refundId: followUpId('Refund', '0'), amount: 1_001 } }),
  () => ({ type: 'ReverseTransfer', data: { reversalId: followUpId('Reversal', '0') } }),
];
const beginning = fc.nat({ max: usualLife.length }).map((length) => usualLife.slice(0, length));

describe('Money is neither made nor lost', () => {
  it('after every event of any life of a payment', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(beginning, life, (begun, wanted) => {
        let state = paymentTransaction.initial;
        let books = emptyBooks;
        for (const step of [...begun, ...wanted]) {
          for (const event of take(step(state), state)) {
            mustFit(event, books);
            state = paymentTransaction.evolve(state, event);
            books = entered(books, event);
            seen.add(event.type);
            expect(wrongIn(state, books)).toEqual([]);
          }
          // Never is more to be sent than the tutor is owed and has not got: what no longer is, is called off in the same append.
          expect(total(books.planned)).toBeLessThanOrEqual(Math.max(0, books.tutor - withTutor(books) + total(books.comingBack)));
        }
      }),
      { numRuns: 1_000, seed: 20 },
    );
    // The walk is only worth something if it gets everywhere.
    const unreached = paymentTransaction.events.map((definition) => definition.type).filter((type) => !seen.has(type));
    expect(unreached).toEqual(['PaymentKeysRenewed', 'PaymentActionRequired', 'RefundAccepted']);
  });

  it('and once all reversals are done, the tutor holds no more than they are owed', () => {
    fc.assert(
      fc.property(beginning, life, (begun, wanted) => {
        let state = paymentTransaction.initial;
        let books = emptyBooks;
        const run = (step: Step) => {
          const events = take(step(state), state);
          state = events.reduce(paymentTransaction.evolve, state);
          books = events.reduce(entered, books);
        };
        for (const step of [...begun, ...wanted]) run(step);
        for (let round = 0; round < 12; round++) {
          run(() => ({ type: 'ReverseTransfer', data: { reversalId: followUpId('Last', String(round)) } }));
          for (const [reversalId, { amount }] of Object.entries(state.reversals))
            run(() => ({ type: 'RecordTransferReversed', data: { reversalId, stripeReversalId: 'trr', amount, currency: 'usd' } }));
        }
        expect(total(books.comingBack)).toBe(0);
        expect(withTutor(books)).toBeLessThanOrEqual(books.tutor);
      }),
      { numRuns: 500 },
    );
  });
});

describe('The split', () => {
  const gross = fc.integer({ min: 1, max: 50_000_000 });
  const bps = fc.integer({ min: 0, max: 10_000 });

  it('adds up, whatever is given back in however many parts', () => {
    fc.assert(
      fc.property(gross, bps, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (whole, feeBps, fractions) => {
        let returned = 0;
        let { tutorOwed: tutor, feeKept: fee } = splitOf(whole, 0, feeBps);
        for (const fraction of fractions) {
          const amount = Math.floor((whole - returned) * fraction);
          const { tutorShare, feeShare } = sharesOf(whole, returned, amount, feeBps);
          expect(tutorShare).toBeGreaterThanOrEqual(0);
          expect(feeShare).toBeGreaterThanOrEqual(0);
          returned += amount;
          tutor -= tutorShare;
          fee -= feeShare;
          // No drift: after every part the commission is its part of what is kept, to the nearest unit.
          expect(tutor + fee).toBe(whole - returned);
          expect(Math.abs(fee * 10_000 - (whole - returned) * feeBps)).toBeLessThanOrEqual(5_000);
        }
      }),
    );
  });

  it('is 20 % to the nearest unit', () => {
    expect([1, 2, 3, 4199, 5000].map((whole) => splitOf(whole, 0, 2000).feeKept)).toEqual([0, 0, 1, 840, 1000]);
  });
});
