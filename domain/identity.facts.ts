import { emailReservation, reserveEmail } from './identity/email-reservation.ts';
import { grantParentConsent, requestParentConsent } from './identity/parent-consent.messages.ts';
import { isGranted, parentConsent } from './identity/parent-consent.ts';
import {
  correctDateOfBirth,
  createStudentProfile,
  isMinor,
  markStudentReady,
  restrictStudent,
  studentProfile,
  updateStudentProfile,
} from './identity/student-profile.ts';
import { registerUser } from './identity/user-account.messages.ts';
import { isActive, userAccount } from './identity/user-account.ts';
import { of, provideFacts, type FactProvider } from './kernel/facts.ts';

/** Identity: accounts, students and their parents' consent. */
export const identityFacts: readonly FactProvider[] = [
  provideFacts(registerUser, userAccount, {
    reads: (data) => ({ reservation: of(emailReservation, data.emailHash) }),
    facts: ({ reservation }) => ({ emailHeldBy: reservation.heldBy ?? null }),
  }),
  provideFacts(reserveEmail, emailReservation, {
    reads: (_, own) => ({ holder: own.heldBy === undefined ? undefined : of(userAccount, own.heldBy) }),
    facts: ({ holder }) => ({ holderHasAccount: holder?.account !== undefined }),
  }),
  provideFacts(createStudentProfile, studentProfile, {
    reads: ({ studentId }) => ({ user: of(userAccount, studentId) }),
    facts: ({ user }) => ({ account: user.account ?? null }),
  }),
  provideFacts(updateStudentProfile, studentProfile, {
    reads: ({ studentId }) => ({ consent: of(parentConsent, studentId) }),
    facts: ({ consent }) => ({ consentGranted: isGranted(consent) }),
  }),
  provideFacts(correctDateOfBirth, studentProfile, {
    reads: ({ studentId }) => ({ consent: of(parentConsent, studentId) }),
    facts: ({ consent }) => ({ consentGranted: isGranted(consent) }),
  }),
  provideFacts(markStudentReady, studentProfile, {
    reads: ({ studentId }) => ({ user: of(userAccount, studentId), consent: of(parentConsent, studentId) }),
    facts: ({ user, consent }) => ({ accountActive: isActive(user), consentGranted: isGranted(consent) }),
  }),
  provideFacts(restrictStudent, studentProfile, {
    reads: ({ studentId }) => ({ user: of(userAccount, studentId), consent: of(parentConsent, studentId) }),
    facts: ({ user, consent }) => ({ accountActive: isActive(user), consentGranted: isGranted(consent) }),
  }),
  provideFacts(requestParentConsent, parentConsent, {
    reads: ({ studentId }) => ({ student: of(studentProfile, studentId), user: of(userAccount, studentId) }),
    facts: ({ student, user }) => ({
      student: student.profile === undefined ? null : { minor: isMinor(student), parentEmail: student.parentEmail ?? null },
      childEmail: user.account?.email ?? null,
    }),
  }),
  provideFacts(grantParentConsent, parentConsent, {
    reads: ({ studentId }) => ({ student: of(studentProfile, studentId) }),
    facts: ({ student }) => ({ ageBand: student.profile?.ageBand ?? null }),
  }),
];
