import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { parties, payer, payoutId, refundId, theTutor } from './payment-transaction.examples.ts';
import {
  accountActivated,
  accountCreated,
  accountDisconnected,
  accountId,
  accountRejected,
  accountRestricted,
  active,
  onboardingStarted,
} from './tutor-payout-account.examples.ts';
import * as account from './tutor-payout-account.ts';

const { tutorId, paymentId } = parties;
const past = (...events: readonly account.TutorPayoutAccountEvent[]) => given(account.tutorPayoutAccount, ...events);

describe('Setting up payouts', () => {
  const start = (before: readonly account.TutorPayoutAccountEvent[], by = theTutor) =>
    past(...before).when(account.startPayoutOnboarding, { tutorId }, { by });

  it('fixes the key of the call first', () => start([]).then(onboardingStarted));
  it('is nothing new the second time', () => start([onboardingStarted, accountCreated]).alreadySo());
  it('is refused to others', () => start([], payer).refused(account.NotYourPayoutAccount));
  it('is refused once Stripe turned the tutor down', () =>
    start([onboardingStarted, accountCreated, accountRejected]).refused(account.PayoutAccountClosed));
  it('may be done again after the account was cut off, under a new key', () =>
    start([...active, accountDisconnected]).then(
      event(account.payoutOnboardingStarted, { tutorId, attempt: 2, idempotencyKey: `acct:${tutorId}:2` }),
    ));
});

describe('The account at Stripe', () => {
  const record = (...before: readonly account.TutorPayoutAccountEvent[]) =>
    past(...before).when(account.recordPayoutAccount, { tutorId, accountId });
  const become = (status: 'active' | 'restricted' | 'rejected' | 'disconnected', ...before: readonly account.TutorPayoutAccountEvent[]) =>
    past(...before).when(account.recordPayoutAccountStatus, { tutorId, accountId, status });

  it('is recorded', () => record(onboardingStarted).then(accountCreated));
  it('is recorded once', () => record(onboardingStarted, accountCreated).alreadySo());
  it('was asked for', () => record().refused(account.PayoutAccountMissing));
  it('is one', () =>
    past(onboardingStarted, accountCreated)
      .when(account.recordPayoutAccount, { tutorId, accountId: 'acct_other' })
      .refused(account.AnotherPayoutAccount));
  it('becomes active', () => become('active', onboardingStarted, accountCreated).then(accountActivated));
  it('becomes active once', () => become('active', ...active).alreadySo());
  it('is not restricted while it is still being filled in', () => become('restricted', onboardingStarted, accountCreated).alreadySo());
  it('may be restricted later', () => become('restricted', ...active).then(accountRestricted));
  it('may be active again', () => become('active', ...active, accountRestricted).then(accountActivated));
  it('may be turned down for good', () => become('rejected', ...active).then(accountRejected));
  it('stays turned down', () => become('active', ...active, accountRejected).alreadySo());
  it('may be cut off', () => become('disconnected', ...active).then(accountDisconnected));
  it('is the tutor’s own', () =>
    past(...active)
      .when(account.recordPayoutAccountStatus, { tutorId, accountId: 'acct_other', status: 'active' })
      .refused(account.AnotherPayoutAccount));
  it('must exist', () => become('active', onboardingStarted).refused(account.PayoutAccountMissing));
  it('is not judged by people', () =>
    past(onboardingStarted, accountCreated)
      .when(account.recordPayoutAccountStatus, { tutorId, accountId, status: 'active' }, { by: theTutor })
      .refused(account.OnlyThePlatformTendsAccounts));
});

describe('A link to fill the account in', () => {
  const expiresAt = '2026-11-23T12:05:00.000Z';
  const issue = (before: readonly account.TutorPayoutAccountEvent[], by = theTutor) =>
    past(...before).when(account.issueOnboardingLink, { tutorId, expiresAt }, { by });

  it('is noted, but not kept', () =>
    issue([onboardingStarted, accountCreated]).then(event(account.onboardingLinkIssued, { tutorId, accountId, expiresAt })));
  it('needs an account', () => issue([onboardingStarted]).refused(account.PayoutAccountMissing));
  it('is refused to others', () => issue([onboardingStarted, accountCreated], payer).refused(account.NotYourPayoutAccount));
});

describe('A payout that waits for the account', () => {
  const waits = event(account.payoutAwaitsAccount, { tutorId, paymentId, payoutId });
  const wait = (...before: readonly account.TutorPayoutAccountEvent[]) =>
    past(...before).when(account.awaitPayoutAccount, { tutorId, paymentId, payoutId });

  it('is remembered even before there is one', () => wait().then(waits));
  it('is remembered once', () => wait(waits).alreadySo());
  it('is named when the account becomes active', () =>
    past(waits, onboardingStarted, accountCreated)
      .when(account.recordPayoutAccountStatus, { tutorId, accountId, status: 'active' })
      .then(event(account.payoutAccountActivated, { tutorId, accountId, waiting: [{ paymentId, payoutId }] })));
  it('need not wait when the account is active', () => wait(...active).refused(account.PayoutAccountIsActive));
});

describe('Debts of the tutor', () => {
  const debtId = refundId;
  const debt = { tutorId, debtId, paymentId, amount: 800, currency: 'usd' } as const;
  const noted = event(account.tutorDebtNoted, debt);
  const laterPayment = '01939a00-0000-7000-8000-0000000000d8';
  const claim = (available: number, currency: 'usd' | 'eur', ...before: readonly account.TutorPayoutAccountEvent[]) =>
    past(...before).when(
      account.claimTutorDebt,
      { tutorId, paymentId: laterPayment },
      { facts: { payable: { amount: available, currency } } },
    );
  const claimed = (amount: number, currency: 'usd' | 'eur' = 'usd') =>
    event(account.tutorDebtClaimed, {
      tutorId,
      paymentId: laterPayment,
      currency,
      debts: amount === 0 ? [] : [{ debtId, paymentId, amount }],
    });

  it('are noted', () => past().when(account.noteTutorDebt, debt).then(noted));
  it('are noted once', () => past(noted).when(account.noteTutorDebt, debt).alreadySo());
  it('are claimed by a later payout', () => claim(3359, 'usd', noted).then(claimed(800)));
  it('are claimed as far as it reaches', () => claim(500, 'usd', noted).then(claimed(500)));
  it('are claimed once by each', () => claim(500, 'usd', noted, claimed(500)).alreadySo());
  it('are not claimed for a payment that is not there', () =>
    past(noted)
      .when(account.claimTutorDebt, { tutorId, paymentId: laterPayment }, { facts: { payable: null } })
      .alreadySo());
  it('of another currency are left alone', () => claim(500, 'eur', noted).then(claimed(0, 'eur')));
  it('that are gone meanwhile let the payout go on', () => claim(500, 'usd').then(claimed(0)));
});
