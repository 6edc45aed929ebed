import Stripe from 'stripe';
import { UpstreamRefused, UpstreamUnsure, neverSent } from '../upstream-errors.ts';

/** The card was declined: the payer may try another. */
export class CardDeclined extends Error {
  constructor(
    /** Stripe's code, such as `card_declined` or `expired_card`. */
    readonly code: string,
    /** The bank's reason, such as `insufficient_funds`. */
    readonly declineCode: string | undefined,
    readonly paymentIntentId: string | undefined,
    options?: ErrorOptions,
  ) {
    super(`The card was declined: ${declineCode ?? code}.`, options);
    this.name = 'CardDeclined';
  }
}

/** The signature, or the age, of a webhook is not right. */
export class WebhookNotAuthentic extends Error {
  constructor(options?: ErrorOptions) {
    super('The webhook is not authentic.', options);
    this.name = 'WebhookNotAuthentic';
  }
}

/** An error of the SDK as one of ours. A kept 500 is unsure too: the caller looks the object up before it tries a new key. */
export function stripeError(error: unknown): Error {
  if (!(error instanceof Stripe.errors.StripeError)) return error instanceof Error ? error : new Error(String(error));
  const options = { cause: error };
  const code = error.code || error.type;
  if (error instanceof Stripe.errors.StripeCardError)
    return new CardDeclined(code, error.decline_code || undefined, error.payment_intent?.id, options);
  const status = error.statusCode;
  if (error instanceof Stripe.errors.StripeConnectionError || status === undefined) {
    const unsent = neverSent(error) ?? neverSent(error.detail);
    return new UpstreamUnsure('stripe', unsent ?? code, unsent !== undefined, options);
  }
  // 401 and 403 say that our key is wrong or was replaced: nothing of the call itself, which is done once the key is right.
  if (status === 429 || status === 401 || status === 403) return new UpstreamUnsure('stripe', code, true, options);
  // 409: the first request with this key is still under way.
  if (status >= 500 || status === 409) return new UpstreamUnsure('stripe', code, false, options);
  return new UpstreamRefused('stripe', code, status, options);
}
