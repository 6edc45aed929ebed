import { z } from 'zod';
import { StripeRefusal, invalid, missing } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import { amount, currency, flag, integer, listShape, metadata, parse, schema } from '../parameters.ts';
import { search } from '../search.ts';
import { newId, nowSeconds } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Call, Handler, World } from '../world.ts';
import { cancel, confirm } from './confirm-intent.ts';
import type { Customer } from './customers.ts';
import { unexpectedState } from './payment-intents.ts';
import type { PaymentIntent } from './payment-intents.ts';
import { methodData, methodFromData, resolveMethod } from './payment-methods.ts';
import type { PaymentMethod } from './payment-methods.ts';

/** The least that a card may be charged, in minor units, by currency. */
const MINIMUM: Partial<Record<string, number>> = { usd: 50, eur: 50, gbp: 30, jpy: 50, chf: 50 };
const MAXIMUM = 99_999_999;

const automatic = z.strictObject({ enabled: flag, allow_redirects: z.enum(['always', 'never']).optional() });
const methodFields = {
  payment_method: z.string().optional(),
  payment_method_data: methodData.optional(),
  return_url: z.string().optional(),
  off_session: flag.optional(),
  setup_future_usage: z.enum(['on_session', 'off_session', '']).optional(),
};
const createForm = schema({
  ...methodFields,
  amount,
  currency,
  automatic_payment_methods: automatic.optional(),
  capture_method: z.enum(['automatic', 'automatic_async']).optional(),
  confirm: flag.optional(),
  customer: z.string().optional(),
  description: z.string().optional(),
  metadata: metadata.optional(),
  payment_method_types: z.array(z.literal('card')).optional(),
  receipt_email: z.string().optional(),
  statement_descriptor_suffix: z.string().optional(),
  transfer_group: z.string().optional(),
});
const updateForm = schema({
  amount: amount.optional(),
  payment_method: z.string().optional(),
  description: z.string().optional(),
  metadata: metadata.optional(),
  setup_future_usage: methodFields.setup_future_usage,
});
const confirmForm = schema({ ...methodFields, client_secret: z.string().optional() });
const cancelForm = schema({ cancellation_reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned']).optional() });
const retrieveForm = schema({ client_secret: z.string().optional() });
const listForm = schema({ ...listShape, customer: z.string().optional() });
const searchForm = schema({ query: z.string(), limit: integer.optional(), page: z.string().optional() });

/** The intent of the path. A customer must hold its secret; whoever does not learns nothing, not even that it exists. */
function theIntent({ world, path, byCustomer }: Call, clientSecret: string | undefined): PaymentIntent {
  const intent = world.store.find<PaymentIntent>('payment_intent', path['id'] ?? '');
  if (!intent) throw missing('payment_intent', path['id'] ?? '', 'intent');
  if (byCustomer && clientSecret === undefined)
    throw invalid('Missing required param: client_secret.', 'client_secret', 'parameter_missing');
  if (clientSecret !== undefined && clientSecret !== intent.client_secret) throw missing('payment_intent', intent.id, 'intent');
  return intent;
}

/** A customer sees neither the metadata nor who the customer is. */
function seenBy({ byCustomer }: Call, intent: PaymentIntent): PaymentIntent {
  if (!byCustomer) return intent;
  const { metadata: _metadata, customer: _customer, transfer_group: _group, latest_charge: _charge, ...rest } = intent;
  return { ...rest } as PaymentIntent;
}

function methodOf(
  world: World,
  given: { payment_method?: string | undefined; payment_method_data?: z.output<typeof methodData> | undefined },
): PaymentMethod | undefined {
  if (given.payment_method_data) return methodFromData(world, given.payment_method_data);
  return given.payment_method === undefined ? undefined : resolveMethod(world, given.payment_method);
}

export const paymentIntentRoutes = (ledger: Ledger) => {
  const create: Handler = ({ world, params }) => {
    const given = parse(createForm, params);
    const least = MINIMUM[given.currency];
    if (least === undefined) throw invalid(`Invalid currency: ${given.currency}.`, 'currency');
    if (given.amount < least) throw invalid('Amount is below the minimum charge amount.', 'amount', 'amount_too_small');
    if (given.amount > MAXIMUM) throw invalid(`Amount must be no more than ${MAXIMUM}`, 'amount', 'amount_too_large');
    if (given.customer !== undefined) world.store.get<Customer>('customer', given.customer, 'customer');
    const method = methodOf(world, given);
    const id = newId('pi');
    const intent: PaymentIntent = {
      id,
      object: 'payment_intent',
      amount: given.amount,
      amount_capturable: 0,
      amount_details: { tip: {} },
      amount_received: 0,
      application: null,
      application_fee_amount: null,
      automatic_payment_methods: given.payment_method_types
        ? null
        : { allow_redirects: 'always', enabled: true, ...given.automatic_payment_methods },
      canceled_at: null,
      cancellation_reason: null,
      capture_method: given.capture_method ?? 'automatic_async',
      client_secret: `${id}_secret_${newId('s').slice(2)}`,
      confirmation_method: 'automatic',
      created: nowSeconds(),
      currency: given.currency,
      customer: given.customer ?? null,
      customer_account: null,
      description: given.description ?? null,
      excluded_payment_method_types: null,
      last_payment_error: null,
      latest_charge: null,
      livemode: false,
      metadata: mergeMetadata({}, given.metadata),
      next_action: null,
      on_behalf_of: null,
      payment_method: method?.id ?? null,
      payment_method_configuration_details: null,
      payment_method_options: { card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
      payment_method_types: ['card'],
      processing: null,
      receipt_email: given.receipt_email ?? null,
      review: null,
      setup_future_usage: given.setup_future_usage || null,
      shipping: null,
      statement_descriptor: null,
      statement_descriptor_suffix: given.statement_descriptor_suffix ?? null,
      status: method ? 'requires_confirmation' : 'requires_payment_method',
      transfer_data: null,
      transfer_group: given.transfer_group ?? null,
    };
    world.store.put(intent);
    world.emit('payment_intent.created', intent);
    if (!given.confirm) return { body: intent };
    if (!method) throw unexpectedState(intent, 'You cannot confirm this PaymentIntent because it is missing a payment method.');
    return confirm(world, ledger, intent, method, given.return_url);
  };

  const retrieve: Handler = (call) => ({ body: seenBy(call, theIntent(call, parse(retrieveForm, call.params).client_secret)) });

  const update: Handler = (call) => {
    const given = parse(updateForm, call.params);
    const old = theIntent(call, undefined);
    if (old.status === 'succeeded' || old.status === 'canceled') {
      const onlyNotes = given.amount === undefined && given.payment_method === undefined && given.setup_future_usage === undefined;
      if (!onlyNotes) throw unexpectedState(old, `This PaymentIntent could not be updated because it has a status of ${old.status}.`);
    }
    const method = methodOf(call.world, given);
    const intent: PaymentIntent = {
      ...old,
      amount: given.amount ?? old.amount,
      ...(method ? { payment_method: method.id, status: 'requires_confirmation' as const } : {}),
      description: given.description ?? old['description'],
      metadata: mergeMetadata(old['metadata'], given.metadata),
      setup_future_usage: given.setup_future_usage === undefined ? old.setup_future_usage : given.setup_future_usage || null,
    };
    call.world.store.put(intent);
    return { body: intent };
  };

  const confirmIntent: Handler = (call) => {
    const given = parse(confirmForm, call.params);
    const intent = theIntent(call, given.client_secret);
    if (intent.status === 'succeeded' || intent.status === 'canceled') {
      const why =
        intent.status === 'succeeded' ? 'it has already succeeded after being previously confirmed' : 'it has a status of canceled';
      throw unexpectedState(intent, `You cannot confirm this PaymentIntent because ${why}.`);
    }
    const stored = intent.payment_method === null ? undefined : resolveMethod(call.world, intent.payment_method);
    const method = methodOf(call.world, given) ?? stored;
    if (!method) {
      const message = 'You cannot confirm this PaymentIntent because it is missing a payment method.';
      throw new StripeRefusal(400, 'invalid_request_error', message, { code: 'payment_intent_unexpected_state', payment_intent: intent });
    }
    const kept: PaymentIntent = { ...intent, setup_future_usage: given.setup_future_usage || intent.setup_future_usage };
    const reply = confirm(call.world, ledger, kept, method, given.return_url);
    return reply.status === undefined ? { body: seenBy(call, reply.body as PaymentIntent) } : reply;
  };

  const cancelIntent: Handler = (call) => {
    const { cancellation_reason } = parse(cancelForm, call.params);
    return { body: cancel(call.world, theIntent(call, undefined), cancellation_reason ?? null) };
  };

  const list: Handler = ({ world, params }) => {
    const { customer, ...page } = parse(listForm, params);
    return listReply('/v1/payment_intents', world.store.page<PaymentIntent>('payment_intent', { ...page, where: { customer } }));
  };

  const find: Handler = ({ world, params }) => search(world, 'payment_intent', '/v1/payment_intents/search', parse(searchForm, params));

  return { create, retrieve, update, confirm: confirmIntent, cancel: cancelIntent, list, search: find };
};
