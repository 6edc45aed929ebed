import { describe, expect, it } from '@jest/globals';
import { consentAsked, consentGranted, consentRevoked, scopesGranted } from '#domain/identity/parent-consent.examples.ts';
import {
  consentIsRequired,
  miaCompleted,
  miaReady,
  miaRestricted,
  minorStarted,
  parentEmail,
} from '#domain/identity/student-profile.examples.ts';
import {
  miaActivated,
  miaAskedForDeletion,
  miaEmail,
  miaEmailHash,
  miaId,
  miaRegistered,
  miaSuspended,
} from '#domain/identity/user-account.examples.ts';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import { ERASED, event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { parentConsents } from './parent-consents.ts';
import { studentProfiles } from './student-profiles.ts';
import { userAccounts } from './user-accounts.ts';

const on = (aggregateType: string) => (event: DomainEvent, nth: number) => recorded(event, { aggregateType, aggregateId: miaId, nth });
const account = on('UserAccount');
const erased = event(accountErased, { userId: miaId, emailHash: miaEmailHash });

describe('User accounts', () => {
  const rowAfter = (...events: DomainEvent[]) => rowsAfter(userAccounts, ...events.map(account))[miaId];

  it('show a registration', () =>
    expect(rowAfter(miaRegistered)).toEqual({
      userId: miaId,
      email: miaEmail,
      emailHash: miaEmailHash,
      role: 'student',
      displayName: 'Mia',
      timeZone: 'Europe/Berlin',
      locale: 'de-DE',
      status: 'PendingVerification',
      registeredAt: MONDAY_NOON,
      activatedAt: null,
    }));
  it('follow the account through its life', () => {
    expect(rowAfter(miaRegistered, miaActivated)).toMatchObject({ status: 'Active', activatedAt: MONDAY_NOON });
    expect(rowAfter(miaRegistered, miaActivated, miaSuspended)).toMatchObject({ status: 'Suspended' });
    expect(rowAfter(miaRegistered, miaAskedForDeletion)).toMatchObject({ status: 'Closing' });
  });
  it('keep nothing of a forgotten person', () =>
    expect(rowAfter(miaRegistered, miaAskedForDeletion, erased)).toMatchObject({ status: 'Closed', email: ERASED, displayName: ERASED }));
  it('come out the same when replayed after forgetting', () => {
    const forgotten = { ...miaRegistered, data: { ...miaRegistered.data, email: ERASED, displayName: ERASED } };
    expect(rowAfter(forgotten, miaAskedForDeletion, erased)).toEqual(rowAfter(miaRegistered, miaAskedForDeletion, erased));
  });
});

describe('Student profiles', () => {
  const rowAfter = (...events: DomainEvent[]) => rowsAfter(studentProfiles, ...events.map(on('StudentProfile')))[miaId];

  it('show that a minor waits for a parent', () =>
    expect(rowAfter(...minorStarted)).toEqual({
      studentId: miaId,
      name: null,
      gradeLevel: null,
      subjectsOfInterest: [],
      learningGoals: null,
      dateOfBirth: '2011-03-14',
      ageBand: '13_to_17',
      timeZone: 'Europe/Berlin',
      parentEmail,
      status: 'AwaitingConsent',
      restrictedBecause: null,
      readySince: null,
    }));
  it('show what was completed and that the student is ready', () =>
    expect(rowAfter(...minorStarted, miaCompleted, miaReady)).toMatchObject({
      name: 'Mia Sommer',
      subjectsOfInterest: ['mathematics', 'physics'],
      status: 'Ready',
      readySince: MONDAY_NOON,
    }));
  it('show why a student is restricted', () =>
    expect(rowAfter(...minorStarted, miaCompleted, miaReady, miaRestricted)).toMatchObject({
      status: 'Restricted',
      restrictedBecause: 'consent_revoked',
      readySince: null,
    }));
  it('keep nothing of a forgotten person', () =>
    expect(rowAfter(...minorStarted, miaCompleted, erased)).toMatchObject({
      name: ERASED,
      dateOfBirth: ERASED,
      parentEmail: ERASED,
      learningGoals: null,
    }));
  it('say nothing of a profile that does not exist', () => expect(rowAfter(consentIsRequired)).toBeUndefined());
});

describe('Parents’ consents', () => {
  const rowAfter = (...events: DomainEvent[]) => rowsAfter(parentConsents, ...events.map(on('ParentConsent')))[miaId];

  it('show the open request', () =>
    expect(rowAfter(consentAsked)).toMatchObject({
      status: 'Requested',
      round: 1,
      expiresAt: '2026-11-30T12:00:00.000Z',
      scopesGranted: [],
    }));
  it('show what is allowed', () =>
    expect(rowAfter(consentAsked, consentGranted)).toMatchObject({
      status: 'Granted',
      scopesGranted,
      method: 'email_link',
      decidedAt: MONDAY_NOON,
    }));
  it('show a revocation', () =>
    expect(rowAfter(consentAsked, consentGranted, consentRevoked)).toMatchObject({ status: 'Revoked', scopesGranted: [] }));
  it('keep no address of a forgotten child’s parent', () => expect(rowAfter(consentAsked, erased)).toMatchObject({ parentEmail: ERASED }));
});
