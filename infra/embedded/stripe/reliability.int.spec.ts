import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import Stripe from 'stripe';
import { startReceiver } from '../http/webhook-receiver.ts';
import { decodeForm } from './form.ts';
import { startStripeHarness, stripeFailure } from './harness.ts';

interface LoggedRequest {
  idempotencyKey: string | null;
  status: number;
  replayed: boolean;
}

let harness: Awaited<ReturnType<typeof startStripeHarness>>;
let stripe: Stripe;
beforeEach(async () => {
  harness = await startStripeHarness();
  ({ stripe } = harness);
});
afterEach(() => harness.stop());

const pay = (idempotencyKey: string, amount = 1000) =>
  stripe.paymentIntents.create({ amount, currency: 'eur', payment_method: 'pm_card_visa', confirm: true }, { idempotencyKey });
const intents = async (): Promise<number> => (await stripe.paymentIntents.list({ limit: 100 })).data.length;

describe('idempotency keys', () => {
  it('repeat the first answer, after a restart too, and do nothing twice', async () => {
    const first = await pay('pi:1');
    await harness.restart();
    const second = await pay('pi:1');
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await intents()).toBe(1);
    const log = await harness.control<LoggedRequest[]>('GET', 'requests?path=/v1/payment_intents&method=POST');
    expect(log.map(({ idempotencyKey, replayed }) => [idempotencyKey, replayed])).toEqual([
      ['pi:1', false],
      ['pi:1', true],
    ]);
  });

  it('refuse changed parameters', async () => {
    await pay('pi:1');
    expect(await stripeFailure(pay('pi:1', 1001))).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' });
    expect(await intents()).toBe(1);
  });

  it('keep a declined card and a refusal by the state of things, and not a refusal of the parameters', async () => {
    const declined = () =>
      stripe.paymentIntents.create(
        { amount: 1000, currency: 'eur', payment_method: 'pm_card_visa_chargeDeclined', confirm: true },
        { idempotencyKey: 'pi:declined' },
      );
    const [one, two] = [await stripeFailure(declined()), await stripeFailure(declined())];
    expect(two.payment_intent?.id).toBe(one.payment_intent?.id);
    expect(
      await stripeFailure(
        stripe.customers.create({ email: 5, unknown: 1 } as unknown as Stripe.CustomerCreateParams, { idempotencyKey: 'cus:1' }),
      ),
    ).toMatchObject({ statusCode: 400 });
    expect(await stripe.customers.create({ email: 'a@example.com' }, { idempotencyKey: 'cus:1' })).toMatchObject({ object: 'customer' });
  });

  it('turn a second request away while the first has not been answered', async () => {
    await harness.control('POST', 'faults', { path: '/v1/payment_intents', kind: 'hold' });
    const first = pay('pi:1');
    expect(await harness.control('GET', 'held?wait=true')).toEqual([
      { method: 'POST', path: '/v1/payment_intents', idempotencyKey: 'pi:1' },
    ]);
    expect(await stripeFailure(pay('pi:1'))).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    await harness.control('POST', 'release');
    expect((await pay('pi:1')).id).toBe((await first).id);
  });
});

describe('faults', () => {
  it.each([
    { kind: 'error-after', status: 500, made: 1, again: 500 },
    { kind: 'error-before', status: 500, made: 0, again: 500 },
    { kind: 'rate-limit', status: 429, made: 0, again: 200 },
  ])('$kind: $status, then $again for the same key', async ({ kind, status, made, again }) => {
    await harness.control('POST', 'faults', { path: '/v1/payment_intents', kind });
    expect(await stripeFailure(pay('pi:1'))).toMatchObject({ statusCode: status });
    expect(await intents()).toBe(made);
    if (again === 200) expect(await pay('pi:1')).toMatchObject({ status: 'succeeded' });
    else expect(await stripeFailure(pay('pi:1'))).toMatchObject({ statusCode: again });
  });

  it('never-answer: it is done, and the same key gives the answer that was lost', async () => {
    await harness.control('POST', 'faults', { path: '/v1/payment_intents', kind: 'never-answer' });
    const params = { amount: 1000, currency: 'eur', payment_method: 'pm_card_visa', confirm: true };
    const lost = stripe.paymentIntents.create(params, { idempotencyKey: 'pi:1', timeout: 300 });
    expect(await stripeFailure(lost)).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    const [only] = (await stripe.paymentIntents.list()).data;
    expect((await pay('pi:1')).id).toBe(only?.id);
    expect(await intents()).toBe(1);
  });

  it('reset: it is done, and the SDK, which repeats once on a closed connection, gets the answer', async () => {
    await harness.control('POST', 'faults', { path: '/v1/payment_intents', kind: 'reset' });
    expect((await pay('pi:1')).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await intents()).toBe(1);
  });

  it('touch only the requests that they are for, so many times', async () => {
    await harness.control('POST', 'faults', { path: '/v1/payment_intents/*/cancel', kind: 'rate-limit', times: 2 });
    const { id } = await stripe.paymentIntents.create({ amount: 1000, currency: 'eur' });
    for (let time = 0; time < 2; time++) expect(await stripeFailure(stripe.paymentIntents.cancel(id))).toMatchObject({ statusCode: 429 });
    expect(await stripe.paymentIntents.cancel(id)).toMatchObject({ status: 'canceled' });
  });
});

describe('webhooks', () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.stop());
  const target = (more: object = {}) =>
    harness.control('PUT', 'webhooks', { platformUrl: `${receiver.url}/platform`, connectUrl: `${receiver.url}/connect`, ...more });
  const types = (): string[] => receiver.received.map(({ body }) => (JSON.parse(body) as Stripe.Event).type);

  it('are signed for their endpoint, and name the request that caused them', async () => {
    await target();
    await pay('pi:1');
    const account = await stripe.accounts.create({ country: 'DE' });
    await harness.control('POST', `accounts/${account.id}/onboard`);
    await receiver.count(4);
    const events = receiver.received.map(({ path, headers, body }) => {
      const secret = path === '/connect' ? harness.secrets.connectWebhookSecret : harness.secrets.webhookSecret;
      return stripe.webhooks.constructEvent(body, String(headers['stripe-signature']), secret);
    });
    expect(events.map(({ type }) => type).sort()).toEqual([
      'account.updated',
      'charge.succeeded',
      'payment_intent.created',
      'payment_intent.succeeded',
    ]);
    expect(events.find(({ type }) => type === 'account.updated')?.account).toBe(account.id);
    expect(events.find(({ type }) => type === 'payment_intent.succeeded')?.request?.idempotency_key).toBe('pi:1');
    const forged = `${receiver.received[0]?.body} `;
    const header = String(receiver.received[0]?.headers['stripe-signature']);
    expect(() => stripe.webhooks.constructEvent(forged, header, harness.secrets.webhookSecret)).toThrow('signature');
  });

  it('are repeated until they are answered with 2xx, over a restart too', async () => {
    receiver.state.status = 500;
    await target();
    await stripe.customers.create({});
    await receiver.count(2);
    await harness.restart();
    receiver.state.status = 200;
    await receiver.next();
    let waiting = [{ delivered: false }];
    while (waiting.some(({ delivered }) => !delivered)) waiting = await harness.control('GET', 'webhooks');
    expect(new Set(receiver.received.map(({ body }) => (JSON.parse(body) as Stripe.Event).id)).size).toBe(1);
  });

  it('may be held back and doubled', async () => {
    await target({ paused: true });
    await stripe.customers.create({});
    await stripe.paymentIntents.create({ amount: 1000, currency: 'eur' });
    expect(receiver.received).toEqual([]);
    await target({ paused: false, extraCopies: 1 });
    await receiver.count(4);
    expect(types().sort()).toEqual(['customer.created', 'customer.created', 'payment_intent.created', 'payment_intent.created']);
  });

  it('may come in the reverse order, and late', async () => {
    await target({ paused: true });
    for (let index = 0; index < 3; index++) await stripe.customers.create({ name: `customer ${index}` });
    const started = Date.now();
    await target({ paused: false, reversed: true });
    await receiver.count(3);
    const names = receiver.received.map(({ body }) => ((JSON.parse(body) as Stripe.Event).data.object as Stripe.Customer).name);
    expect(names).toEqual(['customer 2', 'customer 1', 'customer 0']);
    await target({ reversed: false, delayMs: 150 });
    await stripe.customers.create({});
    await receiver.count(4);
    expect(Date.now() - started).toBeGreaterThanOrEqual(150);
  });

  it('are listed as events as well', async () => {
    await stripe.customers.create({});
    expect((await stripe.events.list({ type: 'customer.created' })).data).toHaveLength(1);
  });
});

describe('the form notation', () => {
  const name = fc.stringMatching(/^[a-z][a-z_]{0,8}$/).filter((text) => text !== 'constructor');
  const leaf = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(name, fc.oneof({ depthSize: 'small' }, leaf, tie('tree'), fc.array(leaf, { minLength: 1, maxLength: 3 })), {
      minKeys: 1,
      maxKeys: 4,
      noNullPrototype: true,
    }),
  }));
  const encode = (value: unknown, path: string): string[] => {
    if (typeof value === 'string') return [`${encodeURIComponent(path)}=${encodeURIComponent(value)}`];
    return Object.entries(value as object).flatMap(([key, inner]) => encode(inner, path === '' ? key : `${path}[${key}]`));
  };

  it('is read back to what was written', () => {
    fc.assert(fc.property(tree, (value) => expect(decodeForm(encode(value, '').join('&'))).toEqual(value)));
  });

  it('reaches no prototype', () => {
    decodeForm('__proto__[polluted]=yes&a[constructor][prototype][polluted]=yes');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
