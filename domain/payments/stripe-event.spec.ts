import { describe, it } from '@jest/globals';
import type { Actor } from '../kernel/command.ts';
import { given } from '../kernel/given-when-then.ts';
import { intentSucceeded, intentSucceededHandled } from './stripe-event.examples.ts';
import * as stripe from './stripe-event.ts';

const webhook: Actor = { role: 'external' };

describe('Receiving an event of Stripe', () => {
  it('is noted without its payload', () =>
    given(stripe.stripeEvent).when(stripe.receiveStripeEvent, intentSucceeded.data, { by: webhook }).then(intentSucceeded));
  it('is nothing new when it is delivered again', () =>
    given(stripe.stripeEvent, intentSucceeded).when(stripe.receiveStripeEvent, intentSucceeded.data, { by: webhook }).alreadySo());
  it('has one stream for each of Stripe’s ids', () =>
    given(stripe.stripeEvent)
      .when(stripe.receiveStripeEvent, { ...intentSucceeded.data, stripeEventId: 'evt_other' }, { by: webhook })
      .refused(stripe.NotThatStripeEvent));
  it('is not for people', () =>
    given(stripe.stripeEvent)
      .when(stripe.receiveStripeEvent, intentSucceeded.data, { by: { role: 'admin', userId: intentSucceeded.data.stripeEventRef } })
      .refused(stripe.OnlyStripeReports));
});

describe('Having handled an event of Stripe', () => {
  const { stripeEventRef } = intentSucceeded.data;
  const handle = (...before: readonly stripe.StripeEventEvent[]) =>
    given(stripe.stripeEvent, ...before).when(stripe.markStripeEventHandled, { stripeEventRef });

  it('is noted, so that a replay does not ask Stripe again', () => handle(intentSucceeded).then(intentSucceededHandled));
  it('is noted once', () => handle(intentSucceeded, intentSucceededHandled).alreadySo());
  it('comes after receiving it', () => handle().refused(stripe.StripeEventNotReceived));
});
