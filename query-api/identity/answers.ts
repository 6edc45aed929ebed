import { z } from 'zod';
import { accountRole } from '#domain/identity/user-account.messages.ts';
import { ageBand } from '#domain/identity/student-profile.ts';
import type { ParentConsentRow } from '#projections/identity/parent-consents.ts';
import type { StudentProfileRow } from '#projections/identity/student-profiles.ts';

const instant = z.iso.datetime();

export const account = z.object({
  userId: z.string(),
  email: z.string(),
  role: accountRole,
  displayName: z.string().nullable(),
  timeZone: z.string(),
  locale: z.string(),
  status: z.enum(['PendingVerification', 'Active', 'Suspended', 'Closing', 'Closed']),
  registeredAt: instant,
  activatedAt: instant.nullable(),
});
const student = z.object({
  name: z.string().nullable(),
  gradeLevel: z.string().nullable(),
  subjectsOfInterest: z.array(z.string()),
  learningGoals: z.string().nullable(),
  dateOfBirth: z.string(),
  ageBand,
  timeZone: z.string(),
  parentEmail: z.string().nullable(),
  status: z.enum(['Draft', 'AwaitingConsent', 'Ready', 'Restricted']),
  restrictedBecause: z.string().nullable(),
  readySince: instant.nullable(),
});
export const userProfile = account.extend({ student: student.nullable().describe('For students, once the profile is started.') });

export const consentStatus = z.object({
  studentId: z.string(),
  required: z.boolean(),
  status: z.enum(['NotRequired', 'NotRequested', 'Requested', 'Granted', 'Denied', 'Expired', 'Revoked']),
  round: z.number().int(),
  scopesGranted: z.array(z.string()),
  requestedAt: instant.nullable(),
  expiresAt: instant.nullable(),
  remindedAt: instant.nullable(),
  decidedAt: instant.nullable(),
});
export const detailedConsentStatus = consentStatus.extend({
  parentEmail: z.string().nullable(),
  method: z.string().nullable(),
  noticeVersion: z.string().nullable(),
});

/** How the consent of a student's parent stands; an adult needs none. */
export function consentStatusOf(
  { studentId, ageBand, parentEmail }: StudentProfileRow,
  consent: ParentConsentRow | undefined,
): z.output<typeof detailedConsentStatus> {
  const required = ageBand !== 'adult';
  return {
    studentId,
    required,
    status: consent?.status ?? (required ? 'NotRequested' : 'NotRequired'),
    round: consent?.round ?? 0,
    scopesGranted: [...(consent?.scopesGranted ?? [])],
    requestedAt: consent?.requestedAt ?? null,
    expiresAt: consent?.expiresAt ?? null,
    remindedAt: consent?.remindedAt ?? null,
    decidedAt: consent?.decidedAt ?? null,
    parentEmail: consent?.parentEmail ?? parentEmail,
    method: consent?.method ?? null,
    noticeVersion: consent?.noticeVersion ?? null,
  };
}
