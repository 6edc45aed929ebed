import type { Events } from '#domain/deciders.ts';
import { releaseEmail } from '#domain/identity/email-reservation.ts';
import { command } from '#domain/kernel/command.ts';
import { effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { confirmSignUp } from '../effects/confirm-sign-up.ts';
import { deleteSignUp } from '../effects/delete-sign-up.ts';
import { disableSignIn, enableSignIn } from '../effects/disable-sign-in.ts';

/** The log-in follows the account. */
export const accountToSignIn: ProcessManager<Events> = {
  name: 'account-to-sign-in',
  context: 'identity',
  sentence: 'An active account may log in, a suspended one may not, and an expired registration gives its log-in and its address back.',
  on: {
    AccountActivated: ({ data: { userId } }) => now(effect(confirmSignUp, { userId })),
    AccountSuspended: ({ data: { userId } }) => now(effect(disableSignIn, { userId })),
    AccountReinstated: ({ data: { userId } }) => now(effect(enableSignIn, { userId })),
    AccountRegistrationExpired: ({ data: { userId, emailHash } }) => [
      // The address is given back last: from then on the log-in under it may be somebody else's.
      now(effect(deleteSignUp, { userId })),
      now(command(releaseEmail, { emailHash, userId })),
    ],
  },
};
