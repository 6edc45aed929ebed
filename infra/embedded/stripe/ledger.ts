import { prepared } from '../http/database.ts';
import { refused } from './errors.ts';
import { PLATFORM, newId, nowSeconds } from './store.ts';
import type { Resource, StripeStore } from './store.ts';

/** One movement on the balance of the platform or of a connected account. */
export interface BalanceTransaction extends Resource {
  object: 'balance_transaction';
  amount: number;
  fee: number;
  net: number;
  currency: string;
  source: string | null;
}

/** The funds that a fresh stand-in has in each currency, so that refunds can include the fees that Stripe keeps. */
const OPENING_FUNDS = 100_000_000;

/** The processing fee that Stripe keeps of a charge: 2.9 % and 30 minor units, never more than the charge. */
export function processingFee(amount: number): number {
  return Math.min(amount, Math.round((amount * 29) / 1000) + 30);
}

/**
 * The double check of all money: a balance changes only by a balance transaction, and a connected account never goes below zero.
 * Charges settle at once, as with Stripe's `bypassPending` test card.
 */
export class Ledger {
  constructor(private readonly store: StripeStore) {}

  /** What an account owns in a currency. A platform opens with funds. */
  balance(account: string, currency: string): number {
    const row = prepared(this.store.database, 'SELECT amount FROM balances WHERE account = ? AND currency = ?').get(account, currency);
    if (row) return row['amount'] as number;
    if (account !== PLATFORM) return 0;
    this.move({ account, type: 'topup', amount: OPENING_FUNDS, currency, source: null, opening: true });
    return OPENING_FUNDS;
  }

  /** All balances of an account by currency. */
  balances(account: string): { currency: string; amount: number }[] {
    const rows = prepared(this.store.database, 'SELECT currency, amount FROM balances WHERE account = ? ORDER BY currency').all(account);
    return rows.map((row) => ({ currency: row['currency'] as string, amount: row['amount'] as number }));
  }

  /** Books one movement and gives its balance transaction. Refuses to take more than there is from a connected account. */
  move(movement: {
    account: string;
    type: string;
    amount: number;
    currency: string;
    source: string | null;
    fee?: number;
    opening?: boolean;
  }): BalanceTransaction {
    const { account, type, amount, currency, source } = movement;
    const fee = movement.fee ?? 0;
    const net = amount - fee;
    const before = movement.opening ? 0 : this.balance(account, currency);
    if (account !== PLATFORM && before + net < 0) throw this.insufficient();
    const transaction: BalanceTransaction = {
      id: newId('txn'),
      object: 'balance_transaction',
      amount,
      available_on: nowSeconds(),
      balance_type: 'payments',
      created: nowSeconds(),
      currency,
      description: null,
      exchange_rate: null,
      fee,
      fee_details:
        fee === 0 ? [] : [{ amount: fee, application: null, currency, description: 'Stripe processing fees', type: 'stripe_fee' }],
      net,
      reporting_category: type,
      source,
      status: 'available',
      type,
    };
    this.store.put(transaction, account);
    prepared(this.store.database, 'INSERT OR REPLACE INTO balances (account, currency, amount) VALUES (?, ?, ?)').run(
      account,
      currency,
      before + net,
    );
    return transaction;
  }

  /** The error of a balance that does not cover what is asked of it. */
  insufficient(): Error {
    return refused('balance_insufficient', 'You have insufficient available funds in your Stripe account for this request.');
  }
}
