import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { currency as knownCurrency, feeOf, MINIMUM_CHARGE } from '../kernel/money.ts';
import { paymentCommands, paymentIdOf, type PaymentCommand, type PaymentCommandOf } from './payment-commands.ts';
import * as events from './payment-events.ts';
import { agrees, holdMismatch, isAnsweredFor, isThePlatform, resumeUnsent } from './payment-guards.ts';
import { decidePayout } from './payment-payouts.ts';
import { decideRecovery } from './payment-recovery.ts';
import { decideRefund } from './payment-refunds.ts';
import * as refusals from './payment-refusals.ts';
import { evolvePayment, isCaptured, isOnHold, noPayment, type PaymentState, type Terms } from './payment-state.ts';

/** How often a payer may be declined before the booking is given up. */
const PAYMENT_ATTEMPTS = 3;

type PaymentEvent = events.PaymentEvent;

function decide(command: PaymentCommand, state: PaymentState): readonly PaymentEvent[] {
  guard(command);
  if (command.type === 'InitiatePayment') return initiate(command, state);
  if (state.terms === undefined) throw new refusals.PaymentNotFound();
  const { terms } = state;
  const { parties } = terms;
  switch (command.type) {
    case 'ProcessPayment':
      if (command.by.userId !== parties.payerId) throw new refusals.NotYourPayment();
      if (isCaptured(state)) throw new refusals.AlreadyPaid();
      if (state.status === 'Failed' || state.status === 'Canceled') throw new refusals.PaymentOver({ status: state.status });
      if (isOnHold(state)) throw new refusals.PaymentOnHold();
      if (state.intentId === undefined) throw new refusals.PaymentNotReady();
      return [];
    case 'RenewPaymentKeys': {
      const { attempt } = command.data;
      if (state.intentId !== undefined || attempt <= terms.keyAttempt) return [];
      const customerKey = `cus:${parties.payerId}:${parties.paymentId}:${attempt}`;
      const intentKey = `pi:${parties.paymentId}:${attempt}`;
      return [event(events.paymentKeysRenewed, { ...parties, attempt, customerKey, intentKey })];
    }
    case 'RecordPaymentIntent': {
      const { customerId, intentId, amount, currency } = command.data;
      if (state.intentId === intentId) return [];
      if (state.intentId !== undefined) throw new refusals.AnotherPaymentIntent();
      if (state.status === 'Canceled') throw new refusals.PaymentOver({ status: state.status });
      const created = event(events.paymentIntentCreated, { ...parties, customerId, intentId });
      if (agrees(terms, terms.gross, { amount, currency })) return [created];
      return [created, ...holdMismatch(state, terms, intentId, terms.gross, { amount, currency })];
    }
    case 'RecordPaymentActionRequired':
      mustBeOurIntent(state, command.data.intentId);
      if (state.status !== 'Initiated') return [];
      return [event(events.paymentActionRequired, { ...parties, intentId: command.data.intentId })];
    case 'RecordPaymentProcessed':
      return process(command, state, terms);
    case 'RecordPaymentFailed': {
      const { intentId, attemptRef, code } = command.data;
      mustBeOurIntent(state, intentId);
      if (state.failedAttempts.includes(attemptRef)) return [];
      if (state.status !== 'Initiated' && state.status !== 'ActionRequired') return [];
      const attempt = state.failedAttempts.length + 1;
      return [event(events.paymentFailed, { ...parties, intentId, attemptRef, code, attempt, lastAttempt: attempt >= PAYMENT_ATTEMPTS })];
    }
    case 'CancelPayment':
      if (state.status === 'Canceled') return [];
      if (isCaptured(state)) throw new refusals.AlreadyPaid();
      // One that was opened meanwhile could still be paid: it is called off first.
      if (state.intentId !== undefined && command.data.intentId !== state.intentId) throw new refusals.AnotherPaymentIntent();
      return [event(events.paymentCanceled, { ...parties, reason: command.data.reason })];
    case 'ClearPaymentMismatch': {
      if (!state.mismatched) return [];
      const cleared = event(events.paymentMismatchCleared, parties);
      return [cleared, ...resumeUnsent(evolvePayment(state, cleared), terms)];
    }

    case 'RequestRefund':
    case 'RefundBookingOutcome':
    case 'RetryRefund':
    case 'RetryFailedRefund':
    case 'RecordRefundAccepted':
    case 'RecordPaymentRefunded':
    case 'RecordRefundFailed':
    case 'RecordChargebackOpened':
    case 'RecordChargebackWon':
    case 'RecordChargebackLost':
      return decideRefund(command, state, terms);
    case 'ReleasePayment':
    case 'SchedulePayout':
    case 'RecordPayoutSent':
    case 'RecordPayoutFailed':
    case 'BlockPayout':
    case 'UnblockPayout':
    case 'CancelPayout':
    case 'RecordPayoutPaid':
    case 'RecordBankPayoutFailed':
      return decidePayout(command, state, terms);
    case 'ReverseTransfer':
    case 'RecordTransferReversed':
    case 'RecordTransferReversalFailed':
    case 'SettleTutorDebt':
      return decideRecovery(command, state, terms);
    default:
      return unreachable(command);
  }
}

/** Who may send what: the payer continues to pay, an administrator who answers for it moves money by hand, all else is the platform's. */
function guard(command: PaymentCommand): void {
  switch (command.type) {
    case 'ProcessPayment':
      return;
    case 'RequestRefund':
    case 'RetryRefund':
    case 'ReleasePayment':
    case 'SchedulePayout':
    case 'CancelPayout':
    case 'ClearPaymentMismatch':
      if (!isThePlatform(command.by) && !isAnsweredFor(command.by)) throw new refusals.ActingAdminRequired();
      return;
    default:
      if (!isThePlatform(command.by)) throw new refusals.OnlyThePlatformMovesMoney();
  }
}

function initiate(command: PaymentCommandOf<'InitiatePayment'>, state: PaymentState): readonly PaymentEvent[] {
  const { paymentId, bookingId } = command.data;
  if (paymentId !== paymentIdOf(bookingId)) throw new refusals.PaymentNotFound();
  if (state.terms !== undefined) return [];
  const { toPay } = command.facts;
  if (toPay === null) throw new refusals.BookingNotReserved();
  const { gross, currency, feeBps, ...people } = toPay;
  if (gross < MINIMUM_CHARGE[currency]) throw new refusals.AmountTooSmall({ minimum: MINIMUM_CHARGE[currency], currency });
  const fee = feeOf(gross, feeBps);
  return [
    event(events.paymentInitiated, {
      paymentId,
      bookingId,
      ...people,
      gross,
      currency,
      feeBps,
      fee,
      tutorNet: gross - fee,
      customerKey: `cus:${people.payerId}`,
      intentKey: `pi:${paymentId}`,
      intentCancelKey: `pic:${paymentId}`,
    }),
  ];
}

/** Money that came is always recorded, even after the payment was given up: only so can it go back. */
function process(command: PaymentCommandOf<'RecordPaymentProcessed'>, state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const { intentId, chargeId, amount, currency } = command.data;
  mustBeOurIntent(state, intentId);
  if (isCaptured(state)) return [];
  if (!agrees(terms, terms.gross, { amount, currency })) return holdMismatch(state, terms, intentId, terms.gross, { amount, currency });
  return [event(events.paymentProcessed, { ...terms.parties, intentId, chargeId, gross: amount, currency: knownCurrency.parse(currency) })];
}

function mustBeOurIntent(state: PaymentState, intentId: string): void {
  if (state.intentId !== undefined && state.intentId !== intentId) throw new refusals.AnotherPaymentIntent();
}

/**
 * The money of one booking, in and out, with its payout: one stream, so that the sum has one boundary.
 * After every event: refunded + charged back + fee kept + tutor owed = gross, and none is negative.
 */
export const paymentTransaction: Decider<PaymentState, PaymentCommand, PaymentEvent> = {
  aggregateType: 'PaymentTransaction',
  context: 'payments',
  idField: 'paymentId',
  stateVersion: 3,
  commands: paymentCommands,
  events: events.paymentEvents,
  refusals: refusals.paymentRefusals,
  initial: noPayment,
  decide,
  evolve: evolvePayment,
};
