import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import * as student from './student-profile.ts';
import { miaEmail, miaId } from './user-account.examples.ts';

/** Mia was born in 2011: she is 15, so a parent must consent. */
export const studentId = miaId;
export const miaBirth = { dateOfBirth: '2011-03-14', becomesAdultOn: '2029-03-14', ageBand: '13_to_17' as const };
export const parentEmail = 'parent@example.org';
export const miaAccount = { role: 'student' as const, email: miaEmail, timeZone: 'Europe/Berlin' };
export const aTutor: Actor = { role: 'tutor', userId: '01939a00-0000-7000-8000-0000000000b1' };
export const miaDetails = { name: 'Mia Sommer', gradeLevel: 'gcse', subjectsOfInterest: ['mathematics', 'physics'] };

export const miaStarted = event(student.studentProfileCreated, { studentId, ...miaBirth, timeZone: 'Europe/Berlin' });
export const miaIsMinor = event(student.minorStatusDetected, { studentId, ageBand: '13_to_17' });
export const consentIsRequired = event(student.parentConsentRequired, { studentId, parentEmail });
export const minorStarted = [miaStarted, miaIsMinor, consentIsRequired] as const;
export const miaCompleted = event(student.studentProfileUpdated, { studentId, ...miaDetails });
export const miaReady = event(student.studentReadyForPlatform, {
  studentId,
  profileComplete: true,
  parentConsentReceived: true,
  ageBand: '13_to_17',
  subjectsOfInterest: ['mathematics', 'physics'],
});
export const miaRestricted = event(student.studentRestricted, { studentId, reason: 'consent_revoked' });
export const miaCameOfAge = event(student.minorStatusLapsed, { studentId });
/** The same student as an adult. */
export const adultStarted = event(student.studentProfileCreated, {
  studentId,
  dateOfBirth: '2000-01-02',
  becomesAdultOn: '2018-01-02',
  ageBand: 'adult',
  timeZone: 'Europe/Berlin',
  ...miaDetails,
});
