import type { Events } from '#domain/deciders.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { refetchStripeObject } from '../effects/stripe-effects.ts';

/** What a webhook says is never believed, only that something changed. */
export const hearStripe: ProcessManager<Events> = {
  name: 'hear-stripe',
  context: 'payments',
  sentence: 'Whatever Stripe reports is asked for again and recorded as it stands.',
  // One look at an object after the other: of two at once, the one with the older answer might be recorded last.
  instance: ({ data, aggregateId }) => ('objectId' in data ? data.objectId : aggregateId),
  on: {
    StripeEventReceived: ({ data: { stripeEventRef, eventType, objectId, account } }) =>
      now(effect(refetchStripeObject, { stripeEventRef, eventType, objectId, ...(account === undefined ? {} : { account }) })),
  },
};
