import { z } from 'zod';
import { integer, listShape, metadata, parse, schema } from '../parameters.ts';
import { search } from '../search.ts';
import { newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler } from '../world.ts';

/** A payer. */
export interface Customer extends Resource {
  object: 'customer';
  email: string | null;
  name: string | null;
}

const fields = {
  email: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  metadata: metadata.optional(),
};
const createForm = schema(fields);
const listForm = schema({ ...listShape, email: z.string().optional() });
const searchForm = schema({ query: z.string(), limit: integer.optional(), page: z.string().optional() });

export const createCustomer: Handler = ({ world, params }) => {
  const given = parse(createForm, params);
  const customer: Customer = {
    id: newId('cus'),
    object: 'customer',
    address: null,
    balance: 0,
    created: nowSeconds(),
    currency: null,
    default_source: null,
    delinquent: false,
    description: given.description ?? null,
    discount: null,
    email: given.email ?? null,
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    invoice_prefix: newId('c').slice(2, 10).toUpperCase(),
    livemode: false,
    metadata: mergeMetadata({}, given.metadata),
    name: given.name ?? null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  };
  world.store.put(customer);
  world.emit('customer.created', customer);
  return { body: customer };
};

export const retrieveCustomer: Handler = ({ world, path }) => {
  const id = path['id'] ?? '';
  if (world.store.find<Resource>('deleted_customer', id)) return { body: { id, object: 'customer', deleted: true } };
  return { body: world.store.get<Customer>('customer', id) };
};

export const updateCustomer: Handler = ({ world, path, params }) => {
  const { email, name, description, metadata: changes } = parse(createForm, params);
  const old = world.store.get<Customer>('customer', path['id'] ?? '');
  const customer: Customer = {
    ...old,
    email: email ?? old.email,
    name: name ?? old.name,
    description: description ?? old['description'],
    metadata: mergeMetadata(old['metadata'], changes),
  };
  world.store.put(customer);
  world.emit('customer.updated', customer);
  return { body: customer };
};

/** Erases the payer's personal data: the id answers from then on that it is deleted. */
export const deleteCustomer: Handler = ({ world, path }) => {
  const old = world.store.get<Customer>('customer', path['id'] ?? '');
  world.store.remove(old.id);
  world.store.put({ id: old.id, object: 'deleted_customer', created: old.created });
  world.emit('customer.deleted', old);
  return { body: { id: old.id, object: 'customer', deleted: true } };
};

export const listCustomers: Handler = ({ world, params }) => {
  const { email, ...page } = parse(listForm, params);
  return listReply('/v1/customers', world.store.page<Customer>('customer', { ...page, where: { email } }));
};

export const searchCustomers: Handler = ({ world, params }) => search(world, 'customer', '/v1/customers/search', parse(searchForm, params));
