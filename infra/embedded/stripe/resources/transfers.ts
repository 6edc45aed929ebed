import { z } from 'zod';
import { StripeRefusal, refused } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import { amount, currency, listShape, metadata, parse, schema } from '../parameters.ts';
import { PLATFORM, newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import { listReply, mergeMetadata } from '../world.ts';
import type { Handler } from '../world.ts';
import type { Account } from './accounts.ts';
import type { Charge } from './charges.ts';
import { payWaitingRefunds } from './refunds.ts';

/** Money moved from the platform to a connected account. */
export interface Transfer extends Resource {
  object: 'transfer';
  amount: number;
  amount_reversed: number;
  currency: string;
  destination: string;
  source_transaction: string | null;
}

/** Money of a transfer taken back. */
export interface Reversal extends Resource {
  object: 'transfer_reversal';
  amount: number;
  transfer: string;
}

const createForm = schema({
  amount,
  currency,
  destination: z.string(),
  description: z.string().optional(),
  metadata: metadata.optional(),
  source_transaction: z.string().optional(),
  transfer_group: z.string().optional(),
});
const reverseForm = schema({ amount: amount.optional(), description: z.string().optional(), metadata: metadata.optional() });
const listForm = schema({ ...listShape, destination: z.string().optional(), transfer_group: z.string().optional() });

export const transferRoutes = (ledger: Ledger) => {
  const create: Handler = ({ world, params }) => {
    const given = parse(createForm, params);
    const account = world.store.get<Account>('account', given.destination, 'destination');
    if (account.capabilities['transfers'] !== 'active') {
      throw refused('insufficient_capabilities_for_transfer', 'Your destination account needs to have the transfers capability enabled.');
    }
    const source =
      given.source_transaction === undefined
        ? undefined
        : world.store.get<Charge>('charge', given.source_transaction, 'source_transaction');
    if (source) {
      if (source.status !== 'succeeded' || source.currency !== given.currency) {
        throw new StripeRefusal(
          400,
          'invalid_request_error',
          'The currency of source_transaction must be that of the transfer, and the charge must have succeeded.',
          { param: 'currency' },
        );
      }
      const used = world.store
        .every<Transfer>('transfer', { source_transaction: source.id })
        .reduce((sum, transfer) => sum + transfer.amount, 0);
      if (used + given.amount > source.amount) {
        const message = `The transfers of charge ${source.id} would exceed its amount: ${used} of ${source.amount} have been transferred.`;
        throw new StripeRefusal(400, 'invalid_request_error', message, {
          param: 'amount',
          code: 'transfer_source_balance_parameters_mismatch',
        });
      }
    } else if (ledger.balance(PLATFORM, given.currency) < given.amount) throw ledger.insufficient();
    const id = newId('tr');
    const booked = ledger.move({ account: PLATFORM, type: 'transfer', amount: -given.amount, currency: given.currency, source: id });
    ledger.move({ account: account.id, type: 'payment', amount: given.amount, currency: given.currency, source: id });
    const transfer: Transfer = {
      id,
      object: 'transfer',
      amount: given.amount,
      amount_reversed: 0,
      balance_transaction: booked.id,
      created: nowSeconds(),
      currency: given.currency,
      description: given.description ?? null,
      destination: account.id,
      destination_payment: newId('py'),
      livemode: false,
      metadata: mergeMetadata({}, given.metadata),
      reversals: { object: 'list', data: [], has_more: false, total_count: 0, url: `/v1/transfers/${id}/reversals` },
      reversed: false,
      source_transaction: source?.id ?? null,
      source_type: 'card',
      transfer_group: given.transfer_group ?? source?.transfer_group ?? null,
    };
    world.store.put(transfer);
    world.emit('transfer.created', transfer);
    return { body: transfer };
  };

  const retrieve: Handler = ({ world, path }) => ({ body: world.store.get<Transfer>('transfer', path['id'] ?? '', 'transfer') });

  const list: Handler = ({ world, params }) => {
    const { destination, transfer_group, ...page } = parse(listForm, params);
    return listReply('/v1/transfers', world.store.page<Transfer>('transfer', { ...page, where: { destination, transfer_group } }));
  };

  const reverse: Handler = ({ world, path, params }) => {
    const given = parse(reverseForm, params);
    const transfer = world.store.get<Transfer>('transfer', path['id'] ?? '', 'transfer');
    const left = transfer.amount - transfer.amount_reversed;
    const wanted = given.amount ?? left;
    if (wanted > left || left === 0) {
      const message = `Reversal amount (${wanted}) is greater than unreversed amount on transfer (${left})`;
      throw new StripeRefusal(400, 'invalid_request_error', message, { param: 'amount' });
    }
    const id = newId('trr');
    ledger.move({ account: transfer.destination, type: 'payment_refund', amount: -wanted, currency: transfer.currency, source: id });
    const booked = ledger.move({ account: PLATFORM, type: 'transfer_refund', amount: wanted, currency: transfer.currency, source: id });
    const reversal: Reversal = {
      id,
      object: 'transfer_reversal',
      amount: wanted,
      balance_transaction: booked.id,
      created: nowSeconds(),
      currency: transfer.currency,
      destination_payment_refund: newId('pyr'),
      metadata: mergeMetadata({}, given.metadata),
      source_refund: null,
      transfer: transfer.id,
    };
    world.store.put(reversal);
    const { data: reversals } = world.store.page<Reversal>('transfer_reversal', { limit: 10, where: { transfer: transfer.id } });
    const updated: Transfer = {
      ...transfer,
      amount_reversed: transfer.amount_reversed + wanted,
      reversed: wanted === left,
      reversals: {
        object: 'list',
        data: reversals,
        has_more: false,
        total_count: reversals.length,
        url: `/v1/transfers/${transfer.id}/reversals`,
      },
    };
    world.store.put(updated);
    world.emit('transfer.reversed', updated, { previous: { amount_reversed: transfer.amount_reversed } });
    payWaitingRefunds(world, ledger);
    return { body: reversal };
  };

  const listReversals: Handler = ({ world, path, params }) => {
    const page = parse(schema(listShape), params);
    const transfer = path['id'] ?? '';
    return listReply(
      `/v1/transfers/${transfer}/reversals`,
      world.store.page<Reversal>('transfer_reversal', { ...page, where: { transfer } }),
    );
  };

  return { create, retrieve, list, reverse, listReversals };
};
