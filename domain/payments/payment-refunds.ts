import { unreachable } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { followUpId } from '../kernel/ids.ts';
import type { Instant } from '../kernel/time.ts';
import type { PaymentCommandOf } from './payment-commands.ts';
import * as events from './payment-events.ts';
import { agrees, blockUnsent, holdMismatch, intentOf, mustBeMovable, resumeUnsent } from './payment-guards.ts';
import { adjustPayout } from './payment-payouts.ts';
import * as refusals from './payment-refusals.ts';
import { sharesOf } from './payment-split.ts';
import { evolvePayment, isCaptured, returnedOf, sum, type PaymentState, type Refund, type Terms } from './payment-state.ts';

type RefundCommand = PaymentCommandOf<
  | 'RequestRefund'
  | 'RefundBookingOutcome'
  | 'RetryRefund'
  | 'RetryFailedRefund'
  | 'RecordRefundAccepted'
  | 'RecordPaymentRefunded'
  | 'RecordRefundFailed'
  | 'RecordChargebackOpened'
  | 'RecordChargebackWon'
  | 'RecordChargebackLost'
>;
type PaymentEvent = events.PaymentEvent;

interface WantedRefund {
  readonly refundId: string;
  readonly amount: number;
  readonly reason: 'booking_outcome' | 'by_admin' | 'made_in_stripe';
}

/** Decides everything that takes money back to the payer. */
export function decideRefund(command: RefundCommand, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  switch (command.type) {
    case 'RequestRefund': {
      const { refundId, amount } = command.data;
      const earlier = state.refunds[refundId];
      if (earlier !== undefined) {
        if (earlier.amount !== amount) throw new refusals.RefundIdTaken();
        return [];
      }
      mustBeMovable(state);
      return request(state, terms, { refundId, amount, reason: 'by_admin' }, command.at);
    }
    case 'RefundBookingOutcome': {
      if (!isCaptured(state)) throw new refusals.PaymentNotCaptured({ status: state.status });
      const missing = Math.min(command.facts.refundDue ?? 0, terms.gross) - returnedOf(state);
      if (missing <= 0) return [];
      mustBeMovable(state);
      const refundId = followUpId('Refund', terms.parties.paymentId, 'booking outcome', String(returnedOf(state)));
      return request(state, terms, { refundId, amount: missing, reason: 'booking_outcome' }, command.at);
    }
    case 'RetryRefund': {
      const { refundId } = command.data;
      const refund = known(state, refundId);
      if (refund.status === 'pending') return [];
      if (refund.status !== 'failed') throw new refusals.RefundNotFailed();
      return [nextAttempt(state, terms, refundId, refund)];
    }
    case 'RetryFailedRefund': {
      const { code } = command.data;
      const failed = Object.entries(state.refunds).find(([, { status, failure }]) => status === 'failed' && failure === code);
      return failed === undefined ? [] : [nextAttempt(state, terms, ...failed)];
    }
    case 'RecordRefundAccepted': {
      const { refundId, stripeRefundId } = command.data;
      const refund = known(state, refundId);
      if (refund.status !== 'pending' || refund.stripeRefundId !== undefined) return [];
      return [event(events.refundAccepted, { ...terms.parties, refundId, stripeRefundId })];
    }
    case 'RecordPaymentRefunded':
      return refunded(command, state, terms);
    case 'RecordRefundFailed': {
      const { attempt, code, stripeRefundId } = command.data;
      const refundId = meantBy(state, command.data) ?? command.data.refundId;
      const refund = known(state, refundId);
      const isMeant =
        stripeRefundId === undefined || refund.stripeRefundId === undefined
          ? attempt >= refund.attempt
          : stripeRefundId === refund.stripeRefundId;
      if (refund.status === 'failed' || !isMeant) return [];
      const made = stripeRefundId === undefined ? {} : { stripeRefundId };
      return [event(events.refundFailed, { ...terms.parties, refundId, amount: refund.amount, currency: terms.currency, code, ...made })];
    }
    case 'RecordChargebackOpened': {
      const { disputeId, amount, currency } = command.data;
      if (!isCaptured(state)) throw new refusals.PaymentNotCaptured({ status: state.status });
      if (state.chargebacks[disputeId] !== undefined) return [];
      if (currency !== terms.currency) return holdMismatch(state, terms, disputeId, amount, { amount, currency });
      const opened = event(events.chargebackOpened, { ...terms.parties, disputeId, amount, currency: terms.currency });
      return [opened, ...blockUnsent(state, terms, 'dispute')];
    }
    case 'RecordChargebackWon': {
      const { disputeId } = command.data;
      const chargeback = openChargeback(state, disputeId, 'won');
      if (chargeback === undefined) return [];
      const won = event(events.chargebackWon, { ...terms.parties, disputeId, amount: chargeback.amount, currency: terms.currency });
      return [won, ...resumeUnsent(evolvePayment(state, won), terms)];
    }
    case 'RecordChargebackLost':
      return lost(command, state, terms);
    default:
      return unreachable(command);
  }
}

/** Asks for a refund; a payout that is not sent yet is called off first and planned anew for what remains. */
function request(state: PaymentState, terms: Terms, wanted: WantedRefund, at: Instant): readonly PaymentEvent[] {
  mustHaveNonePending(state);
  const kept = terms.gross - returnedOf(state);
  if (wanted.amount > kept) throw new refusals.RefundExceedsPaid({ amount: wanted.amount, refundable: kept });
  const requested = requestedEvent(state, terms, wanted);
  return [requested, ...adjustPayout(evolvePayment(state, requested), terms, 'refund', at)];
}

function requestedEvent(state: PaymentState, terms: Terms, { refundId, amount, reason }: WantedRefund) {
  return event(events.refundRequested, {
    ...terms.parties,
    refundId,
    intentId: intentOf(state),
    amount,
    currency: terms.currency,
    ...sharesOf(terms.gross, returnedOf(state), amount, terms.feeBps),
    reason,
    attempt: 1,
    idempotencyKey: `re:${refundId}`,
  });
}

function nextAttempt(state: PaymentState, terms: Terms, refundId: string, refund: Refund) {
  mustBeMovable(state);
  mustHaveNonePending(state);
  const attempt = refund.attempt + 1;
  return event(events.refundRequested, {
    ...terms.parties,
    refundId,
    intentId: intentOf(state),
    amount: refund.amount,
    currency: terms.currency,
    // The first attempt has taken both sides' shares already.
    tutorShare: 0,
    feeShare: 0,
    reason: 'by_admin',
    attempt,
    idempotencyKey: `re:${refundId}:${attempt}`,
  });
}

function refunded(command: PaymentCommandOf<'RecordPaymentRefunded'>, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const { stripeRefundId, amount } = command.data;
  if (!isCaptured(state)) throw new refusals.PaymentNotCaptured({ status: state.status });
  const refundId = meantBy(state, command.data) ?? owedBy(state, amount) ?? command.data.refundId;
  const refund = state.refunds[refundId];
  if (refund?.status === 'done') {
    // Two attempts went through: nobody has decided on the second.
    return stripeRefundId === refund.stripeRefundId ? [] : holdMismatch(state, terms, stripeRefundId, 0, command.data);
  }
  // What has failed does not go through any more: this is an older answer.
  if (refund?.status === 'failed' && refund.stripeRefundId === stripeRefundId) return [];
  const kept = terms.gross - returnedOf(state);
  // A refund that we did not ask for was made by hand at Stripe: it is a fact all the same.
  const expected = refund?.amount ?? Math.min(amount, kept);
  if (!agrees(terms, expected, command.data)) return holdMismatch(state, terms, stripeRefundId, expected, command.data);
  const before: readonly PaymentEvent[] =
    refund === undefined ? [requestedEvent(state, terms, { refundId, amount, reason: 'made_in_stripe' })] : [];
  const after = before.reduce(evolvePayment, state);
  const done = event(events.paymentRefunded, {
    ...terms.parties,
    refundId,
    stripeRefundId,
    amount,
    currency: terms.currency,
    refundedInFull: returnedOf(after) === terms.gross,
  });
  return [...before, done, ...(refund === undefined ? adjustPayout(after, terms, 'refund', command.at) : [])];
}

/** Our id of a refund, which somebody may have made at Stripe in the place of one that failed; undefined when there is none. */
function meantBy(
  { refunds }: PaymentState,
  { refundId, stripeRefundId }: PaymentCommandOf<'RecordPaymentRefunded' | 'RecordRefundFailed'>['data'],
) {
  if (refunds[refundId] !== undefined || stripeRefundId === undefined) return refundId;
  return Object.keys(refunds).find((id) => refunds[id]?.stripeRefundId === stripeRefundId);
}

/** A refund that failed and is still owed over that amount: what somebody gave back by hand is that, not as much once more. */
function owedBy({ refunds }: PaymentState, amount: number): string | undefined {
  return Object.keys(refunds).find((id) => refunds[id]?.status === 'failed' && refunds[id].amount === amount);
}

function lost(command: PaymentCommandOf<'RecordChargebackLost'>, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const { disputeId } = command.data;
  const chargeback = openChargeback(state, disputeId, 'lost');
  if (chargeback === undefined) return [];
  const chargedBack = Math.min(chargeback.amount, terms.gross - returnedOf(state));
  const outcome = event(events.chargebackLost, {
    ...terms.parties,
    disputeId,
    amount: chargeback.amount,
    currency: terms.currency,
    chargedBack,
    ...sharesOf(terms.gross, returnedOf(state), chargedBack, terms.feeBps),
    platformLoss: chargeback.amount - chargedBack,
  });
  const after = evolvePayment(state, outcome);
  if (chargedBack === 0) return [outcome, ...resumeUnsent(after, terms)];
  return [outcome, ...adjustPayout(after, terms, 'chargeback', command.at)];
}

/** The chargeback if it is still undecided; undefined when it was decided so already. */
function openChargeback(state: PaymentState, disputeId: string, outcome: 'won' | 'lost') {
  const chargeback = state.chargebacks[disputeId];
  if (chargeback === undefined) throw new refusals.ChargebackNotFound();
  if (chargeback.status === outcome) return undefined;
  if (chargeback.status !== 'open') throw new refusals.ChargebackDecided({ status: chargeback.status });
  return chargeback;
}

function known(state: PaymentState, refundId: string): Refund {
  const refund = state.refunds[refundId];
  if (refund === undefined) throw new refusals.RefundNotFound();
  return refund;
}

function mustHaveNonePending(state: PaymentState): void {
  if (sum(state.refunds, (refund) => (refund.status === 'pending' ? 1 : 0)) > 0) throw new refusals.RefundPending();
}
