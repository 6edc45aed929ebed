import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { paymentMismatchDetected, payoutBlocked, payoutUnblocked, type PaymentEvent } from './payment-events.ts';
import { AnotherPaymentIntent, PaymentNotCaptured, PaymentOnHold } from './payment-refusals.ts';
import { isCaptured, isOnHold, unsentPayout, type PaymentState, type Terms } from './payment-state.ts';

/** A policy, a timer or a verified webhook. */
export function isThePlatform(by: Actor): boolean {
  return by.role === 'system' || by.role === 'external';
}

/** A person of ours who acts by name, directly or through an internal service. */
export function isAnsweredFor(by: Actor): boolean {
  return (by.role === 'admin' || by.role === 'internal') && by.userId !== undefined;
}

/** What Stripe reports of an amount. */
export interface Reported {
  readonly amount: number;
  readonly currency: string;
}

/** Whether Stripe reports this amount in the payment's currency. */
export function agrees(terms: Terms, amount: number, actual: Reported): boolean {
  return actual.amount === amount && actual.currency === terms.currency;
}

/** Holds the money because Stripe reports something else than the expected amount; nothing new when it is held already. */
export function holdMismatch(
  state: PaymentState,
  terms: Terms,
  objectId: string,
  expected: number,
  actual: Reported,
): readonly PaymentEvent[] {
  if (state.mismatched) return [];
  const detected = event(paymentMismatchDetected, {
    ...terms.parties,
    objectId,
    expectedAmount: expected,
    expectedCurrency: terms.currency,
    actualAmount: actual.amount,
    actualCurrency: actual.currency,
  });
  return [detected, ...blockUnsent(state, terms, 'mismatch')];
}

/** Lets a payout wait that could still go out. */
export function blockUnsent(state: PaymentState, terms: Terms, reason: 'dispute' | 'mismatch'): readonly PaymentEvent[] {
  const waiting = unsentPayout(state);
  if (waiting === undefined || waiting.payout.status === 'blocked') return [];
  return [event(payoutBlocked, { ...terms.parties, payoutId: waiting.payoutId, reason })];
}

/** Lets a payout go on that waited for a hold to end, once no other hold is left. `state` is the one after the hold ended. */
export function resumeUnsent(state: PaymentState, terms: Terms): readonly PaymentEvent[] {
  const waiting = unsentPayout(state);
  const blockedBy = waiting?.payout.blockedBy;
  if (waiting === undefined || isOnHold(state) || (blockedBy !== 'dispute' && blockedBy !== 'mismatch')) return [];
  return [event(payoutUnblocked, { ...terms.parties, payoutId: waiting.payoutId })];
}

/** Money has come and nothing holds it: only then may it be moved by our own decision. */
export function mustBeMovable(state: PaymentState): void {
  if (!isCaptured(state)) throw new PaymentNotCaptured({ status: state.status });
  if (isOnHold(state)) throw new PaymentOnHold();
}

/** The PaymentIntent that brought the money. */
export function intentOf(state: PaymentState): string {
  if (state.intentId === undefined) throw new AnotherPaymentIntent();
  return state.intentId;
}
