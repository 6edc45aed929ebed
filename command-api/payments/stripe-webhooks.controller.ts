import { Controller, Headers, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { isFollowedUp, receiveStripeEvent, stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { WebhookNotAuthentic } from '#infra/adapters/stripe/errors.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Caller, Endpoint, RawBody } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { Problem } from '#infra/http/problems.ts';

const received = z.object({ received: z.literal(true) });
const withId = z.object({ id: z.string().min(1).max(255) });

/**
 * Takes what Stripe tells. Only after it is in the log does the answer say so: an error before makes Stripe deliver it again. What follows is done
 * later, on what Stripe says when asked.
 */
@Controller('webhooks')
export class StripeWebhooksController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(StripePayments) private readonly stripe: StripePayments,
    @Inject(CONFIG) private readonly config: Pick<Config, 'stripe'>,
  ) {}

  @Post('stripe')
  @Endpoint({
    summary: 'Takes the events of the platform’s account at Stripe.',
    actors: 'anyone',
    rawBody: true,
    response: received,
    status: 200,
  })
  platform(
    @RawBody() body: Buffer,
    @Headers('stripe-signature') signature: string | undefined,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof received>> {
    return this.#receive(body, signature, this.config.stripe.webhookSecret, caller);
  }

  @Post('stripe-connect')
  @Endpoint({
    summary: 'Takes the events of the tutors’ accounts at Stripe.',
    actors: 'anyone',
    rawBody: true,
    response: received,
    status: 200,
  })
  connect(
    @RawBody() body: Buffer,
    @Headers('stripe-signature') signature: string | undefined,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof received>> {
    return this.#receive(body, signature, this.config.stripe.connectWebhookSecret, caller);
  }

  async #receive(body: Buffer, signature: string | undefined, secret: string, caller: Caller): Promise<z.output<typeof received>> {
    const { id, type, data, account } = this.#verified(body, signature ?? '', secret);
    const object = withId.safeParse(data.object);
    if (object.success && isFollowedUp(type)) {
      const notice = { stripeEventRef: stripeEventIdOf(id), stripeEventId: id, eventType: type, objectId: object.data.id };
      const context = caller.commandContext({ by: { role: 'external' }, commandId: followUpId('stripe event', id) });
      await this.commands.send(command(receiveStripeEvent, { ...notice, ...(account === undefined ? {} : { account }) }), context);
    }
    return { received: true };
  }

  #verified(body: Buffer, signature: string, secret: string) {
    try {
      return this.stripe.verifyWebhook(body, signature, secret);
    } catch (error) {
      if (error instanceof WebhookNotAuthentic) throw new Problem('unauthenticated');
      throw error;
    }
  }
}
