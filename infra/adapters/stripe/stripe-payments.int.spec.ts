import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '#infra/embedded/loopback.ts';
import { signatureHeader } from '#infra/embedded/stripe/webhooks.ts';
import { startStripeHarness } from '#infra/embedded/stripe/harness.ts';
import { UpstreamRefused, UpstreamUnsure } from '../upstream-errors.ts';
import { CardDeclined, WebhookNotAuthentic } from './errors.ts';
import { StripePayments } from './stripe-payments.ts';

let harness: Awaited<ReturnType<typeof startStripeHarness>>;
let payments: StripePayments;
beforeAll(async () => {
  harness = await startStripeHarness();
  payments = new StripePayments({ secretKey: harness.secrets.secretKey, apiBase: harness.address, timeoutMs: 400 });
});
afterAll(() => harness.stop());

let calls = 0;
const key = (): string => `call:${++calls}`;
const intent = (more: object = {}) => payments.createPaymentIntent({ amount: 5000, currency: 'eur', ...more }, key());
const thrown = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'nothing',
    (error: unknown) => error,
  );

describe('the payments of a lesson', () => {
  it('go from the charge to the tutor, and back', async () => {
    const customer = await payments.createCustomer({ email: 'payer@example.com', metadata: { payerId: 'payer-1' } }, key());
    const made = await intent({
      customer: customer.id,
      transfer_group: 'booking-1',
      metadata: { paymentId: 'payment-1' },
      setup_future_usage: 'off_session',
    });
    expect(await payments.confirmPaymentIntent(made.id, { payment_method: 'pm_card_visa' }, key())).toMatchObject({ status: 'succeeded' });
    const { latest_charge } = await payments.retrievePaymentIntent(made.id);
    if (latest_charge === null || typeof latest_charge === 'string') throw new Error('the charge is expected in full');

    const account = await payments.createAccount({ country: 'DE', capabilities: { transfers: { requested: true } } }, key());
    const link = await payments.createAccountLink({
      account: account.id,
      type: 'account_onboarding',
      return_url: 'https://example.com',
      refresh_url: 'https://example.com',
    });
    await fetch(link.url, { method: 'POST', redirect: 'manual' });
    expect(await payments.retrieveAccount(account.id)).toMatchObject({ payouts_enabled: true });

    const order = {
      amount: 4000,
      currency: 'eur',
      destination: account.id,
      source_transaction: latest_charge.id,
      transfer_group: 'booking-1',
    };
    const transfer = await payments.createTransfer(order, key());
    const refund = await payments.createRefund({ payment_intent: made.id, amount: 2500, metadata: { refundId: 'refund-1' } }, key());
    const reversal = await payments.createTransferReversal(transfer.id, { amount: 2000 }, key());

    expect((await payments.findCustomers('payer@example.com', { payerId: 'payer-1' })).map(({ id }) => id)).toEqual([customer.id]);
    expect((await payments.findPaymentIntents(customer.id, { paymentId: 'payment-1' })).map(({ id }) => id)).toEqual([made.id]);
    expect(await payments.findPaymentIntents(customer.id, { paymentId: 'payment-2' })).toEqual([]);
    expect((await payments.findRefunds(made.id, { refundId: 'refund-1' })).map(({ id }) => id)).toEqual([refund.id]);
    expect(await payments.retrieveRefund(refund.id)).toMatchObject({ status: 'succeeded' });
    expect((await payments.findTransfers('booking-1')).map(({ id }) => id)).toEqual([transfer.id]);
    expect(await payments.retrieveTransfer(transfer.id)).toMatchObject({ amount_reversed: 2000 });
    expect((await payments.findTransferReversals(transfer.id)).map(({ id }) => id)).toEqual([reversal.id]);
    expect((await payments.listPaymentMethods(customer.id)).map(({ card }) => card?.last4)).toEqual(['4242']);
    expect((await payments.balanceTransactions(0)).map(({ type }) => type)).toEqual([
      'transfer_refund',
      'refund',
      'transfer',
      'charge',
      'topup',
    ]);
    expect(await payments.deleteCustomer(customer.id)).toMatchObject({ deleted: true });
  });
});

describe('what goes wrong', () => {
  it('a declined card says why, and of which payment', async () => {
    const { id } = await intent();
    const error = await thrown(payments.confirmPaymentIntent(id, { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }, key()));
    expect(error).toBeInstanceOf(CardDeclined);
    expect(error).toMatchObject({ code: 'card_declined', declineCode: 'insufficient_funds', paymentIntentId: id });
  });

  it.each([
    [
      'a payment that has succeeded cannot be cancelled',
      'payment_intent_unexpected_state',
      async () => payments.cancelPaymentIntent((await intent({ payment_method: 'pm_card_visa', confirm: true })).id, {}, key()),
    ],
    ['an unknown payment', 'resource_missing', () => payments.retrievePaymentIntent('pi_unknown')],
    [
      'a key of another call',
      'StripeIdempotencyError',
      async () => {
        await payments.createCustomer({ name: 'one' }, 'same');
        return payments.createCustomer({ name: 'two' }, 'same');
      },
    ],
  ])('is refused for good: %s', async (_what, code, call) => {
    const error = await thrown(call());
    expect(error).toBeInstanceOf(UpstreamRefused);
    expect(error).toMatchObject({ upstream: 'stripe', code });
  });

  it.each([
    ['error-after', false],
    ['never-answer', false],
    ['rate-limit', true],
  ])('is unsure: %s', async (kind, certainlyNot) => {
    await harness.control('POST', 'faults', { path: '/v1/customers', kind });
    const error = await thrown(payments.createCustomer({}, key()));
    expect(error).toBeInstanceOf(UpstreamUnsure);
    expect(error).toMatchObject({ certainlyNot });
  });

  it('is unsure, and certainly not done: our key is wrong', async () => {
    const withAnotherKey = new StripePayments({ secretKey: 'sk_test_replaced', apiBase: harness.address });
    expect(await thrown(withAnotherKey.createRefund({ payment_intent: 'pi_1', amount: 1 }, key()))).toMatchObject({
      name: 'UpstreamUnsure',
      certainlyNot: true,
    });
  });

  it('is unsure, and certainly not done: nobody listens', async () => {
    const nobody = new StripePayments({ secretKey: 'sk_test_x', apiBase: `http://127.0.0.1:${await freePort()}` });
    expect(await thrown(nobody.createCustomer({}, key()))).toMatchObject({
      name: 'UpstreamUnsure',
      code: 'ECONNREFUSED',
      certainlyNot: true,
    });
  });
});

describe('webhooks', () => {
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'payment_intent.succeeded' });
  const now = Math.floor(Date.now() / 1000);

  it('are read when their signature fits', () => {
    expect(payments.verifyWebhook(body, signatureHeader(body, 'whsec_1'), 'whsec_1')).toMatchObject({ id: 'evt_1' });
  });

  it.each([
    ['another secret', body, signatureHeader(body, 'whsec_2')],
    ['a changed body', `${body} `, signatureHeader(body, 'whsec_1')],
    ['a signature of six minutes ago', body, signatureHeader(body, 'whsec_1', now - 360)],
    ['no signature', body, ''],
  ])('are refused with %s', (_what, raw, header) => {
    expect(() => payments.verifyWebhook(raw, header, 'whsec_1')).toThrow(WebhookNotAuthentic);
  });
});
