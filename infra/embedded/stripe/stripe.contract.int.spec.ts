import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Stripe from 'stripe';
import { startStripeHarness, stripeAt, stripeFailure } from './harness.ts';

// A stateless mock of the API, or Stripe's own test mode, may be named here: then only the shapes are compared.
const elsewhere = process.env['STRIPE_CONTRACT_URL'];

const shapes: { call: string; run: (stripe: Stripe) => Promise<unknown>; shape: Record<string, unknown> }[] = [
  {
    call: 'customers.create',
    run: (stripe) => stripe.customers.create({ metadata: { payerId: 'p-1' } }),
    shape: { object: 'customer', metadata: expect.any(Object) },
  },
  {
    call: 'customers.list',
    run: (stripe) => stripe.customers.list({ limit: 3 }),
    shape: { object: 'list', data: expect.any(Array), has_more: expect.any(Boolean) },
  },
  {
    call: 'paymentIntents.create',
    run: (stripe) =>
      stripe.paymentIntents.create({ amount: 5000, currency: 'usd', transfer_group: 'booking-1', metadata: { paymentId: 'x' } }),
    shape: {
      object: 'payment_intent',
      client_secret: expect.any(String),
      status: expect.any(String),
      amount: expect.any(Number),
      currency: 'usd',
    },
  },
  { call: 'paymentIntents.list', run: (stripe) => stripe.paymentIntents.list({ limit: 3 }), shape: { object: 'list' } },
  { call: 'refunds.list', run: (stripe) => stripe.refunds.list({ limit: 3 }), shape: { object: 'list' } },
  { call: 'transfers.list', run: (stripe) => stripe.transfers.list({ transfer_group: 'booking-1' }), shape: { object: 'list' } },
  {
    call: 'accounts.create',
    run: (stripe) =>
      stripe.accounts.create({
        controller: { fees: { payer: 'application' }, losses: { payments: 'application' }, stripe_dashboard: { type: 'express' } },
      }),
    shape: { object: 'account', payouts_enabled: expect.any(Boolean), requirements: expect.any(Object) },
  },
  { call: 'balance.retrieve', run: (stripe) => stripe.balance.retrieve(), shape: { object: 'balance', available: expect.any(Array) } },
  { call: 'events.list', run: (stripe) => stripe.events.list({ limit: 3 }), shape: { object: 'list' } },
];

describe('the answers have the shapes of the API', () => {
  let harness: Awaited<ReturnType<typeof startStripeHarness>>;
  beforeAll(async () => {
    harness = await startStripeHarness();
  });
  afterAll(() => harness.stop());

  it.each(shapes)('$call', async ({ run, shape }) => {
    expect(await run(elsewhere ? stripeAt(elsewhere, 'sk_test_123') : harness.stripe)).toMatchObject(shape);
  });

  if (elsewhere) {
    it.each(shapes.filter(({ call }) => call.endsWith('.create')))('$call answers with no field that is unknown there', async ({ run }) => {
      const theirs = (await run(stripeAt(elsewhere, 'sk_test_123'))) as object;
      expect(Object.keys(theirs)).toEqual(expect.arrayContaining(Object.keys((await run(harness.stripe)) as object)));
    });
  }
});

describe('the stand-in for Stripe', () => {
  let harness: Awaited<ReturnType<typeof startStripeHarness>>;
  let stripe: Stripe;
  beforeAll(async () => {
    harness = await startStripeHarness();
    ({ stripe } = harness);
  });
  afterAll(() => harness.stop());

  const paid = (amount: number, more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
    stripe.paymentIntents.create({ amount, currency: 'eur', payment_method: 'pm_card_visa', confirm: true, ...more });
  const onboarded = async (): Promise<Stripe.Account> => {
    const account = await stripe.accounts.create({ country: 'DE', capabilities: { transfers: { requested: true } } });
    await harness.control('POST', `accounts/${account.id}/onboard`);
    return stripe.accounts.retrieve(account.id);
  };

  it.each([
    ['pm_card_visa', 'succeeded'],
    ['pm_card_mastercard', 'succeeded'],
    ['pm_card_threeDSecure2Required', 'requires_action'],
  ])('a payment with %s: %s', async (payment_method, status) => {
    const intent = await stripe.paymentIntents.create({ amount: 5000, currency: 'EUR', metadata: { paymentId: 'p' } });
    expect(intent).toMatchObject({ status: 'requires_payment_method', currency: 'eur', latest_charge: null });
    expect(await stripe.paymentIntents.confirm(intent.id, { payment_method, return_url: 'https://example.com' })).toMatchObject({ status });
  });

  it.each([
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
  ])('a payment with %s is declined: %s %s', async (payment_method, code, declineCode) => {
    const intent = await stripe.paymentIntents.create({ amount: 5000, currency: 'eur' });
    const error = await stripeFailure(stripe.paymentIntents.confirm(intent.id, { payment_method }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code, payment_intent: { id: intent.id, status: 'requires_payment_method' } });
    expect(error.decline_code).toBe(declineCode);
    const after = await stripe.paymentIntents.retrieve(intent.id);
    expect(after.last_payment_error).toMatchObject({ code, type: 'card_error' });
    // Another card may be tried with the same intent.
    expect(await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' })).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['passed', 'succeeded', 'succeeded'],
    ['failed', 'requires_payment_method', 'failed'],
  ])('a payer who %s the challenge of their bank ends with %s', async (outcome, status, redirectStatus) => {
    const intent = await stripe.paymentIntents.create({ amount: 700, currency: 'eur' });
    const confirmed = await stripe.paymentIntents.confirm(intent.id, {
      payment_method: 'pm_card_threeDSecure2Required',
      return_url: 'https://example.com/back',
    });
    const url = confirmed.next_action?.redirect_to_url?.url ?? '';
    expect(await (await fetch(url)).text()).toContain('3-D Secure');
    const answer = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ outcome, client_secret: intent.client_secret ?? '' }),
      redirect: 'manual',
    });
    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('redirect_status')).toBe(redirectStatus);
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ status });
  });

  it('lets a customer with the publishable key and the client secret confirm, and do nothing else', async () => {
    const customer = await stripe.customers.create({});
    const intent = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'eur',
      customer: customer.id,
      setup_future_usage: 'off_session',
    });
    const secret = { client_secret: intent.client_secret ?? '' };
    const confirmed = await harness.customerSide.paymentIntents.confirm(intent.id, {
      ...secret,
      payment_method_data: { type: 'card', card: { token: 'tok_visa' } } as unknown as Stripe.PaymentIntentConfirmParams.PaymentMethodData,
    });
    expect(confirmed).toMatchObject({ status: 'succeeded' });
    expect(confirmed.customer).toBeUndefined();
    expect((await stripe.paymentMethods.list({ customer: customer.id })).data).toMatchObject([{ card: { brand: 'visa', last4: '4242' } }]);
    expect(await stripeFailure(harness.customerSide.paymentIntents.retrieve(intent.id, { client_secret: 'wrong' }))).toMatchObject({
      statusCode: 404,
    });
    expect(await stripeFailure(harness.customerSide.customers.list())).toMatchObject({ statusCode: 401 });
    expect(await stripeFailure(stripeAt(harness.address, 'sk_test_wrong').customers.list())).toMatchObject({ statusCode: 401 });
  });

  it.each([
    ['an unknown parameter', { amount: 1000, currency: 'eur', amuont: 1 }, 'parameter_unknown', 'amuont'],
    ['a missing parameter', { currency: 'eur' }, 'parameter_missing', 'amount'],
    ['an amount that is not whole', { amount: '10.5', currency: 'eur' }, 'parameter_invalid_integer', 'amount'],
    ['too small an amount', { amount: 10, currency: 'eur' }, 'amount_too_small', 'amount'],
    ['an unknown customer', { amount: 1000, currency: 'eur', customer: 'cus_none' }, 'resource_missing', 'customer'],
  ])('refuses %s', async (_what, params, code, param) => {
    expect(await stripeFailure(stripe.paymentIntents.create(params as Stripe.PaymentIntentCreateParams))).toMatchObject({ code, param });
  });

  it('cancels an open payment, and not a successful one', async () => {
    const open = await stripe.paymentIntents.create({ amount: 1000, currency: 'eur' });
    expect(await stripe.paymentIntents.cancel(open.id, { cancellation_reason: 'abandoned' })).toMatchObject({ status: 'canceled' });
    const done = await paid(1000);
    const error = await stripeFailure(stripe.paymentIntents.cancel(done.id));
    expect(error).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state', payment_intent: { status: 'succeeded' } });
  });

  it('refunds in parts, never more than was charged', async () => {
    const { id } = await paid(1000);
    expect(await stripe.refunds.create({ payment_intent: id, amount: 400 })).toMatchObject({ status: 'succeeded', amount: 400 });
    expect(await stripeFailure(stripe.refunds.create({ payment_intent: id, amount: 601 }))).toMatchObject({
      statusCode: 400,
      param: 'amount',
    });
    await stripe.refunds.create({ payment_intent: id });
    expect(await stripeFailure(stripe.refunds.create({ payment_intent: id }))).toMatchObject({ code: 'charge_already_refunded' });
    expect((await stripe.refunds.list({ payment_intent: id })).data.map((refund) => refund.amount)).toEqual([600, 400]);
    const intent = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge.balance_transaction'] });
    expect(intent.latest_charge).toMatchObject({
      amount_refunded: 1000,
      refunded: true,
      balance_transaction: { amount: 1000, fee: 59, net: 941 },
    });
  });

  it('leaves a refund pending, or lets it fail later, when the card says so', async () => {
    const pending = await stripe.refunds.create({ payment_intent: (await paid(1000, { payment_method: 'pm_card_pendingRefund' })).id });
    expect(pending.status).toBe('pending');
    await harness.control('POST', `refunds/${pending.id}`, { outcome: 'succeeded' });
    expect((await stripe.refunds.retrieve(pending.id)).status).toBe('succeeded');
    const failing = await stripe.refunds.create({ payment_intent: (await paid(1000, { payment_method: 'pm_card_refundFail' })).id });
    expect(failing.status).toBe('succeeded');
    expect(await stripe.refunds.retrieve(failing.id)).toMatchObject({ status: 'failed', failure_reason: expect.any(String) });
  });

  it('transfers the money of a charge to a tutor once onboarded, no more than the charge, and takes it back while it is there', async () => {
    const intent = await paid(5000, { transfer_group: 'booking-7' });
    const source_transaction = String(intent.latest_charge);
    const fresh = await stripe.accounts.create({ country: 'DE' });
    const order = { currency: 'eur', source_transaction, transfer_group: 'booking-7' };
    expect(await stripeFailure(stripe.transfers.create({ ...order, amount: 4000, destination: fresh.id }))).toMatchObject({
      code: 'insufficient_capabilities_for_transfer',
    });
    const account = await onboarded();
    expect(account).toMatchObject({ payouts_enabled: true, requirements: { currently_due: [] } });
    const transfer = await stripe.transfers.create({ ...order, amount: 4000, destination: account.id });
    expect(await stripeFailure(stripe.transfers.create({ ...order, amount: 1001, destination: account.id }))).toMatchObject({
      statusCode: 400,
      param: 'amount',
    });
    expect((await stripe.transfers.list({ transfer_group: 'booking-7' })).data).toMatchObject([{ id: transfer.id, amount: 4000 }]);
    await stripe.transfers.createReversal(transfer.id, { amount: 1500 });
    expect(await stripeFailure(stripe.transfers.createReversal(transfer.id, { amount: 2501 }))).toMatchObject({ statusCode: 400 });
    await harness.control('POST', `accounts/${account.id}/payout`, { currency: 'eur' });
    expect(await stripeFailure(stripe.transfers.createReversal(transfer.id, { amount: 1 }))).toMatchObject({
      code: 'balance_insufficient',
    });
    expect((await stripe.payouts.list({}, { stripeAccount: account.id })).data).toMatchObject([{ amount: 2500, status: 'paid' }]);
  });

  it('opens an onboarding link once', async () => {
    const account = await stripe.accounts.create({ country: 'DE' });
    const link = await stripe.accountLinks.create({
      account: account.id,
      type: 'account_onboarding',
      return_url: 'https://example.com/done',
      refresh_url: 'https://example.com/again',
    });
    const done = await fetch(link.url, { method: 'POST', redirect: 'manual' });
    expect([done.status, done.headers.get('location')]).toEqual([303, 'https://example.com/done']);
    expect(await stripe.accounts.retrieve(account.id)).toMatchObject({ payouts_enabled: true, details_submitted: true });
    expect((await fetch(link.url, { method: 'POST', redirect: 'manual' })).status).toBe(410);
  });

  it('keeps a refund pending while the platform has no funds, and pays it when a transfer is taken back', async () => {
    const order = { currency: 'gbp', amount: 5000 };
    const intent = await paid(5000, { currency: 'gbp' });
    const account = await onboarded();
    const transfer = await stripe.transfers.create({
      ...order,
      amount: 4000,
      destination: account.id,
      source_transaction: String(intent.latest_charge),
    });
    const [{ amount: funds } = { amount: 0 }] = (await stripe.balance.retrieve()).available.filter((entry) => entry.currency === 'gbp');
    await harness.control('POST', 'funds', { currency: 'gbp', amount: 1000 - funds });
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'insufficient_funds' });
    await stripe.transfers.createReversal(transfer.id);
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'succeeded' });
  });

  it('finds payments by metadata and pages through lists', async () => {
    const customer = await stripe.customers.create({ metadata: { payerId: 'payer-9' } });
    for (let index = 0; index < 5; index++) {
      await stripe.paymentIntents.create({
        amount: 1000 + index,
        currency: 'eur',
        customer: customer.id,
        metadata: { paymentId: `payment-${index}` },
      });
    }
    const found = await stripe.paymentIntents.search({ query: "metadata['paymentId']:'payment-3'" });
    expect(found.data.map((intent) => intent.amount)).toEqual([1003]);
    expect((await stripe.customers.search({ query: "metadata['payerId']:'payer-9'" })).data.map(({ id }) => id)).toEqual([customer.id]);
    const amounts: number[] = [];
    for await (const intent of stripe.paymentIntents.list({ customer: customer.id, limit: 2 })) amounts.push(intent.amount);
    expect(amounts).toEqual([1004, 1003, 1002, 1001, 1000]);
  });

  it('keeps every balance equal to the sum of its transactions, and all money accounted for', async () => {
    const balances = await harness.control<Record<string, { currency: string; amount: number }[]>>('GET', 'balances');
    for (const [account, entries] of Object.entries(balances)) {
      const options = account === 'platform' ? {} : { stripeAccount: account };
      const sums = new Map<string, number>();
      for await (const { currency, net } of stripe.balanceTransactions.list({ limit: 100 }, options))
        sums.set(currency, (sums.get(currency) ?? 0) + net);
      expect(Object.fromEntries(sums)).toEqual(Object.fromEntries(entries.map(({ currency, amount }) => [currency, amount])));
    }
  });
});
