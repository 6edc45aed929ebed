import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { EffectHandler } from '#infra/process-managers/effect.ts';
import { cancelPaymentIntentHandler, createPaymentIntentHandler } from './stripe-charge.ts';
import { createPayoutAccountHandler, createTransferHandler, reverseTransferHandler } from './stripe-payout.ts';
import { refetchStripeObjectHandler } from './stripe-refetch.ts';
import { createRefundHandler } from './stripe-refund.ts';

/** The handlers of all effects at Stripe. */
export function stripeHandlers(stripe: StripePayments): readonly EffectHandler[] {
  return [
    createPaymentIntentHandler(stripe),
    cancelPaymentIntentHandler(stripe),
    refetchStripeObjectHandler(stripe),
    createRefundHandler(stripe),
    createTransferHandler(stripe),
    reverseTransferHandler(stripe),
    createPayoutAccountHandler(stripe),
  ];
}
