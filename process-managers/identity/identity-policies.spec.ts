import { describe, expect, it } from '@jest/globals';
import type { Events } from '#domain/deciders.ts';
import { releaseEmail } from '#domain/identity/email-reservation.ts';
import { bounced, deliveryId } from '#domain/identity/mail-delivery.examples.ts';
import {
  consentAsked,
  consentDenied,
  consentExpired,
  consentGranted,
  consentRevoked,
  requestId,
} from '#domain/identity/parent-consent.examples.ts';
import * as consent from '#domain/identity/parent-consent.messages.ts';
import * as profiles from '#domain/identity/student-profile.examples.ts';
import { lapseMinority, markStudentReady, restrictStudent } from '#domain/identity/student-profile.ts';
import {
  miaActivated,
  miaEmailHash,
  miaId,
  miaRegistered,
  miaRegistrationExpired,
  miaSuspended,
} from '#domain/identity/user-account.examples.ts';
import * as account from '#domain/identity/user-account.messages.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { ERASED, event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, reactionsTo, recorded } from '#domain/kernel/given-when-then.ts';
import { DAY, plus } from '#domain/kernel/time.ts';
import { askParent } from '../effects/ask-parent.ts';
import { confirmSignUp } from '../effects/confirm-sign-up.ts';
import { deleteSignUp } from '../effects/delete-sign-up.ts';
import { disableSignIn, enableSignIn } from '../effects/disable-sign-in.ts';
import { mailAbout } from '../effects/send-mail.ts';
import { sendVerificationMail } from '../effects/send-verification-mail.ts';
import { accountToSignIn } from './account-to-sign-in.ts';
import { askForConsent } from './ask-for-consent.ts';
import { studentReadiness } from './student-readiness.ts';
import { verifyNewAccounts } from './verify-new-accounts.ts';

const userId = miaId;
const studentId = miaId;
const happened = (fact: DomainEvent) => recorded(fact, { aggregateType: 'UserAccount', aggregateId: miaId });
/** The messages that follow, with their time when they have one. */
const after = (manager: ProcessManager<Events>, fact: DomainEvent) =>
  reactionsTo(manager, happened(fact)).map(({ command: message, due }) => (due === undefined ? now(message) : at(due, message)));
const settles = (manager: ProcessManager<Events>, fact: DomainEvent) =>
  reactionsTo(manager, happened(fact)).map(({ settledBy }) => settledBy);

describe('A new account', () => {
  it('gets a verification mail, and a week', () =>
    expect(after(verifyNewAccounts, miaRegistered)).toEqual([
      now(effect(sendVerificationMail, { userId })),
      at(plus(MONDAY_NOON, 7 * DAY), command(account.expireUnverified, { userId })),
    ]));
  it('keeps both when it was verified meanwhile', () =>
    expect(settles(verifyNewAccounts, miaRegistered)).toEqual([
      ['account_not_pending', 'account_is_suspended', 'account_is_closed'],
      ['account_not_pending', 'account_is_suspended', 'account_is_closed'],
    ]));
  it('needs neither when it is an administrator’s', () =>
    expect(after(verifyNewAccounts, event(account.accountCreated, { ...miaRegistered.data, role: 'admin' }))).toEqual([]));
  it('gets another mail when it asks', () =>
    expect(after(verifyNewAccounts, event(account.emailVerificationRequested, { userId, requestedAt: MONDAY_NOON }))).toEqual([
      now(effect(sendVerificationMail, { userId })),
    ]));
  it('is told who else wants its address', () => {
    const attempt = event(account.registrationAttempted, { userId, attemptedAt: MONDAY_NOON });
    expect(after(verifyNewAccounts, attempt)).toEqual([now(mailAbout(happened(attempt), 'email-already-registered', { userId }))]);
  });
  it('learns that its verification mail came back, in the lane of its owner', () => {
    expect(after(verifyNewAccounts, bounced)).toEqual([now(command(account.recordVerificationFailed, { userId, deliveryId }))]);
    expect(verifyNewAccounts.instance?.(recorded(bounced, { aggregateType: 'MailDelivery', aggregateId: deliveryId }))).toBe(miaId);
  });
  it('does not care for other mails', () =>
    expect(after(verifyNewAccounts, { ...bounced, data: { ...bounced.data, template: 'lesson-confirmed' } })).toEqual([]));
});

describe('The log-in', () => {
  it('works from the activation on', () => expect(after(accountToSignIn, miaActivated)).toEqual([now(effect(confirmSignUp, { userId }))]));
  it('stops with a suspension and comes back', () => {
    expect(after(accountToSignIn, miaSuspended)).toEqual([now(effect(disableSignIn, { userId }))]);
    expect(after(accountToSignIn, event(account.accountReinstated, { userId }))).toEqual([now(effect(enableSignIn, { userId }))]);
  });
  it('goes with an expired registration, and the address after it', () =>
    expect(after(accountToSignIn, miaRegistrationExpired)).toEqual([
      now(effect(deleteSignUp, { userId })),
      now(command(releaseEmail, { emailHash: miaEmailHash, userId })),
    ]));
});

describe('A student', () => {
  const ready = now(command(markStudentReady, { studentId }));
  const restricted = (reason: 'consent_missing' | 'consent_revoked' | 'account_suspended' | 'account_closing') =>
    now(command(restrictStudent, { studentId, reason }));

  it.each([
    ['the account is active', miaActivated],
    ['the account is reinstated', event(account.accountReinstated, { userId })],
    ['the profile changes', profiles.miaCompleted],
    ['a parent consents', consentGranted],
    ['no consent is needed any more', profiles.miaCameOfAge],
  ])('may be ready when %s', (_, fact) => expect(after(studentReadiness, fact)).toEqual([ready]));
  it('may be ready with the first profile when adult', () => expect(after(studentReadiness, profiles.adultStarted)).toEqual([ready]));
  it('comes of age when the birthday has begun everywhere', () =>
    expect(after(studentReadiness, profiles.miaStarted)).toEqual([
      ready,
      at('2029-03-14T12:00:00.000Z', command(lapseMinority, { studentId })),
    ]));
  it('has no birthday to wait for once forgotten', () => {
    const forgotten = { ...profiles.miaStarted, data: { ...profiles.miaStarted.data, becomesAdultOn: ERASED } };
    expect(after(studentReadiness, forgotten)).toEqual([ready]);
  });
  it.each([
    ['suspension', miaSuspended, 'account_suspended' as const],
    ['deletion', event(account.accountDeletionRequested, { userId }), 'account_closing' as const],
    ['refusal of the parent', consentDenied, 'consent_missing' as const],
    ['silence of the parent', consentExpired, 'consent_missing' as const],
    ['revocation', consentRevoked, 'consent_revoked' as const],
  ])('is restricted after a %s', (_, fact, reason) => expect(after(studentReadiness, fact)).toEqual([restricted(reason)]));
  it('is not restricted when single scopes are taken back', () =>
    expect(
      after(studentReadiness, event(consent.parentConsentRevoked, { studentId, round: 1, revoked: ['video'], remaining: ['account'] })),
    ).toEqual([]));
  it('needs nothing of the kind when it is a tutor', () =>
    expect(settles(studentReadiness, miaActivated)).toEqual([['student_profile_not_found']]));
});

describe('A parent', () => {
  const expiresAt = consentAsked.data.expiresAt;
  it('is asked when consent is required', () =>
    expect(after(askForConsent, profiles.consentIsRequired)).toEqual([now(effect(askParent, { studentId }))]));
  it('gets a mail, two reminders, and a week', () =>
    expect(after(askForConsent, consentAsked)).toEqual([
      now(mailAbout(happened(consentAsked), 'parent-consent', { consentOf: studentId }, { requestId, expiresAt })),
      at(plus(MONDAY_NOON, 2 * DAY), command(consent.remindParent, { studentId, round: 1 })),
      at(plus(MONDAY_NOON, 5 * DAY), command(consent.remindParent, { studentId, round: 1 })),
      at(expiresAt, command(consent.expireParentConsent, { studentId, round: 1 })),
    ]));
  it('is reminded with the same link', () => {
    const reminder = event(consent.parentConsentReminderSent, {
      studentId,
      round: 1,
      requestId,
      reminder: 1,
      remindedAt: MONDAY_NOON,
      expiresAt,
    });
    expect(after(askForConsent, reminder)).toEqual([
      now(mailAbout(happened(reminder), 'parent-consent-reminder', { consentOf: studentId }, { requestId, expiresAt })),
    ]);
  });
  it.each([
    ['consent-granted' as const, consentGranted],
    ['consent-not-granted' as const, consentDenied],
    ['consent-not-granted' as const, consentExpired],
  ])('has the child told: %s', (template, fact) =>
    expect(after(askForConsent, fact)).toEqual([now(mailAbout(happened(fact), template, { userId: studentId }))]),
  );
});
