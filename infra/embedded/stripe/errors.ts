import type { JsonObject } from '../http/json.ts';

/** An error answer in Stripe's shape. */
export class StripeRefusal extends Error {
  constructor(
    readonly status: number,
    readonly type: 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error',
    message: string,
    readonly details: { code?: string; param?: string; decline_code?: string } & JsonObject = {},
    /** Stripe keeps no answer for a key when the parameters did not pass validation. */
    readonly kept = true,
  ) {
    super(message);
  }

  body(requestId: string): JsonObject {
    return {
      error: {
        type: this.type,
        message: this.message,
        request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}`,
        ...this.details,
      },
    };
  }
}

/** A parameter is wrong: nothing was executed. */
export function invalid(message: string, param?: string, code?: string): StripeRefusal {
  return new StripeRefusal(400, 'invalid_request_error', message, { ...(param ? { param } : {}), ...(code ? { code } : {}) }, false);
}

/** The request was understood and executed, and refused by the state of things. */
export function refused(code: string, message: string, details: JsonObject = {}): StripeRefusal {
  return new StripeRefusal(400, 'invalid_request_error', message, { code, ...details });
}

/** No such object. */
export function missing(kind: string, id: string, param = 'id'): StripeRefusal {
  return new StripeRefusal(
    404,
    'invalid_request_error',
    `No such ${kind.replace('_', '')}: '${id}'`,
    { code: 'resource_missing', param },
    false,
  );
}
