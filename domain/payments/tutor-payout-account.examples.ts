import { event } from '../kernel/event.ts';
import { parties } from './payment-transaction.examples.ts';
import * as account from './tutor-payout-account.ts';

/** Mr Okafor sets up his payouts. */
const { tutorId } = parties;
export const accountId = 'acct_okafor';

export const onboardingStarted = event(account.payoutOnboardingStarted, { tutorId, attempt: 1, idempotencyKey: `acct:${tutorId}` });
export const accountCreated = event(account.payoutAccountCreated, { tutorId, accountId });
export const accountActivated = event(account.payoutAccountActivated, { tutorId, accountId, waiting: [] });
export const accountRestricted = event(account.payoutAccountRestricted, { tutorId, accountId });
export const accountRejected = event(account.payoutAccountRejected, { tutorId, accountId });
export const accountDisconnected = event(account.payoutAccountDisconnected, { tutorId, accountId });

/** An account that can be paid into. */
export const active = [onboardingStarted, accountCreated, accountActivated] as const;
