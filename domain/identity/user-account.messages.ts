import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { DAY, HOUR, MINUTE, timeZoneName } from '../kernel/time.ts';

/** How long a verification link works, and how often one may be asked for again. */
export const VERIFICATION_VALID_FOR = 24 * HOUR;
export const VERIFICATION_APART = MINUTE;
export const VERIFICATIONS_PER_DAY = 5;
/** The owner of an address hears at most this often that somebody tried to register with it. */
export const ATTEMPTS_TOLD_EVERY = HOUR;
/** How long an account may stay unverified. */
export const REGISTRATION_VALID_FOR = 7 * DAY;

/** Lower-case hex SHA-256 or HMAC-SHA-256: all that an event may hold of a secret or of an e-mail address as a key. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
export const emailAddress = z.string().trim().normalize('NFC').toLowerCase().max(254).pipe(z.email());
export const accountRole = z.enum(['student', 'tutor', 'parent', 'admin']);

// Events
const who = { userId: uuid };
const instant = z.iso.datetime();

export const accountCreated = defineEvent('AccountCreated', {
  sentence: 'Somebody registered; the e-mail address is not verified yet.',
  schema: z.object({
    ...who,
    email: z.string(),
    emailHash: sha256Hex,
    role: accountRole,
    displayName: z.string().optional(),
    timeZone: z.string(),
    locale: z.string(),
    registeredAt: instant,
    verifyBy: instant,
  }),
  personal: { email: 'userId', displayName: 'userId' },
});
export const emailVerificationRequested = defineEvent('EmailVerificationRequested', {
  sentence: 'Another verification mail was asked for.',
  schema: z.object({ ...who, requestedAt: instant }),
});
export const emailVerificationSent = defineEvent('EmailVerificationSent', {
  sentence: 'A mail with a verification link went out.',
  schema: z.object({ ...who, deliveryId: uuid, tokenHash: sha256Hex, expiresAt: instant }),
});
export const emailDeliveryFailed = defineEvent('EmailDeliveryFailed', {
  sentence: 'The verification mail could not be delivered.',
  schema: z.object({ ...who, deliveryId: uuid }),
});
export const registrationAttempted = defineEvent('RegistrationAttempted', {
  sentence: 'Somebody tried to register with the address of this account; its owner is told.',
  schema: z.object({ ...who, attemptedAt: instant }),
});
export const accountActivated = defineEvent('AccountActivated', {
  sentence: 'The account may be used.',
  schema: z.object({ ...who, method: z.enum(['email_token', 'operator']) }),
});
export const accountRegistrationExpired = defineEvent('AccountRegistrationExpired', {
  sentence: 'The e-mail address was not verified in time; the account is closed.',
  schema: z.object({ ...who, emailHash: sha256Hex }),
});
export const accountSuspended = defineEvent('AccountSuspended', {
  sentence: 'An administrator suspended the account.',
  schema: z.object({ ...who, reason: z.string() }),
});
export const accountReinstated = defineEvent('AccountReinstated', {
  sentence: 'An administrator lifted the suspension.',
  schema: z.object(who),
});
export const accountDeletionRequested = defineEvent('AccountDeletionRequested', {
  sentence: 'The person, or the parent of the child, asked to delete the account.',
  schema: z.object(who),
});
export const accountErased = defineEvent('AccountErased', {
  sentence: 'Everything personal about the account has been forgotten.',
  schema: z.object({ ...who, emailHash: sha256Hex }),
});

export const events = [
  accountCreated,
  emailVerificationRequested,
  emailVerificationSent,
  emailDeliveryFailed,
  registrationAttempted,
  accountActivated,
  accountRegistrationExpired,
  accountSuspended,
  accountReinstated,
  accountDeletionRequested,
  accountErased,
] as const;
export type UserAccountEvent = EventOf<typeof events>;

// Commands
const target = z.object(who);

export const registerUser = defineCommand('RegisterUser', {
  sentence: 'Create an account for a reserved e-mail address.',
  data: z.object({
    ...who,
    email: emailAddress,
    emailHash: sha256Hex,
    role: accountRole,
    displayName: z.string().trim().min(1).max(80).optional(),
    timeZone: timeZoneName,
    locale: z
      .string()
      .max(20)
      .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language tag'),
  }),
  facts: z.object({ emailHeldBy: uuid.nullable() }),
});
export const requestVerification = defineCommand('RequestVerification', {
  sentence: 'Ask for another verification mail.',
  data: target,
});
export const recordVerificationSent = defineCommand('RecordVerificationSent', {
  sentence: 'Record that a verification mail went out, by the hash of its token.',
  data: target.extend({ deliveryId: uuid, tokenHash: sha256Hex }),
});
export const recordVerificationFailed = defineCommand('RecordVerificationFailed', {
  sentence: 'Record that a verification mail came back.',
  data: target.extend({ deliveryId: uuid }),
});
export const noteRegistrationAttempt = defineCommand('NoteRegistrationAttempt', {
  sentence: 'Note that somebody tried to register with the address of this account.',
  data: target,
});
export const verifyEmail = defineCommand('VerifyEmail', {
  sentence: 'Prove by the token of a mail that the address is one’s own.',
  data: target.extend({ tokenHash: sha256Hex }),
});
export const activateUser = defineCommand('ActivateUser', { sentence: 'Activate an account on behalf of its owner.', data: target });
export const expireUnverified = defineCommand('ExpireUnverified', {
  sentence: 'Close an account that was never verified.',
  data: target,
});
export const suspendAccount = defineCommand('SuspendAccount', {
  sentence: 'Stop all use of an account.',
  data: target.extend({ reason: z.string().trim().min(1).max(300) }),
});
export const reinstateAccount = defineCommand('ReinstateAccount', { sentence: 'Lift a suspension.', data: target });
export const requestAccountDeletion = defineCommand('RequestAccountDeletion', {
  sentence: 'Ask to delete one’s account, or that of one’s child.',
  data: target,
});
export const completeAccountDeletion = defineCommand('CompleteAccountDeletion', {
  sentence: 'Record that everything personal has been forgotten.',
  data: target,
});

export const commands = [
  registerUser,
  requestVerification,
  recordVerificationSent,
  recordVerificationFailed,
  noteRegistrationAttempt,
  verifyEmail,
  activateUser,
  expireUnverified,
  suspendAccount,
  reinstateAccount,
  requestAccountDeletion,
  completeAccountDeletion,
] as const;
export type UserAccountCommand = CommandOf<typeof commands>;

// Refusals
export class AccountNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such account.';
}
export class UserIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another account has this id.';
}
export class EmailNotReserved extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The e-mail address is not reserved for this account.';
}
export class AdminsAreNotRegistered extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Nobody can register as an administrator.';
}
export class VerificationTooSoon extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'A verification mail was sent a moment ago.';
}
export class TooManyVerifications extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'Too many verification mails were asked for within a day.';
}
export class VerificationTokenInvalid extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'This verification link is not valid.';
}
export class VerificationTokenExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This verification link has expired.';
}
export class AccountNotPending extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account does not wait for verification.';
}
export class AccountNotActive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account is not active.';
}
export class RegistrationNotYetExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account may still be verified.';
}
export class AccountIsClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account is closed or being closed.';
}
export class AccountIsSuspended extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The account is suspended.';
}
export class DeletionNotRequested extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Nobody has asked to delete this account.';
}
export class NotYourAccount extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This account belongs to somebody else.';
}
export class AccountNeedsAnOperator extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only an operator of the platform may do this.';
}

export const refusals = [
  AccountNotFound,
  UserIdTaken,
  EmailNotReserved,
  AdminsAreNotRegistered,
  VerificationTooSoon,
  TooManyVerifications,
  VerificationTokenInvalid,
  VerificationTokenExpired,
  AccountNotPending,
  AccountNotActive,
  RegistrationNotYetExpired,
  AccountIsClosed,
  AccountIsSuspended,
  DeletionNotRequested,
  NotYourAccount,
  AccountNeedsAnOperator,
] as const;
