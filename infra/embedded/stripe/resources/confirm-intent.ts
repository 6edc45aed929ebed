import type { Ledger } from '../ledger.ts';
import { nowSeconds } from '../store.ts';
import type { CardBehaviour } from '../test-cards.ts';
import type { Reply, World } from '../world.ts';
import { charge } from './charges.ts';
import type { Failure } from './charges.ts';
import { openDispute } from './disputes.ts';
import { unexpectedState } from './payment-intents.ts';
import type { PaymentIntent } from './payment-intents.ts';
import { attach, behaviourOf } from './payment-methods.ts';
import type { PaymentMethod } from './payment-methods.ts';
import { payWaitingRefunds } from './refunds.ts';

const messages: Record<string, string> = {
  insufficient_funds: 'Your card has insufficient funds.',
  expired_card: 'Your card has expired.',
  incorrect_cvc: "Your card's security code is incorrect.",
  processing_error: 'An error occurred while processing your card. Try again in a little bit.',
};

function failureOf(behaviour: CardBehaviour & { kind: 'declined' }): Failure {
  const message = messages[behaviour.declineCode ?? behaviour.code] ?? 'Your card was declined.';
  return { code: behaviour.code, declineCode: behaviour.declineCode, message };
}

function save(world: World, intent: PaymentIntent, event: string): PaymentIntent {
  world.store.put(intent);
  world.emit(event, intent);
  return intent;
}

/** The intent goes back to needing a card; the caller is told with 402, and the failed attempt stays on record. */
function decline(world: World, ledger: Ledger, intent: PaymentIntent, method: PaymentMethod, failure: Failure): Reply {
  const failed = charge(world, ledger, intent, method, failure);
  const error = {
    charge: failed.id,
    code: failure.code,
    ...(failure.declineCode ? { decline_code: failure.declineCode } : {}),
    doc_url: `https://stripe.com/docs/error-codes/${failure.code.replaceAll('_', '-')}`,
    message: failure.message,
    payment_method: method,
    type: 'card_error',
  };
  const open: PaymentIntent = {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    latest_charge: failed.id,
    last_payment_error: error,
    next_action: null,
  };
  save(world, open, 'payment_intent.payment_failed');
  return { status: 402, body: { error: { ...error, payment_intent: open } } };
}

function succeed(world: World, ledger: Ledger, intent: PaymentIntent, method: PaymentMethod): Reply {
  const made = charge(world, ledger, intent, method);
  const done: PaymentIntent = {
    ...intent,
    status: 'succeeded',
    payment_method: method.id,
    amount_received: intent.amount,
    latest_charge: made.id,
    last_payment_error: null,
    next_action: null,
  };
  save(world, done, 'payment_intent.succeeded');
  if (intent.setup_future_usage !== null && intent.customer !== null) attach(world, method, intent.customer);
  if (behaviourOf(world, method).kind === 'disputed') openDispute(world, ledger, made);
  payWaitingRefunds(world, ledger);
  return { body: done };
}

/** Confirms an intent with a card: charged, declined, or waiting for the payer to pass a challenge. */
export function confirm(world: World, ledger: Ledger, intent: PaymentIntent, method: PaymentMethod, returnUrl: string | undefined): Reply {
  if (method.customer !== null && method.customer !== intent.customer) {
    throw unexpectedState(intent, 'The payment method you provided belongs to another customer.');
  }
  const behaviour = behaviourOf(world, method);
  if (behaviour.kind === 'declined') return decline(world, ledger, intent, method, failureOf(behaviour));
  if (behaviour.kind !== 'challenge') return succeed(world, ledger, intent, method);
  const url = `${world.address()}/_challenge/${intent.id}?client_secret=${encodeURIComponent(intent.client_secret)}`;
  const waiting: PaymentIntent = {
    ...intent,
    status: 'requires_action',
    payment_method: method.id,
    last_payment_error: null,
    next_action:
      returnUrl === undefined
        ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url, source: method.id } }
        : { type: 'redirect_to_url', redirect_to_url: { url, return_url: returnUrl } },
  };
  return { body: save(world, waiting, 'payment_intent.requires_action') };
}

/** The payer passes or fails the challenge of their bank. Refuses when no challenge is open. */
export function answerChallenge(world: World, ledger: Ledger, intent: PaymentIntent, passed: boolean): PaymentIntent {
  if (intent.status !== 'requires_action' || intent.payment_method === null) throw unexpectedState(intent, 'No challenge is open.');
  const method = world.store.get<PaymentMethod>('payment_method', intent.payment_method);
  if (passed) succeed(world, ledger, intent, method);
  else {
    const error = {
      code: 'payment_intent_authentication_failure',
      message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
      payment_method: method,
      type: 'invalid_request_error',
    };
    const open: PaymentIntent = {
      ...intent,
      status: 'requires_payment_method',
      payment_method: null,
      last_payment_error: error,
      next_action: null,
    };
    save(world, open, 'payment_intent.payment_failed');
  }
  return world.store.get<PaymentIntent>('payment_intent', intent.id);
}

/** Gives an intent up. Refuses when it has succeeded or has been given up before. */
export function cancel(world: World, intent: PaymentIntent, reason: string | null): PaymentIntent {
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw unexpectedState(intent, `You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`);
  }
  const canceled: PaymentIntent = {
    ...intent,
    status: 'canceled',
    canceled_at: nowSeconds(),
    cancellation_reason: reason,
    next_action: null,
  };
  return save(world, canceled, 'payment_intent.canceled');
}
