import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { unblockPayout } from '#domain/payments/payment-commands.ts';
import { awaitPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import { createPayoutAccount } from '../effects/stripe-effects.ts';

/** The payout was sent or called off by another way. */
const NO_LONGER_WAITING = ['payout_already_sent', 'payout_was_canceled', 'payout_not_found', 'payment_not_found'];

/** Payouts meet accounts: a payout without one waits by name, and the account that becomes active calls it. */
export const payoutAccountOpens: ProcessManager<Events> = {
  name: 'payout-account-opens',
  context: 'payments',
  sentence: 'A tutor’s account is opened when they ask; payouts that waited for it go on once it is active.',
  on: {
    PayoutOnboardingStarted: ({ data: { tutorId } }) => now(effect(createPayoutAccount, { tutorId })),
    PayoutBlocked: ({ data: { tutorId, paymentId, payoutId, reason } }) => {
      if (reason === 'dispute' || reason === 'mismatch') return [];
      return now(command(awaitPayoutAccount, { tutorId, paymentId, payoutId }), {
        otherwise: { payout_account_is_active: command(unblockPayout, { paymentId, payoutId }) },
        settledBy: NO_LONGER_WAITING,
      });
    },
    PayoutAccountActivated: ({ data: { waiting } }) =>
      waiting.map(({ paymentId, payoutId }) => now(command(unblockPayout, { paymentId, payoutId }), { settledBy: NO_LONGER_WAITING })),
  },
};
