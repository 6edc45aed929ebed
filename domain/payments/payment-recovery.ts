import { unreachable } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { HOUR, plus } from '../kernel/time.ts';
import type { PaymentCommandOf } from './payment-commands.ts';
import * as events from './payment-events.ts';
import { agrees, holdMismatch } from './payment-guards.ts';
import * as refusals from './payment-refusals.ts';
import { comingBack, currentSplit, heldByTutor, sum, type PaymentState, type Terms } from './payment-state.ts';

/** When a refused reversal is tried again, counted from each refusal; the third refusal turns it into a debt. */
const REVERSAL_RETRIES: readonly number[] = [HOUR, 6 * HOUR];

type RecoveryCommand = PaymentCommandOf<'ReverseTransfer' | 'RecordTransferReversed' | 'RecordTransferReversalFailed' | 'SettleTutorDebt'>;
type PaymentEvent = events.PaymentEvent;

/** What the tutor holds beyond what they are owed, apart from what is on its way back. Minor units. */
export function excessOf(state: PaymentState): number {
  return Math.max(0, heldByTutor(state) - comingBack(state) - currentSplit(state).tutorOwed);
}

/** Decides everything that takes money back from the tutor. */
export function decideRecovery(command: RecoveryCommand, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const { parties, currency } = terms;
  switch (command.type) {
    case 'ReverseTransfer':
      return reverse(command.data.reversalId, state, terms);
    case 'RecordTransferReversed': {
      const { reversalId, stripeReversalId } = command.data;
      const reversal = known(state, reversalId);
      if (reversal.status !== 'pending') return [];
      if (!agrees(terms, reversal.amount, command.data)) return holdMismatch(state, terms, stripeReversalId, reversal.amount, command.data);
      return [event(events.transferReversed, { ...parties, reversalId, stripeReversalId, amount: reversal.amount, currency })];
    }
    case 'RecordTransferReversalFailed': {
      const { reversalId, code, attempt } = command.data;
      const reversal = known(state, reversalId);
      if (reversal.status !== 'pending' || attempt <= reversal.refusals) return [];
      const wait = REVERSAL_RETRIES[attempt - 1];
      const nextKey = `trr:${reversalId}:${attempt + 1}`;
      const failed = { ...parties, reversalId, code, attempt, nextKey };
      if (wait !== undefined) return [event(events.transferReversalFailed, { ...failed, retryAt: plus(command.at, wait) })];
      return [
        event(events.transferReversalFailed, failed),
        event(events.tutorDebtRecorded, { ...parties, debtId: reversalId, amount: reversal.amount, currency }),
      ];
    }
    case 'SettleTutorDebt': {
      const { debtId, amount, byPaymentId } = command.data;
      const debt = state.debts[debtId];
      if (debt === undefined) throw new refusals.DebtNotFound();
      if (debt.settledBy.includes(byPaymentId)) return [];
      if (debt.settled + amount > debt.amount) throw new refusals.DebtExceeded({ open: debt.amount - debt.settled });
      return [event(events.tutorDebtSettled, { ...parties, debtId, amount, currency, byPaymentId })];
    }
    default:
      return unreachable(command);
  }
}

/** One reversal takes from one transfer; whoever asked asks again after it until nothing is left to take. */
function reverse(reversalId: string, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const excess = excessOf(state);
  if (excess === 0 || state.reversals[reversalId] !== undefined || state.debts[reversalId] !== undefined) return [];
  const { parties, currency } = terms;
  for (const [payoutId, payout] of Object.entries(state.payouts)) {
    if (payout.transferId === undefined) continue;
    const pending = sum(state.reversals, (other) => (other.payoutId === payoutId && other.status === 'pending' ? other.amount : 0));
    const forfeited = sum(state.reversals, (other) => (other.payoutId === payoutId && other.status === 'abandoned' ? other.amount : 0));
    const amount = Math.min(excess, payout.amount - payout.reversed - pending - forfeited);
    if (amount <= 0) continue;
    return [
      event(events.transferReversalRequested, {
        ...parties,
        reversalId,
        payoutId,
        transferId: payout.transferId,
        amount,
        currency,
        attempt: 1,
        idempotencyKey: `trr:${reversalId}`,
      }),
    ];
  }
  return [event(events.tutorDebtRecorded, { ...parties, debtId: reversalId, amount: excess, currency })];
}

function known(state: PaymentState, reversalId: string) {
  const reversal = state.reversals[reversalId];
  if (reversal === undefined) throw new refusals.ReversalNotFound();
  return reversal;
}
