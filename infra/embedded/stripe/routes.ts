import type { Ledger } from './ledger.ts';
import { createAccount, createAccountLink, deleteAccount, listAccounts, retrieveAccount } from './resources/accounts.ts';
import { balanceRoutes } from './resources/balance.ts';
import { listCharges, retrieveCharge } from './resources/charges.ts';
import { createCustomer, deleteCustomer, listCustomers, retrieveCustomer, searchCustomers, updateCustomer } from './resources/customers.ts';
import { retrieveDispute } from './resources/disputes.ts';
import { listEvents, retrieveEvent } from './resources/events.ts';
import { paymentIntentRoutes } from './resources/payment-intent-routes.ts';
import { attachMethod, createMethod, detachMethod, listMethods, retrieveMethod } from './resources/payment-methods.ts';
import { refundRoutes } from './resources/refunds.ts';
import { transferRoutes } from './resources/transfers.ts';
import type { Handler } from './world.ts';

/** A found route with the variable parts of its path. */
export interface Match {
  handler: Handler;
  path: Record<string, string>;
  /** Whether a customer may call it with the publishable key. */
  publicRoute: boolean;
}

/** Finds the handler of a method and path. */
export type Router = (method: string, path: string) => Match | undefined;

/** `METHOD /path/:variable` to handler, for every endpoint of the stand-in. Fixed words come before variables. */
function table(ledger: Ledger): Record<string, Handler> {
  const intents = paymentIntentRoutes(ledger);
  const refunds = refundRoutes(ledger);
  const transfers = transferRoutes(ledger);
  const money = balanceRoutes(ledger);
  return {
    'POST /v1/customers': createCustomer,
    'GET /v1/customers': listCustomers,
    'GET /v1/customers/search': searchCustomers,
    'GET /v1/customers/:id': retrieveCustomer,
    'POST /v1/customers/:id': updateCustomer,
    'DELETE /v1/customers/:id': deleteCustomer,
    'GET /v1/customers/:customer/payment_methods': listMethods,
    'POST /v1/payment_methods': createMethod,
    'GET /v1/payment_methods': listMethods,
    'GET /v1/payment_methods/:id': retrieveMethod,
    'POST /v1/payment_methods/:id/attach': attachMethod,
    'POST /v1/payment_methods/:id/detach': detachMethod,
    'POST /v1/payment_intents': intents.create,
    'GET /v1/payment_intents': intents.list,
    'GET /v1/payment_intents/search': intents.search,
    'GET /v1/payment_intents/:id': intents.retrieve,
    'POST /v1/payment_intents/:id': intents.update,
    'POST /v1/payment_intents/:id/confirm': intents.confirm,
    'POST /v1/payment_intents/:id/cancel': intents.cancel,
    'GET /v1/charges': listCharges,
    'GET /v1/charges/:id': retrieveCharge,
    'GET /v1/disputes/:id': retrieveDispute,
    'POST /v1/refunds': refunds.create,
    'GET /v1/refunds': refunds.list,
    'GET /v1/refunds/:id': refunds.retrieve,
    'POST /v1/transfers': transfers.create,
    'GET /v1/transfers': transfers.list,
    'GET /v1/transfers/:id': transfers.retrieve,
    'POST /v1/transfers/:id/reversals': transfers.reverse,
    'GET /v1/transfers/:id/reversals': transfers.listReversals,
    'POST /v1/accounts': createAccount,
    'GET /v1/accounts': listAccounts,
    'GET /v1/accounts/:id': retrieveAccount,
    'DELETE /v1/accounts/:id': deleteAccount,
    'POST /v1/account_links': createAccountLink,
    'GET /v1/balance': money.balance,
    'GET /v1/balance_transactions': money.transactions,
    'GET /v1/balance_transactions/:id': money.transaction,
    'POST /v1/payouts': money.createPayout,
    'GET /v1/payouts': money.payouts,
    'GET /v1/payouts/:id': money.payout,
    'GET /v1/events': listEvents,
    'GET /v1/events/:id': retrieveEvent,
  };
}

const publicRoutes = new Set(['GET /v1/payment_intents/:id', 'POST /v1/payment_intents/:id/confirm', 'POST /v1/payment_methods']);

/** The router of all endpoints. */
export function router(ledger: Ledger): Router {
  const routes = Object.entries(table(ledger)).map(([route, handler]) => {
    const [method, pattern = ''] = route.split(' ');
    const expression = new RegExp(`^${pattern.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    return { method, expression, handler, publicRoute: publicRoutes.has(route) };
  });
  return (method, path) => {
    for (const route of routes) {
      const match = route.method === method ? route.expression.exec(path) : null;
      if (match) return { handler: route.handler, path: { ...match.groups }, publicRoute: route.publicRoute };
    }
    return undefined;
  };
}
