import type { Events } from '#domain/deciders.ts';
import { expireUnverified, recordVerificationFailed } from '#domain/identity/user-account.messages.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { mailAbout } from '../effects/send-mail.ts';
import { sendVerificationMail } from '../effects/send-verification-mail.ts';

/** The account no longer waits: it was verified, suspended or closed. */
const NO_LONGER_PENDING = ['account_not_pending', 'account_is_suspended', 'account_is_closed'];

/** Verification mails, and the end of registrations that nobody verified. */
export const verifyNewAccounts: ProcessManager<Events> = {
  name: 'verify-new-accounts',
  context: 'identity',
  sentence:
    'A new account gets a verification mail, ends after seven days without verification, and its owner hears who else wants its address.',
  instance: (event) => ('recipientId' in event.data ? event.data.recipientId : event.aggregateId),
  on: {
    AccountCreated: ({ data: { userId, role, verifyBy } }) =>
      // Administrators are seeded together with their log-in.
      role === 'admin'
        ? []
        : [
            now(effect(sendVerificationMail, { userId }), { settledBy: NO_LONGER_PENDING }),
            at(verifyBy, command(expireUnverified, { userId }), { settledBy: NO_LONGER_PENDING }),
          ],
    EmailVerificationRequested: ({ data: { userId } }) => now(effect(sendVerificationMail, { userId }), { settledBy: NO_LONGER_PENDING }),
    RegistrationAttempted: (event) => now(mailAbout(event, 'email-already-registered', { userId: event.data.userId })),
    MailBounced: ({ data: { template, recipientId, deliveryId } }) =>
      template === 'verify-email' ? now(command(recordVerificationFailed, { userId: recipientId, deliveryId })) : [],
  },
};
