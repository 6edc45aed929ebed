import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { Problem } from '#infra/http/problems.ts';

// What Stripe says no to within a request: nothing that an aggregate knows.
export class PaymentMethodNotAccepted extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'This way to pay cannot be used for the payment.';
}
export class PayoutAccountBeingOpened extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account is being opened; try again in a moment.';
}

/** What a client is told when Stripe did not do its part. */
export function meaningOfStripe(error: unknown): unknown {
  if (error instanceof UpstreamUnsure) return new Problem('upstream_unavailable', { headers: { 'retry-after': '2' } });
  if (error instanceof UpstreamRefused && error.status === 400) return new PaymentMethodNotAccepted({ reason: error.code });
  return error;
}
