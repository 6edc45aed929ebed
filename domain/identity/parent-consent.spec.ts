import { describe, expect, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { fold } from '../kernel/decider.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, HOUR, MINUTE, plus } from '../kernel/time.ts';
import {
  anOperator,
  aParent,
  consentAsked,
  consentDenied,
  consentExpired,
  consentGranted,
  consentRevoked,
  requestId,
  scopesGranted,
  tokenHash,
} from './parent-consent.examples.ts';
import * as consent from './parent-consent.messages.ts';
import { allows, parentConsent } from './parent-consent.ts';
import { parentEmail, studentId } from './student-profile.examples.ts';
import { anAdmin, mia, miaEmail, somebody } from './user-account.examples.ts';
import { SYSTEM } from '../kernel/command.ts';

type Past = readonly consent.ParentConsentEvent[];
const laterId = '01939a00-0000-7000-8000-0000000000e2';
const laterHash = 'f6'.repeat(32);
const reminded = (reminder: number, remindedAt: string) =>
  event(consent.parentConsentReminderSent, {
    studentId,
    round: 1,
    requestId,
    reminder,
    remindedAt,
    expiresAt: consentAsked.data.expiresAt,
  });

describe('Asking a parent', () => {
  const student = { minor: true, parentEmail: parentEmail as string | null } as { minor: boolean; parentEmail: string | null } | null;
  const ask = (
    past: Past,
    { by = SYSTEM, at = MONDAY_NOON, email = undefined as string | undefined, facts = student, id = requestId, hash = tokenHash } = {},
  ) =>
    given(parentConsent, ...past).when(
      consent.requestParentConsent,
      { studentId, requestId: id, tokenHash: hash, ...(email === undefined ? {} : { parentEmail: email }) },
      { by, at, facts: { student: facts, childEmail: miaEmail } },
    );
  const again = (past: Past, more: { by?: typeof SYSTEM; at?: string; email?: string } = {}) =>
    ask(past, { id: laterId, hash: laterHash, ...more });
  const secondRound = (at: string, email = parentEmail) =>
    event(consent.parentConsentRequested, {
      ...consentAsked.data,
      round: 2,
      requestId: laterId,
      tokenHash: laterHash,
      parentEmail: email,
      requestedAt: at,
      expiresAt: plus(at, 7 * DAY),
    });
  const later = plus(MONDAY_NOON, MINUTE);

  it('opens a round of seven days', () => ask([]).then(consentAsked));
  it('is nothing new for the same request', () => ask([consentAsked]).alreadySo());
  it('reminds when the student asks again with the same address', () =>
    again([consentAsked], { by: mia, at: later }).then(reminded(1, later)));
  it('opens a new round for another address, which ends the first link', () =>
    again([consentAsked], { by: mia, at: later, email: 'father@example.org' }).then(secondRound(later, 'father@example.org')));
  it.each([
    ['a refusal', consentDenied],
    ['an expiry', consentExpired],
    ['a revocation', consentRevoked],
  ])('opens a new round after %s', (_, ending) => {
    const before: Past = ending === consentRevoked ? [consentAsked, consentGranted, ending] : [consentAsked, ending];
    again(before, { at: later }).then(secondRound(later));
  });
  it('stops after three rounds', () => {
    const rounds = [1, 2, 3].flatMap((round) => [
      event(consent.parentConsentRequested, { ...consentAsked.data, round }),
      event(consent.parentConsentDenied, { studentId, round }),
    ]);
    again(rounds, { at: later }).refused(consent.ConsentRoundsExhausted);
  });
  it('is refused within a minute', () =>
    again([consentAsked], { by: mia, at: plus(MONDAY_NOON, MINUTE - 1) }).refused(consent.ConsentResendTooSoon, { retryAt: later }));
  it('is refused a sixth time within a day', () => {
    const four = [1, 2, 3, 4].map((hours) => reminded(hours, plus(MONDAY_NOON, hours * HOUR)));
    again([consentAsked, ...four], { by: mia, at: plus(MONDAY_NOON, 5 * HOUR) }).refused(consent.TooManyConsentMails);
  });
  it('is refused to others', () => ask([], { by: somebody }).refused(consent.NotYourConsentRequest));
  it('is refused when granted', () => again([consentAsked, consentGranted]).refused(consent.ConsentAlreadyGranted));
  it('is refused for an adult', () => ask([], { facts: { minor: false, parentEmail: null } }).refused(consent.ConsentNotNeeded));
  it('is refused without a profile', () => ask([], { facts: null }).refused(consent.NobodyToConsentFor));
  it('is refused without an address', () => ask([], { facts: { minor: true, parentEmail: null } }).refused(consent.ParentEmailMissing));
  it('is refused with the child’s own address', () => ask([], { email: miaEmail }).refused(consent.ParentIsTheChild));
});

describe('Reminding', () => {
  const remind = (past: Past, round = 1) => given(parentConsent, ...past).when(consent.remindParent, { studentId, round });
  it('is recorded while the request is open', () => remind([consentAsked]).then(reminded(1, MONDAY_NOON)));
  it('is pointless after an answer', () => remind([consentAsked, consentGranted]).alreadySo());
  it('is pointless for an earlier round', () => remind([consentAsked], 2).alreadySo());
  it('needs a request', () => remind([]).refused(consent.ConsentNotRequested));
});

describe('Granting', () => {
  type Method = 'email_link' | 'signed_form';
  const grant = (
    past: Past,
    {
      by = aParent,
      at = MONDAY_NOON,
      ageBand = '13_to_17' as 'under_13' | '13_to_17',
      data = {} as { tokenHash?: string; method?: Method; scopes?: consent.Scope[]; evidenceRef?: string },
    } = {},
  ) =>
    given(parentConsent, ...past).when(
      consent.grantParentConsent,
      { studentId, tokenHash, method: 'email_link', scopes: scopesGranted, ...data },
      { by, at, facts: { ageBand } },
    );
  const byForm = (past: Past, by = anOperator, evidenceRef: string | undefined = 'form-17') =>
    given(parentConsent, ...past).when(
      consent.grantParentConsent,
      { studentId, method: 'signed_form', scopes: scopesGranted, ...(evidenceRef === undefined ? {} : { evidenceRef }) },
      { by, facts: { ageBand: 'under_13' } },
    );
  const formGranted = event(consent.parentConsentGranted, { ...consentGranted.data, method: 'signed_form', evidenceRef: 'form-17' });

  it('works by the link of the mail', () => grant([consentAsked]).then(consentGranted));
  it('is nothing new the second time', () => grant([consentAsked, consentGranted]).alreadySo());
  it('needs the right link', () => grant([consentAsked], { data: { tokenHash: laterHash } }).refused(consent.ConsentTokenInvalid));
  it('is refused from the child’s session', () => grant([consentAsked], { by: mia }).refused(consent.NotFromTheChild));
  it('is refused at the very moment the request ends', () =>
    grant([consentAsked], { at: plus(MONDAY_NOON, 7 * DAY) }).refused(consent.ConsentRequestExpired));
  it('is refused after expiry', () => grant([consentAsked, consentExpired]).refused(consent.ConsentRequestExpired));
  it('is refused after a refusal', () => grant([consentAsked, consentDenied]).refused(consent.ConsentAlreadyDecided, { status: 'Denied' }));
  it('needs at least the account scope', () =>
    grant([consentAsked], { data: { scopes: ['video'] } }).refused(consent.AccountScopeRequired));
  it('is refused by mail link for a child under 13', () =>
    grant([consentAsked], { ageBand: 'under_13' }).refused(consent.ConsentMethodNotApproved, { approved: consent.APPROVED_UNDER_13 }));
  it('does not let the parent claim a stricter method', () =>
    grant([consentAsked], { data: { method: 'signed_form', evidenceRef: 'x' } }).refused(consent.ConsentEvidenceMissing));
  it('works by a stricter method when an operator records the evidence', () => byForm([consentAsked]).then(formGranted));
  it('refuses an operator without evidence', () =>
    given(parentConsent, consentAsked)
      .when(consent.grantParentConsent, { studentId, method: 'call', scopes: scopesGranted }, { by: anOperator, facts: { ageBand: null } })
      .refused(consent.ConsentEvidenceMissing));
  it('refuses anybody else without a link', () => byForm([consentAsked], aParent).refused(consent.ConsentTokenInvalid));
  it('needs a request', () => grant([]).refused(consent.ConsentNotRequested));
  it('allows exactly the scopes that were ticked', () => {
    const state = fold(parentConsent, [consentAsked, consentGranted]);
    expect([allows(state, 'video'), allows(state, 'recording')]).toEqual([true, false]);
  });
});

describe('Denying', () => {
  const deny = (past: Past, { by = aParent, hash = tokenHash, at = MONDAY_NOON } = {}) =>
    given(parentConsent, ...past).when(consent.denyParentConsent, { studentId, tokenHash: hash }, { by, at });
  it('ends the round', () => deny([consentAsked]).then(consentDenied));
  it('is nothing new the second time', () => deny([consentAsked, consentDenied]).alreadySo());
  it('needs the right link', () => deny([consentAsked], { hash: laterHash }).refused(consent.ConsentTokenInvalid));
  it('is refused after consent: it would be a revocation', () =>
    deny([consentAsked, consentGranted]).refused(consent.ConsentAlreadyDecided));
  it('is refused when the time is over', () =>
    deny([consentAsked], { at: plus(MONDAY_NOON, 8 * DAY) }).refused(consent.ConsentRequestExpired));
  it('is refused from the child’s session', () => deny([consentAsked], { by: mia }).refused(consent.NotFromTheChild));
});

describe('Expiry', () => {
  const expire = (past: Past, at = plus(MONDAY_NOON, 7 * DAY), round = 1) =>
    given(parentConsent, ...past).when(consent.expireParentConsent, { studentId, round }, { at });
  it('ends a round that nobody answered', () => expire([consentAsked]).then(consentExpired));
  it('is refused before', () => expire([consentAsked], plus(MONDAY_NOON, 7 * DAY - 1)).refused(consent.ConsentRequestNotYetExpired));
  it('is pointless after an answer', () => expire([consentAsked, consentGranted]).alreadySo());
  it('is pointless for an earlier round', () => expire([consentAsked], plus(MONDAY_NOON, 8 * DAY), 2).alreadySo());
});

describe('Revoking', () => {
  const revoke = (past: Past, { by = aParent, scopes = undefined as consent.Scope[] | undefined, hash = tokenHash } = {}) =>
    given(parentConsent, ...past).when(
      consent.revokeParentConsent,
      { studentId, tokenHash: hash, ...(scopes === undefined ? {} : { scopes }) },
      { by },
    );
  it('takes everything back', () => revoke([consentAsked, consentGranted]).then(consentRevoked));
  it('takes single scopes back', () =>
    revoke([consentAsked, consentGranted], { scopes: ['video', 'recording'] }).then(
      event(consent.parentConsentRevoked, { studentId, round: 1, revoked: ['video'], remaining: ['account', 'messaging', 'payment'] }),
    ));
  it('takes everything back with the account scope', () =>
    revoke([consentAsked, consentGranted], { scopes: ['account'] }).then(consentRevoked));
  it('is nothing new the second time', () => revoke([consentAsked, consentGranted, consentRevoked]).alreadySo());
  it('is nothing new for a scope that was never granted', () =>
    revoke([consentAsked, consentGranted], { scopes: ['recording'] }).alreadySo());
  it('needs consent', () => revoke([consentAsked]).refused(consent.ConsentNotGranted));
  it('needs the right link', () => revoke([consentAsked, consentGranted], { hash: laterHash }).refused(consent.ConsentTokenInvalid));
  it('may be done by an administrator', () =>
    given(parentConsent, consentAsked, consentGranted)
      .when(consent.revokeParentConsent, { studentId }, { by: anAdmin })
      .then(consentRevoked));
});
