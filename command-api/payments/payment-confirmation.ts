import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { currency, minorUnits } from '#domain/kernel/money.ts';
import { lessonBooking } from '#domain/lessons/lesson-booking.ts';
import { paymentIdOf, processPayment } from '#domain/payments/payment-commands.ts';
import { PaymentNotFound, PaymentNotReady } from '#domain/payments/payment-refusals.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import { CardDeclined } from '#infra/adapters/stripe/errors.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { UpstreamRefused } from '#infra/adapters/upstream-errors.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { meaningOfStripe } from './refusals.ts';

export const wantedPayment = z.object({
  bookingId: uuid,
  paymentMethodId: z
    .string()
    .regex(/^(pm|card|src)_\w{1,200}$/)
    .optional()
    .describe('A payment method at Stripe to confirm with; without it the card form of the client confirms.'),
  saveCard: z.boolean().default(false).describe('Keep the card at Stripe for later payments.'),
  returnUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where the bank sends the payer back to after a second step.'),
});

export const openPayment = z.object({
  paymentId: uuid,
  status: z.string().describe('Of the PaymentIntent, as Stripe names it; the payment counts once its webhook has come.'),
  amountMinor: minorUnits,
  currency,
  clientSecret: z.string().nullable(),
  publishableKey: z.string(),
  declinedBecause: z.string().nullable().describe('Why the bank declined the confirmation of this very request.'),
});

/** How long a request waits for the policies that begin the payment. */
const READY_WITHIN_MS = 5_000;
const LOOK_AGAIN_MS = 50;

/** Shows a payer the PaymentIntent of their booking, and confirms it when they name a card. Nothing is recorded here. */
@Injectable()
export class PaymentConfirmation {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
    @Inject(StripePayments) private readonly stripe: StripePayments,
    @Inject(CONFIG) private readonly config: Pick<Config, 'stripe' | 'publicHttp'>,
  ) {}

  /** Throws the payment's refusals, `PaymentMethodNotAccepted`, and 503 when Stripe gives no certain answer. */
  async process(wanted: z.output<typeof wantedPayment>, caller: Caller): Promise<z.output<typeof openPayment>> {
    const paymentId = paymentIdOf(wanted.bookingId);
    const context = caller.commandContext();
    await this.#whenReady(wanted.bookingId, () => this.commands.send(command(processPayment, { paymentId }), context));
    const { terms, intentId } = (await this.aggregates.load(paymentTransaction, paymentId)).state;
    if (terms === undefined || intentId === undefined) throw new PaymentNotFound();
    try {
      const declinedBecause = await this.#confirm(intentId, wanted, context.commandId);
      const intent = await this.stripe.retrievePaymentIntent(intentId);
      return {
        paymentId,
        status: intent.status,
        amountMinor: terms.gross,
        currency: terms.currency,
        clientSecret: intent.client_secret,
        publishableKey: this.config.stripe.publishableKey,
        declinedBecause,
      };
    } catch (error) {
      throw meaningOfStripe(error);
    }
  }

  /** A booking that has just been made gets its payment in a moment: whoever pays at once need not ask twice. */
  async #whenReady(bookingId: string, work: () => Promise<unknown>): Promise<void> {
    const giveUpAt = Date.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        await work();
        return;
      } catch (refusal) {
        const isComing =
          refusal instanceof PaymentNotReady || (refusal instanceof PaymentNotFound && (await this.#awaitsPayment(bookingId)));
        if (!isComing || Date.now() > giveUpAt) throw refusal;
      }
      await pause(LOOK_AGAIN_MS);
    }
  }

  async #awaitsPayment(bookingId: string): Promise<boolean> {
    const { status } = (await this.aggregates.load(lessonBooking, bookingId)).state;
    return status === 'Initiated' || status === 'Reserved';
  }

  /** Confirms with a named card; the reason when the bank declines it. One request is one attempt, however often it is repeated. */
  async #confirm(intentId: string, wanted: z.output<typeof wantedPayment>, requestId: string): Promise<string | null> {
    const { paymentMethodId, saveCard, returnUrl } = wanted;
    if (paymentMethodId === undefined) return null;
    try {
      await this.stripe.confirmPaymentIntent(
        intentId,
        {
          payment_method: paymentMethodId,
          ...(saveCard ? { setup_future_usage: 'on_session' } : {}),
          return_url: returnUrl ?? this.config.publicHttp.url,
        },
        `conf:${requestId}`,
      );
      return null;
    } catch (error) {
      if (error instanceof CardDeclined) return error.declineCode ?? error.code;
      // Whoever pays twice, because the first answer was lost or by two clicks, hears that it is paid.
      if (await this.#hasSucceeded(intentId, error)) return null;
      throw error;
    }
  }

  async #hasSucceeded(intentId: string, error: unknown): Promise<boolean> {
    if (!(error instanceof UpstreamRefused) || error.code !== 'payment_intent_unexpected_state') return false;
    return (await this.stripe.retrievePaymentIntent(intentId)).status === 'succeeded';
  }
}
