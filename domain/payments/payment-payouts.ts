import type { z } from 'zod';
import { unreachable } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { followUpId } from '../kernel/ids.ts';
import { DAY, HOUR, plus, type Instant } from '../kernel/time.ts';
import type { PaymentCommandOf } from './payment-commands.ts';
import * as events from './payment-events.ts';
import { agrees, holdMismatch, isThePlatform, mustBeMovable } from './payment-guards.ts';
import * as refusals from './payment-refusals.ts';
import {
  comingBack,
  currentSplit,
  evolvePayment,
  heldByTutor,
  isOnHold,
  isReleased,
  isUnsent,
  returnedOf,
  unsentPayout,
  type Payout,
  type PaymentState,
  type Terms,
} from './payment-state.ts';

/** How long after the lesson the payer may object before the tutor is paid (Pay Tutor After Completion Policy). */
export const RELEASE_AFTER = DAY;
/** When a refused transfer is tried again, counted from each refusal; after the last one a person has to look. */
const PAYOUT_RETRIES: readonly number[] = [HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR];

type PayoutCommand = PaymentCommandOf<
  | 'ReleasePayment'
  | 'SchedulePayout'
  | 'RecordPayoutSent'
  | 'RecordPayoutFailed'
  | 'BlockPayout'
  | 'UnblockPayout'
  | 'CancelPayout'
  | 'RecordPayoutPaid'
  | 'RecordBankPayoutFailed'
>;
type PaymentEvent = events.PaymentEvent;
type CalledOff = z.output<typeof events.payoutCanceled.schema.shape.reason>;

/** Decides everything that takes money to the tutor. */
export function decidePayout(command: PayoutCommand, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  switch (command.type) {
    case 'ReleasePayment':
      return release(command, state, terms);
    case 'SchedulePayout':
      return schedule(command, state, terms);
    default:
      return decideOnePayout(command, state, terms);
  }
}

function release(command: PaymentCommandOf<'ReleasePayment'>, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  if (isReleased(state)) return [];
  mustBeMovable(state);
  const { earnedAt, disputed } = command.facts;
  if (disputed) throw new refusals.LessonInDispute();
  if (earnedAt === null) throw new refusals.LessonNotEarned();
  const releasableAt = plus(earnedAt, RELEASE_AFTER);
  if (isThePlatform(command.by) && command.at < releasableAt) throw new refusals.ReleaseNotDue({ releasableAt });
  const returned = returnedOf(state);
  if (returned === terms.gross) throw new refusals.NothingKept();
  const { feeKept, tutorOwed } = currentSplit(state);
  const { parties, gross, currency } = terms;
  return [event(events.paymentReleased, { ...parties, gross, returned, fee: feeKept, tutorNet: tutorOwed, currency })];
}

function schedule(command: PaymentCommandOf<'SchedulePayout'>, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  if (!isReleased(state)) throw new refusals.PaymentNotReleased({ status: state.status });
  mustBeMovable(state);
  if (unsentPayout(state) !== undefined) return [];
  if (state.payoutStopped && isThePlatform(command.by)) throw new refusals.PayoutWasCanceled();
  const { openDebts, claimed } = command.facts;
  const openDebt = openDebts[terms.currency] ?? 0;
  const toNet = state.debtsNetted === undefined ? (claimed ?? []) : [];
  if (toNet.length === 0 && payable(state) === 0) return [];
  if (claimed === null && openDebt > 0) throw new refusals.TutorHasDebt({ openDebt, currency: terms.currency });
  const amount = toNet.reduce((total, debt) => total + debt.amount, 0);
  const netted =
    toNet.length === 0 ? [] : [event(events.payoutNetted, { ...terms.parties, amount, currency: terms.currency, debts: toNet })];
  const planned = planPayout(netted.reduce(evolvePayment, state), terms, command.data.dueAt ?? command.at);
  return planned === undefined ? netted : [...netted, planned];
}

/** What the tutor has earned and does not hold; some of it may be planned to be sent. Minor units. */
function toSend(state: PaymentState): number {
  return Math.max(0, currentSplit(state).tutorOwed - (heldByTutor(state) - comingBack(state)));
}

/** What the tutor has earned and neither holds nor is about to be sent. Minor units. */
export function payable(state: PaymentState): number {
  return Math.max(0, toSend(state) - (unsentPayout(state)?.payout.amount ?? 0));
}

/** Whether a payout is to be sent now: planned, due, and nothing holds it. */
export function isDue(state: PaymentState, payout: Payout, now: Instant): boolean {
  return (
    !isOnHold(state) && (payout.status === 'scheduled' || payout.status === 'failed') && payout.dueAt !== undefined && payout.dueAt <= now
  );
}

/** A payout over all that the tutor is still to be sent; undefined when that is nothing. */
function planPayout(state: PaymentState, terms: Terms, dueAt: Instant) {
  const amount = payable(state);
  if (amount === 0) return undefined;
  const payoutId = followUpId('Payout', terms.parties.paymentId, String(Object.keys(state.payouts).length));
  const { parties, currency } = terms;
  return event(events.tutorPayoutScheduled, { ...parties, payoutId, amount, currency, dueAt, idempotencyKey: `tr:${payoutId}` });
}

/** Calls a payout off that was not sent. */
function callOff(terms: Terms, { payoutId, payout }: { readonly payoutId: string; readonly payout: Payout }, reason: CalledOff) {
  return event(events.payoutCanceled, { ...terms.parties, payoutId, amount: payout.amount, currency: terms.currency, reason });
}

/**
 * A payout that was not sent is replaced by one over what is still to be sent, after something else took from that. `state` is the one after it.
 */
export function adjustPayout(
  state: PaymentState,
  terms: Terms,
  reason: Exclude<CalledOff, 'by_admin'>,
  at: Instant,
): readonly PaymentEvent[] {
  const waiting = unsentPayout(state);
  if (waiting === undefined) return [];
  const off = callOff(terms, waiting, reason);
  const { dueAt, blockedBy } = waiting.payout;
  const planned = planPayout(evolvePayment(state, off), terms, dueAt ?? at);
  if (planned === undefined) return [off];
  const stillBlocked = blockedBy !== undefined && (blockedBy === 'no_account' || blockedBy === 'payouts_disabled' || isOnHold(state));
  if (!stillBlocked) return [off, planned];
  return [off, planned, event(events.payoutBlocked, { ...terms.parties, payoutId: planned.data.payoutId, reason: blockedBy })];
}

function decideOnePayout(
  command: Exclude<PayoutCommand, { type: 'ReleasePayment' | 'SchedulePayout' }>,
  state: PaymentState,
  terms: Terms,
): readonly PaymentEvent[] {
  const { payoutId } = command.data;
  const payout = state.payouts[payoutId];
  if (payout === undefined) throw new refusals.PayoutNotFound();
  const parties = { ...terms.parties, payoutId };
  const { currency } = terms;
  switch (command.type) {
    case 'RecordPayoutSent': {
      if (payout.transferId !== undefined) return [];
      if (!agrees(terms, payout.amount, command.data))
        return holdMismatch(state, terms, command.data.transferId, payout.amount, command.data);
      // Also when it was called off meanwhile: the money has moved, and what is too much is taken back.
      const sent = event(events.tutorPayoutSent, { ...parties, amount: payout.amount, currency, transferId: command.data.transferId });
      const after = evolvePayment(state, sent);
      const planned = unsentPayout(after)?.payout.amount ?? 0;
      return planned > toSend(after) ? [sent, ...adjustPayout(after, terms, 'another_sent', command.at)] : [sent];
    }
    case 'RecordPayoutFailed': {
      const { code, attempt } = command.data;
      if (attempt <= payout.refusals) return [];
      mustBeUnsent(payout);
      const wait = PAYOUT_RETRIES[attempt - 1];
      const retryAt = wait === undefined ? {} : { retryAt: plus(command.at, wait) };
      return [event(events.payoutFailed, { ...parties, code, attempt, ...retryAt, nextKey: `tr:${payoutId}:${attempt + 1}` })];
    }
    case 'BlockPayout':
      mustBeUnsent(payout);
      return payout.status === 'blocked' ? [] : [event(events.payoutBlocked, { ...parties, reason: command.data.reason })];
    case 'UnblockPayout':
      mustBeUnsent(payout);
      if (payout.status !== 'blocked' || payout.blockedBy === 'dispute' || payout.blockedBy === 'mismatch') return [];
      // The account is fine now, but the money itself is held.
      if (isOnHold(state)) return [event(events.payoutBlocked, { ...parties, reason: state.mismatched ? 'mismatch' : 'dispute' })];
      return [event(events.payoutUnblocked, parties)];
    case 'CancelPayout':
      if (payout.status === 'canceled') return [];
      mustBeUnsent(payout);
      return [callOff(terms, { payoutId, payout }, 'by_admin')];
    case 'RecordPayoutPaid':
      if (payout.status === 'paid') return [];
      if (payout.transferId === undefined) throw new refusals.PayoutNotSent();
      return [event(events.tutorPayoutPaid, { ...parties, amount: payout.amount, currency, bankPayoutId: command.data.bankPayoutId })];
    case 'RecordBankPayoutFailed': {
      const { bankPayoutId, code } = command.data;
      if (payout.transferId === undefined) throw new refusals.PayoutNotSent();
      if (payout.failedBankPayouts.includes(bankPayoutId)) return [];
      return [event(events.tutorBankPayoutFailed, { ...parties, bankPayoutId, code })];
    }
    default:
      return unreachable(command);
  }
}

function mustBeUnsent(payout: Payout): void {
  if (payout.status === 'canceled') throw new refusals.PayoutWasCanceled();
  if (!isUnsent(payout)) throw new refusals.PayoutAlreadySent();
}
