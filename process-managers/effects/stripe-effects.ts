import { z } from 'zod';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { paymentCanceled } from '#domain/payments/payment-events.ts';

/** What the payments policies ask of Stripe; each handler stands in a file of its own name. */

export const createPaymentIntent = defineEffect('CreatePaymentIntent', {
  sentence: 'Open a PaymentIntent over the amount of a payment, for the payer as a customer.',
  data: z.object({ paymentId: uuid }),
  undo: { by: 'CancelPaymentIntent' },
});
export const cancelPaymentIntent = defineEffect('CancelPaymentIntent', {
  sentence: 'Call a PaymentIntent off, unless the money has come already: then that is recorded.',
  data: z.object({ paymentId: uuid, bookingId: uuid, reason: paymentCanceled.schema.shape.reason }),
  undo: { irreversible: 'A canceled PaymentIntent stays canceled; no money has moved, and the payer may book again.' },
});
export const refetchStripeObject = defineEffect('RefetchStripeObject', {
  sentence: 'Ask Stripe how an object stands that changed, and record that.',
  data: z.object({ stripeEventRef: uuid, eventType: z.string(), objectId: z.string(), account: z.string().optional() }),
  undo: { irreversible: 'It only reads at Stripe; what it records is what happened there.' },
});
export const createRefund = defineEffect('CreateRefund', {
  sentence: 'Give money back to the payer.',
  data: z.object({ paymentId: uuid, refundId: uuid }),
  undo: { irreversible: 'Money that went back to the payer’s bank can only be asked for again.' },
});
export const createTransfer = defineEffect('CreateTransfer', {
  sentence: 'Send a due payout to the tutor’s account at Stripe.',
  data: z.object({ paymentId: uuid, payoutId: uuid }),
  undo: { by: 'ReverseTransferAtStripe' },
});
export const reverseTransferAtStripe = defineEffect('ReverseTransferAtStripe', {
  sentence: 'Take part of a transfer back from the tutor’s account at Stripe.',
  data: z.object({ paymentId: uuid, reversalId: uuid }),
  undo: { by: 'CreateTransfer' },
});
export const createPayoutAccount = defineEffect('CreatePayoutAccount', {
  sentence: 'Open an account at Stripe for a tutor who wants to be paid.',
  data: z.object({ tutorId: uuid }),
  undo: { irreversible: 'An empty account at Stripe costs nothing and holds nothing; the tutor may cut it off.' },
});

export const stripeEffects = [
  createPaymentIntent,
  cancelPaymentIntent,
  refetchStripeObject,
  createRefund,
  createTransfer,
  reverseTransferAtStripe,
  createPayoutAccount,
] as const;
