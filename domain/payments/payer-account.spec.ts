import { describe, it } from '@jest/globals';
import { given } from '../kernel/given-when-then.ts';
import { miaIsCustomer } from './payer-account.examples.ts';
import { OnlyThePlatformKnowsPayers, payerAccount, recordPayerCustomer } from './payer-account.ts';
import { administrator } from './payment-transaction.examples.ts';

describe('A payer', () => {
  const { data } = miaIsCustomer;

  it('becomes a customer at Stripe', () => given(payerAccount).when(recordPayerCustomer, data).then(miaIsCustomer));
  it('is one customer: a second one is not used', () =>
    given(payerAccount, miaIsCustomer)
      .when(recordPayerCustomer, { ...data, customerId: 'cus_second' })
      .alreadySo());
  it('is not made one by people', () =>
    given(payerAccount).when(recordPayerCustomer, data, { by: administrator }).refused(OnlyThePlatformKnowsPayers));
});
