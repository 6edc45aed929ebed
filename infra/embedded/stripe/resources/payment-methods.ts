import { createHash } from 'node:crypto';
import { z } from 'zod';
import { StripeRefusal, invalid, refused } from '../errors.ts';
import { integer, listShape, metadata, parse, schema } from '../parameters.ts';
import { newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { TEST_CARDS, cardByNumber, cardByToken } from '../test-cards.ts';
import type { CardBehaviour, TestCard } from '../test-cards.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler, World } from '../world.ts';
import type { Customer } from './customers.ts';

/** A card, saved or used once. */
export interface PaymentMethod extends Resource {
  object: 'payment_method';
  customer: string | null;
}

const cardFields = z.strictObject({
  token: z.string().optional(),
  number: z.string().optional(),
  exp_month: integer.optional(),
  exp_year: integer.optional(),
  cvc: z.string().optional(),
});
/** A card given in place. */
export const methodData = z.strictObject({
  type: z.literal('card'),
  card: cardFields,
  billing_details: z.record(z.string(), z.unknown()).optional(),
  metadata: metadata.optional(),
});
const createForm = schema({ ...methodData.shape });
const attachForm = schema({ customer: z.string() });
const plainForm = schema({});
const listForm = schema({ ...listShape, customer: z.string().optional(), type: z.string().optional() });

function newMethod(world: World, card: TestCard): PaymentMethod {
  const fingerprint = createHash('sha256').update(card.number).digest('base64url').slice(0, 16);
  const method: PaymentMethod = {
    id: newId('pm'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: {
      address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    card: {
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      display_brand: card.brand,
      exp_month: 12,
      exp_year: 2034,
      fingerprint,
      funding: card.name.includes('debit') ? 'debit' : 'credit',
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: nowSeconds(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
  world.store.put(method);
  world.store.setSetting(`card:${method.id}`, card.name);
  return method;
}

/** Makes a payment method of a card given by token or number. */
export function methodFromData(world: World, data: z.output<typeof methodData>): PaymentMethod {
  const card = data.card.token === undefined ? cardByNumber(data.card.number ?? '') : cardByToken(data.card.token);
  if (!card)
    throw new StripeRefusal(402, 'card_error', 'Your card number is incorrect.', { code: 'incorrect_number', param: 'number' }, false);
  return newMethod(world, card);
}

/** The stored payment method, or a new one when one of the `pm_card_…` test ids is named. */
export function resolveMethod(world: World, id: string, param = 'payment_method'): PaymentMethod {
  const stored = world.store.find<PaymentMethod>('payment_method', id);
  if (stored) return stored;
  const card = id.startsWith('pm_card_') ? cardByToken(id) : undefined;
  if (!card)
    throw new StripeRefusal(400, 'invalid_request_error', `No such PaymentMethod: '${id}'`, { code: 'resource_missing', param }, false);
  return newMethod(world, card);
}

/** How the card behind a payment method behaves. */
export function behaviourOf(world: World, method: PaymentMethod): CardBehaviour {
  const name = world.store.setting(`card:${method.id}`);
  return TEST_CARDS.find((card) => card.name === name)?.behaviour ?? { kind: 'succeeds' };
}

/** Ties a payment method to a payer. */
export function attach(world: World, method: PaymentMethod, customer: string): PaymentMethod {
  if (method.customer === customer) return method;
  if (method.customer !== null)
    throw refused('payment_method_unexpected_state', 'The payment method you provided has already been attached to a customer.');
  const attached: PaymentMethod = { ...method, customer };
  world.store.put(attached);
  world.emit('payment_method.attached', attached);
  return attached;
}

export const createMethod: Handler = ({ world, params }) => {
  const given = parse(createForm, params);
  const method: PaymentMethod = { ...methodFromData(world, given), metadata: mergeMetadata({}, given.metadata) };
  world.store.put(method);
  return { body: method };
};

export const retrieveMethod: Handler = ({ world, path }) => {
  const id = path['id'] ?? '';
  if (id.startsWith('pm_card_')) return { body: resolveMethod(world, id) };
  return { body: world.store.get<PaymentMethod>('payment_method', id) };
};

export const attachMethod: Handler = ({ world, path, params }) => {
  const { customer } = parse(attachForm, params);
  world.store.get<Customer>('customer', customer, 'customer');
  const method = resolveMethod(world, path['id'] ?? '');
  const behaviour = behaviourOf(world, method);
  if (behaviour.kind === 'declined' && world.store.setting(`card:${method.id}`) !== 'chargeCustomerFail') {
    const details = { code: behaviour.code, ...(behaviour.declineCode ? { decline_code: behaviour.declineCode } : {}) };
    throw new StripeRefusal(402, 'card_error', 'Your card was declined.', details);
  }
  return { body: attach(world, method, customer) };
};

export const detachMethod: Handler = ({ world, path, params }) => {
  parse(plainForm, params);
  const method = world.store.get<PaymentMethod>('payment_method', path['id'] ?? '');
  if (method.customer === null) throw invalid('The payment method you provided is not attached to a customer so detachment is impossible.');
  const detached: PaymentMethod = { ...method, customer: null };
  world.store.put(detached);
  world.emit('payment_method.detached', detached);
  return { body: detached };
};

export const listMethods: Handler = ({ world, params, path }) => {
  const { customer: named, type, ...page } = parse(listForm, params);
  const customer = path['customer'] ?? named;
  if (customer === undefined) throw invalid('Missing required param: customer.', 'customer', 'parameter_missing');
  world.store.get<Customer>('customer', customer, 'customer');
  const url = path['customer'] === undefined ? '/v1/payment_methods' : `/v1/customers/${customer}/payment_methods`;
  return listReply(url, world.store.page<PaymentMethod>('payment_method', { ...page, where: { customer, type } }));
};
