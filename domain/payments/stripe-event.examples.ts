import { event } from '../kernel/event.ts';
import { stripeEventHandled, stripeEventIdOf, stripeEventReceived } from './stripe-event.ts';

/** Stripe says that Mia's PaymentIntent succeeded. */
export const intentSucceeded = event(stripeEventReceived, {
  stripeEventRef: stripeEventIdOf('evt_mia'),
  stripeEventId: 'evt_mia',
  eventType: 'payment_intent.succeeded',
  objectId: 'pi_mia',
});
export const intentSucceededHandled = event(stripeEventHandled, { stripeEventRef: intentSucceeded.data.stripeEventRef });
