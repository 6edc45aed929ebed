import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import Stripe from 'stripe';
import { startStripeHarness } from './harness.ts';

let harness: Awaited<ReturnType<typeof startStripeHarness>>;
let stripe: Stripe;
beforeAll(async () => {
  harness = await startStripeHarness();
  ({ stripe } = harness);
});
afterAll(() => harness.stop());

/** One thing that somebody does; `pick` chooses among what is there. */
type Step = { act: 'charge' | 'refund' | 'transfer' | 'reverse' | 'payout' | 'dispute'; amount: number; pick: number };
const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('charge', 'refund', 'transfer', 'reverse', 'payout', 'dispute'),
  amount: fc.integer({ min: 50, max: 9000 }),
  pick: fc.nat(),
});

interface Made {
  account: string;
  intents: Stripe.PaymentIntent[];
  transfers: Stripe.Transfer[];
}

const chosen = <T>(from: T[], pick: number): T | undefined => from[pick % Math.max(from.length, 1)];

async function act({ act: what, amount, pick }: Step, made: Made): Promise<void> {
  const intent = chosen(made.intents, pick);
  const transfer = chosen(made.transfers, pick);
  const charge = String(intent?.latest_charge);
  if (what === 'charge') {
    made.intents.push(await stripe.paymentIntents.create({ amount, currency: 'eur', payment_method: 'pm_card_visa', confirm: true }));
  } else if (what === 'payout') await harness.control('POST', `accounts/${made.account}/payout`, { currency: 'eur', amount });
  else if (what === 'refund' && intent) await stripe.refunds.create({ payment_intent: intent.id, amount });
  else if (what === 'dispute' && intent) await harness.control('POST', `charges/${charge}/dispute`);
  else if (what === 'reverse' && transfer) await stripe.transfers.createReversal(transfer.id, { amount });
  else if (what === 'transfer' && intent) {
    made.transfers.push(await stripe.transfers.create({ amount, currency: 'eur', destination: made.account, source_transaction: charge }));
  }
}

async function transactions(account?: string): Promise<Stripe.BalanceTransaction[]> {
  const found: Stripe.BalanceTransaction[] = [];
  for await (const one of stripe.balanceTransactions.list({ limit: 100 }, account === undefined ? {} : { stripeAccount: account }))
    found.push(one);
  return found;
}
const sum = (list: Stripe.BalanceTransaction[], types: string[]): number =>
  list.filter(({ type }) => types.includes(type)).reduce((total, { amount }) => total + amount, 0);

describe('the ledger', () => {
  it('holds whatever is asked of it, and however much of it is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const { id: account } = await stripe.accounts.create({ country: 'DE' });
        await harness.control('POST', `accounts/${account}/onboard`);
        const made: Made = { account, intents: [], transfers: [] };
        // A refusal is an answer as good as any: what counts is what is true afterwards.
        for (const one of steps) await act(one, made).catch((error: unknown) => expect(String(error)).not.toContain('the stand-in failed'));

        for (const { id } of made.intents) {
          const charge = (await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })).latest_charge as Stripe.Charge;
          const refunds = (await stripe.refunds.list({ payment_intent: id, limit: 100 })).data;
          expect(charge.amount_refunded).toBe(refunds.reduce((total, { amount }) => total + amount, 0));
          expect(charge.amount_refunded).toBeLessThanOrEqual(charge.amount);
          const moved = made.transfers.filter(({ source_transaction }) => source_transaction === charge.id);
          expect(moved.reduce((total, { amount }) => total + amount, 0)).toBeLessThanOrEqual(charge.amount);
        }
        const own = await transactions(account);
        const { available } = await stripe.balance.retrieve({}, { stripeAccount: account });
        expect(available[0]?.amount ?? 0).toBe(own.reduce((total, { net }) => total + net, 0));
        expect(available[0]?.amount ?? 0).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 25 },
    );
    // What left the platform for tutors arrived there, to the cent.
    const platform = await transactions();
    const tutors: Stripe.BalanceTransaction[] = [];
    for await (const { id } of stripe.accounts.list({ limit: 100 })) tutors.push(...(await transactions(id)));
    expect(sum(tutors, ['payment', 'payment_refund'])).toBe(-sum(platform, ['transfer', 'transfer_refund']));
  });
});
