import { event } from '../kernel/event.ts';
import { payerCustomerCreated } from './payer-account.ts';
import { parties } from './payment-transaction.examples.ts';

/** Mia is a customer at Stripe. */
export const miaIsCustomer = event(payerCustomerCreated, { payerId: parties.payerId, customerId: 'cus_mia' });
