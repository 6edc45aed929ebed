import { z } from 'zod';
import { refused } from '../errors.ts';
import type { BalanceTransaction, Ledger } from '../ledger.ts';
import { amount, currency, listShape, metadata, parse, schema } from '../parameters.ts';
import { newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler, World } from '../world.ts';
import type { Account } from './accounts.ts';

/** Money on its way from a connected account to its owner's bank. */
export interface Payout extends Resource {
  object: 'payout';
  amount: number;
  currency: string;
  status: 'pending' | 'paid' | 'failed';
}

const payoutForm = schema({ amount, currency, description: z.string().optional(), metadata: metadata.optional() });
const transactionsForm = schema({
  ...listShape,
  currency: z.string().optional(),
  source: z.string().optional(),
  type: z.string().optional(),
  payout: z.string().optional(),
});
const listForm = schema({ ...listShape, status: z.string().optional() });

/** Sends money of a connected account to its bank and tells the Connect endpoint how that ended. */
export function payOut(
  world: World,
  ledger: Ledger,
  account: string,
  wanted: number,
  unit: string,
  outcome: 'paid' | 'failed',
  notes?: Record<string, string>,
): Payout {
  if (!world.store.get<Account>('account', account, 'account').payouts_enabled) {
    throw refused('payouts_not_allowed', 'Cannot create payouts; this account has requirements that need to be collected.');
  }
  const id = newId('po');
  if (ledger.balance(account, unit) < wanted) throw ledger.insufficient();
  const booked = ledger.move({ account, type: 'payout', amount: -wanted, currency: unit, source: id });
  const pending: Payout = {
    id,
    object: 'payout',
    amount: wanted,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: nowSeconds(),
    automatic: false,
    balance_transaction: booked.id,
    created: nowSeconds(),
    currency: unit,
    description: null,
    destination: null,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: mergeMetadata({}, notes),
    method: 'standard',
    original_payout: null,
    payout_method: null,
    reconciliation_status: 'not_applicable',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status: 'pending',
    trace_id: null,
    type: 'bank_account',
  };
  world.store.put(pending, account);
  world.emit('payout.created', pending, { account });
  const settled: Payout = { ...pending, status: outcome };
  if (outcome === 'failed') {
    const back = ledger.move({ account, type: 'payout_failure', amount: wanted, currency: unit, source: id });
    settled['failure_balance_transaction'] = back.id;
    settled['failure_code'] = 'account_closed';
    settled['failure_message'] = 'The bank account has been closed.';
  }
  world.store.put(settled, account);
  world.emit(`payout.${outcome}`, settled, { account });
  return pending;
}

export const balanceRoutes = (ledger: Ledger) => {
  const balance: Handler = ({ account }) => {
    const available = ledger.balances(account).map((entry) => ({ ...entry, source_types: { card: entry.amount } }));
    const pending = available.map(({ currency: unit }) => ({ amount: 0, currency: unit, source_types: { card: 0 } }));
    return {
      body: { object: 'balance', available, livemode: false, pending, refund_and_dispute_prefunding: { available: [], pending: [] } },
    };
  };

  const transactions: Handler = ({ world, params, account }) => {
    const { currency: unit, source, type, payout, ...page } = parse(transactionsForm, params);
    const where = { currency: unit, source: source ?? payout, type };
    return listReply('/v1/balance_transactions', world.store.page<BalanceTransaction>('balance_transaction', { ...page, where }, account));
  };

  const transaction: Handler = ({ world, path, account }) => ({
    body: world.store.get<BalanceTransaction>('balance_transaction', path['id'] ?? '', 'id', account),
  });

  const createPayout: Handler = ({ world, params, account }) => {
    const given = parse(payoutForm, params);
    return { body: payOut(world, ledger, account, given.amount, given.currency, 'paid', given.metadata) };
  };

  const payout: Handler = ({ world, path, account }) => ({ body: world.store.get<Payout>('payout', path['id'] ?? '', 'payout', account) });

  const payouts: Handler = ({ world, params, account }) => {
    const { status, ...page } = parse(listForm, params);
    return listReply('/v1/payouts', world.store.page<Payout>('payout', { ...page, where: { status } }, account));
  };

  return { balance, transactions, transaction, createPayout, payout, payouts };
};
