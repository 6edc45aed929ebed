import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { DAY, MINUTE } from '../kernel/time.ts';
import { ageBand } from './student-profile.ts';
import { emailAddress, sha256Hex } from './user-account.messages.ts';

/** How long a parent may take to answer, how often one may be asked, and how often reminded. */
export const CONSENT_VALID_FOR = 7 * DAY;
export const CONSENT_ROUNDS = 3;
export const REMINDERS_PER_DAY = 5;
export const REMINDERS_APART = MINUTE;
/** The text that parents are shown; raised when it changes in substance. */
export const NOTICE_VERSION = '2026-11';

/** What a parent may allow, each on its own. Without `account` the child may not use the platform at all. */
export const scope = z.enum(['account', 'messaging', 'video', 'recording', 'payment']);
export type Scope = z.output<typeof scope>;
export const scopes = z.array(scope).max(5);
/** Recording is never asked for by default: a parent has to tick it. */
export const SCOPES_ASKED: readonly Scope[] = ['account', 'messaging', 'video', 'recording', 'payment'];

/** `email_link` proves only that somebody reads the parent's mail: not enough for a child under 13. */
const method = z.enum(['email_link', 'card_charge', 'signed_form', 'government_id', 'knowledge_questions', 'call']);
export const APPROVED_UNDER_13: readonly z.output<typeof method>[] = [
  'card_charge',
  'signed_form',
  'government_id',
  'knowledge_questions',
  'call',
];

const target = { studentId: uuid };
const round = z.number().int().positive();
const instant = z.iso.datetime();

// Events
export const parentConsentRequested = defineEvent('ParentConsentRequested', {
  sentence: 'A parent was asked to consent.',
  schema: z.object({
    ...target,
    round,
    requestId: uuid,
    parentEmail: z.string(),
    noticeVersion: z.string(),
    scopes,
    tokenHash: sha256Hex,
    requestedAt: instant,
    expiresAt: instant,
  }),
  personal: { parentEmail: 'studentId' },
});
export const parentConsentReminderSent = defineEvent('ParentConsentReminderSent', {
  sentence: 'The parent was reminded of the open request.',
  schema: z.object({ ...target, round, requestId: uuid, reminder: round, remindedAt: instant, expiresAt: instant }),
});
export const parentConsentGranted = defineEvent('ParentConsentGranted', {
  sentence: 'A parent or guardian consented.',
  schema: z.object({ ...target, round, method, scopes, noticeVersion: z.string(), evidenceRef: z.string().optional() }),
});
export const parentConsentDenied = defineEvent('ParentConsentDenied', {
  sentence: 'A parent or guardian declined.',
  schema: z.object({ ...target, round }),
});
export const parentConsentExpired = defineEvent('ParentConsentExpired', {
  sentence: 'The parent did not answer in time.',
  schema: z.object({ ...target, round }),
});
export const parentConsentRevoked = defineEvent('ParentConsentRevoked', {
  sentence: 'A parent took consent back, in whole or for some scopes.',
  schema: z.object({ ...target, round, revoked: scopes, remaining: scopes }),
});

export const events = [
  parentConsentRequested,
  parentConsentReminderSent,
  parentConsentGranted,
  parentConsentDenied,
  parentConsentExpired,
  parentConsentRevoked,
] as const;
export type ParentConsentEvent = EventOf<typeof events>;

// Commands
export const requestParentConsent = defineCommand('RequestParentConsent', {
  sentence: 'Ask a parent to consent; asked again with the same address, remind.',
  data: z.object({
    ...target,
    requestId: uuid,
    /** Absent: the address that was asked before. */
    parentEmail: emailAddress.optional(),
    tokenHash: sha256Hex,
  }),
  facts: z.object({
    student: z.object({ minor: z.boolean(), parentEmail: z.string().nullable() }).nullable(),
    childEmail: z.string().nullable(),
  }),
});
export const remindParent = defineCommand('RemindParent', {
  sentence: 'Remind a parent of a request that is still open.',
  data: z.object({ ...target, round }),
});
export const grantParentConsent = defineCommand('GrantParentConsent', {
  sentence: 'Consent, by the token of a mail or as an operator with evidence.',
  data: z.object({
    ...target,
    /** Absent: an operator records it. */
    tokenHash: sha256Hex.optional(),
    method,
    scopes,
    evidenceRef: z.string().trim().min(1).max(200).optional(),
  }),
  facts: z.object({ ageBand: ageBand.nullable() }),
});
export const denyParentConsent = defineCommand('DenyParentConsent', {
  sentence: 'Decline to consent.',
  data: z.object({ ...target, tokenHash: sha256Hex }),
});
export const expireParentConsent = defineCommand('ExpireParentConsent', {
  sentence: 'End a request that nobody answered in time.',
  data: z.object({ ...target, round }),
});
export const revokeParentConsent = defineCommand('RevokeParentConsent', {
  sentence: 'Take consent back, in whole or for some scopes.',
  data: z.object({ ...target, tokenHash: sha256Hex.optional(), scopes: scopes.optional() }),
});

export const commands = [
  requestParentConsent,
  remindParent,
  grantParentConsent,
  denyParentConsent,
  expireParentConsent,
  revokeParentConsent,
] as const;
export type ParentConsentCommand = CommandOf<typeof commands>;

// Refusals
export class ConsentNotRequested extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'No parent has been asked to consent.';
}
export class NobodyToConsentFor extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'The student has not started a profile yet.';
}
export class ParentIsTheChild extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The parent must have another e-mail address than the student.';
}
export class ConsentNotNeeded extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The student is an adult; nobody has to consent.';
}
export class NotYourConsentRequest extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the student or the platform may ask the parent.';
}
export class ParentEmailMissing extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'No parent’s e-mail address is known.';
}
export class ConsentAlreadyGranted extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A parent has consented already.';
}
export class ConsentRoundsExhausted extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'A parent has been asked as often as allowed.';
}
export class ConsentResendTooSoon extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'The parent was written to a moment ago.';
}
export class TooManyConsentMails extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'The parent was written to often enough within a day.';
}
export class ConsentTokenInvalid extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This consent link is not valid.';
}
export class NotFromTheChild extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'A student cannot answer in the place of a parent.';
}
export class ConsentRequestExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The consent request has expired.';
}
export class ConsentRequestNotYetExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The parent may still answer.';
}
export class ConsentAlreadyDecided extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The consent request has been answered already.';
}
export class ConsentMethodNotApproved extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'For a child under 13 consent must be verified by a stricter method.';
}
export class ConsentEvidenceMissing extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'Consent by this method needs a reference to its evidence, recorded by an operator.';
}
export class AccountScopeRequired extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'Consent must at least allow the account; otherwise decline.';
}
export class ConsentNotGranted extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'There is no consent to take back.';
}

export const refusals = [
  ConsentNotRequested,
  NobodyToConsentFor,
  ConsentNotNeeded,
  NotYourConsentRequest,
  ParentEmailMissing,
  ParentIsTheChild,
  ConsentAlreadyGranted,
  ConsentRoundsExhausted,
  ConsentResendTooSoon,
  TooManyConsentMails,
  ConsentTokenInvalid,
  NotFromTheChild,
  ConsentRequestExpired,
  ConsentRequestNotYetExpired,
  ConsentAlreadyDecided,
  ConsentMethodNotApproved,
  ConsentEvidenceMissing,
  AccountScopeRequired,
  ConsentNotGranted,
] as const;
