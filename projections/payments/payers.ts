import type { Events } from '#domain/deciders.ts';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface PayerRow {
  readonly payerId: string;
  readonly customerId: string;
}

export const payers: ReadModel<PayerRow, Events> = {
  name: 'payers',
  context: 'payments',
  version: 1,
  sentence: 'Which customer at Stripe a payer is: saved cards are read there and never kept here.',
  columns: { payerId: 'uuid', customerId: 'text' },
  indexes: [],
  on: { PayerCustomerCreated: ({ data: { payerId, customerId } }) => put(payerId, { payerId, customerId }) },
};
