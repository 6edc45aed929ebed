import type { Json, JsonObject } from '../../http/json.ts';
import { StripeRefusal } from '../errors.ts';
import type { Resource } from '../store.ts';

/** The states of an intent that the stand-in reaches. */
export type IntentStatus = 'requires_payment_method' | 'requires_confirmation' | 'requires_action' | 'succeeded' | 'canceled';

/** The intention to take an amount from a payer. */
export interface PaymentIntent extends Resource {
  object: 'payment_intent';
  amount: number;
  currency: string;
  status: IntentStatus;
  customer: string | null;
  payment_method: string | null;
  transfer_group: string | null;
  latest_charge: string | null;
  client_secret: string;
  last_payment_error: JsonObject | null;
  next_action: JsonObject | null;
  setup_future_usage: string | null;
}

/** The refusal of a step that the state of an intent does not allow; like Stripe's it shows the intent. */
export function unexpectedState(intent: PaymentIntent, message: string): StripeRefusal {
  const payment_intent: Json = intent;
  return new StripeRefusal(400, 'invalid_request_error', message, { code: 'payment_intent_unexpected_state', payment_intent });
}
