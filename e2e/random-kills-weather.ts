import type { Operator } from '#app/demo/operator.ts';
import type { Chance } from './random-kills-chance.ts';

/** What goes wrong at Stripe: done and answered 500, not done and answered 500, done and never answered, done and cut off, turned away. */
const KINDS = ['error-after', 'error-after', 'error-before', 'never-answer', 'reset', 'rate-limit'] as const;
const WRITES = [
  '/v1/customers',
  '/v1/payment_intents',
  '/v1/payment_intents/*/confirm',
  '/v1/payment_intents/*/cancel',
  '/v1/refunds',
  '/v1/transfers',
  '/v1/transfers/*/reversals',
] as const;
const READS = ['/v1/payment_intents/*', '/v1/payment_intents', '/v1/refunds', '/v1/transfers', '/v1/charges'] as const;

/** Changes what goes wrong at Stripe. A change that Stripe's own control panel does not take is an error. */
export async function changeWeather(operator: Operator, chance: Chance): Promise<void> {
  if (chance.happens(0.3)) await operator.stripe('DELETE', 'faults');
  for (let count = chance.below(4); count > 0; count--) {
    const path = chance.pick(WRITES);
    await operator.stripe('POST', 'faults', { path, kind: chance.pick(KINDS), times: 1 + chance.below(2) });
  }
  if (chance.happens(0.3)) {
    const kind = chance.pick(['error-before', 'reset', 'rate-limit'] as const);
    await operator.stripe('POST', 'faults', { method: 'GET', path: chance.pick(READS), kind, times: 1 + chance.below(3) });
  }
  await operator.stripe('PUT', 'webhooks', {
    paused: chance.happens(0.15),
    delayMs: chance.pick([0, 0, 300, 1_500, 4_000] as const),
    extraCopies: chance.below(3),
    reversed: chance.happens(0.4),
  });
}

/** Nothing goes wrong any more. */
export async function clearWeather(operator: Operator): Promise<void> {
  await operator.stripe('DELETE', 'faults');
  await operator.stripe('PUT', 'webhooks', { paused: false, delayMs: 0, extraCopies: 0, reversed: false });
}
