import { z } from 'zod';
import type { JsonObject } from '../../http/json.ts';
import { listShape, metadata, parse, schema } from '../parameters.ts';
import { newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler, World } from '../world.ts';

/** A connected account: a tutor as Stripe knows them. */
export interface Account extends Resource {
  object: 'account';
  charges_enabled: boolean;
  details_submitted: boolean;
  payouts_enabled: boolean;
  capabilities: JsonObject;
  requirements: JsonObject;
}

const requested = z.strictObject({ requested: z.enum(['true', 'false']) });
const controller = z.strictObject({
  fees: z.strictObject({ payer: z.enum(['account', 'application']) }).optional(),
  losses: z.strictObject({ payments: z.enum(['application', 'stripe']) }).optional(),
  requirement_collection: z.enum(['application', 'stripe']).optional(),
  stripe_dashboard: z.strictObject({ type: z.enum(['express', 'full', 'none']) }).optional(),
});
const createForm = schema({
  business_profile: z.record(z.string(), z.unknown()).optional(),
  business_type: z.enum(['individual', 'company', 'non_profit', 'government_entity']).optional(),
  capabilities: z.strictObject({ transfers: requested.optional(), card_payments: requested.optional() }).optional(),
  controller: controller.optional(),
  country: z.string().length(2).optional(),
  default_currency: z.string().optional(),
  email: z.string().optional(),
  metadata: metadata.optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  type: z.enum(['express', 'standard', 'custom']).optional(),
});
const listForm = schema(listShape);
const linkForm = schema({
  account: z.string(),
  refresh_url: z.string().optional(),
  return_url: z.string().optional(),
  type: z.enum(['account_onboarding', 'account_update']),
  collect: z.string().optional(),
  collection_options: z.record(z.string(), z.unknown()).optional(),
});
const emptyForm = schema({});

/** How long an onboarding link lives; it opens once. */
const LINK_SECONDS = 300;
const DUE = ['external_account', 'individual.dob.day', 'individual.verification.document', 'tos_acceptance.date'];

function requirements(due: string[], disabledReason: string | null): JsonObject {
  return {
    alternatives: [],
    current_deadline: null,
    currently_due: due,
    disabled_reason: disabledReason,
    errors: [],
    eventually_due: due,
    past_due: due,
    pending_verification: [],
  };
}

/** Changes what a connected account may do and tells the Connect endpoint. */
function change(world: World, old: Account, changes: Partial<Account>): Account {
  const account: Account = { ...old, ...changes };
  world.store.put(account);
  const previous = Object.fromEntries(Object.keys(changes).map((field) => [field, old[field]]));
  world.emit('account.updated', account, { account: account.id, previous });
  return account;
}

/** The tutor gives all that Stripe asks for: money can be transferred and paid out. */
export function completeOnboarding(world: World, id: string): Account {
  const account = world.store.get<Account>('account', id, 'account');
  const capabilities = Object.fromEntries(Object.keys(account.capabilities).map((name) => [name, 'active']));
  return change(world, account, {
    capabilities,
    charges_enabled: true,
    details_submitted: true,
    payouts_enabled: true,
    requirements: requirements([], null),
  });
}

/** Stripe stops the account: no transfer and no payout until it is onboarded again. */
export function restrictAccount(world: World, id: string): Account {
  const account = world.store.get<Account>('account', id, 'account');
  const capabilities = Object.fromEntries(Object.keys(account.capabilities).map((name) => [name, 'inactive']));
  return change(world, account, {
    capabilities,
    charges_enabled: false,
    payouts_enabled: false,
    requirements: requirements(['individual.verification.document'], 'requirements.past_due'),
  });
}

/** The account and return address of an onboarding link, which is spent; undefined when it is unknown, used or too old. */
export function openLink(world: World, token: string): { account: string; returnUrl: string | null } | undefined {
  const link = world.store.find<Resource>('account_link', token);
  if (!link) return undefined;
  world.store.remove(token);
  return Number(link['expires_at']) < nowSeconds()
    ? undefined
    : { account: String(link['account']), returnUrl: link['return_url'] as string | null };
}

export const createAccount: Handler = ({ world, params }) => {
  const given = parse(createForm, params);
  const country = given.country ?? 'US';
  const asked = Object.entries(given.capabilities ?? { transfers: { requested: 'true' } });
  const account: Account = {
    id: newId('acct').slice(0, 21),
    object: 'account',
    business_profile: {
      mcc: null,
      name: null,
      product_description: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: null,
    },
    business_type: given.business_type ?? null,
    capabilities: Object.fromEntries(asked.map(([name]) => [name, 'inactive'])),
    charges_enabled: false,
    controller: {
      fees: { payer: given.controller?.fees?.payer ?? 'application' },
      is_controller: true,
      losses: { payments: given.controller?.losses?.payments ?? 'application' },
      requirement_collection: given.controller?.requirement_collection ?? 'stripe',
      stripe_dashboard: { type: given.controller?.stripe_dashboard?.type ?? 'express' },
      type: 'application',
    },
    country,
    created: nowSeconds(),
    default_currency: given.default_currency ?? (country === 'US' ? 'usd' : country === 'GB' ? 'gbp' : 'eur'),
    details_submitted: false,
    email: given.email ?? null,
    external_accounts: { object: 'list', data: [], has_more: false, total_count: 0, url: '/v1/accounts/external_accounts' },
    future_requirements: requirements([], null),
    metadata: mergeMetadata({}, given.metadata),
    payouts_enabled: false,
    requirements: requirements(DUE, 'requirements.past_due'),
    settings: { payouts: { debit_negative_balances: false, schedule: { delay_days: 2, interval: 'daily' }, statement_descriptor: null } },
    tos_acceptance: { date: null, ip: null, user_agent: null },
    type: given.type ?? 'none',
  };
  world.store.put(account);
  return { body: account };
};

export const retrieveAccount: Handler = ({ world, path }) => ({ body: world.store.get<Account>('account', path['id'] ?? '', 'account') });

export const listAccounts: Handler = ({ world, params }) =>
  listReply('/v1/accounts', world.store.page<Account>('account', parse(listForm, params)));

/** The platform lets go of a connected account. */
export const deleteAccount: Handler = ({ world, path, params }) => {
  parse(emptyForm, params);
  const account = world.store.get<Account>('account', path['id'] ?? '', 'account');
  world.store.remove(account.id);
  world.emit('account.application.deauthorized', account, { account: account.id });
  return { body: { id: account.id, object: 'account', deleted: true } };
};

export const createAccountLink: Handler = ({ world, params }) => {
  const given = parse(linkForm, params);
  world.store.get<Account>('account', given.account, 'account');
  const token = newId('alink');
  const link: Resource = {
    id: token,
    object: 'account_link',
    account: given.account,
    created: nowSeconds(),
    expires_at: nowSeconds() + LINK_SECONDS,
    return_url: given.return_url ?? null,
  };
  world.store.put(link);
  return {
    body: { object: 'account_link', created: link.created, expires_at: link['expires_at'], url: `${world.address()}/_onboarding/${token}` },
  };
};
