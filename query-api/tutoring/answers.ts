import { z } from 'zod';
import { verdict } from '#domain/tutoring/qualification-portfolio.ts';
import { reviewReason, taught } from '#domain/tutoring/tutor-profile.messages.ts';
import type { TutorProfileRow } from '#projections/tutoring/tutor-profiles.ts';

const instant = z.iso.datetime();
const tutorStatus = z.enum(['Draft', 'InReview', 'Approved', 'Rejected', 'Available', 'Paused', 'Suspended']);

/** What anybody may see: only what was reviewed. */
export const publicTutor = z.object({
  tutorId: z.string(),
  displayName: z.string().nullable(),
  headline: z.string().nullable(),
  bio: z.string().nullable(),
  subjects: z.array(taught),
  hourlyRateMinor: z.number().int().nullable(),
  currency: z.string().nullable(),
  timeZone: z.string(),
  languages: z.array(z.string()),
  acceptsRequests: z.boolean(),
});
export const tutorPage = z.object({
  tutors: z.array(publicTutor),
  next: z.string().nullable().describe('Send it as `after` for the next page.'),
});

export const qualification = z.object({
  qualificationId: z.string(),
  kind: z.string(),
  title: z.string(),
  institution: z.string(),
  awardedOn: z.string().nullable(),
  expiresOn: z.string().nullable(),
  documentKey: z.string().nullable(),
  status: z.enum(['unverified', 'verified', 'rejected', 'needsInfo', 'expired']),
});
export const ownProfile = publicTutor.omit({ acceptsRequests: true }).extend({
  publishedSubjects: z.array(taught),
  subjectsInReview: z.array(taught),
  status: tutorStatus,
  qualifications: z.array(qualification),
});

const reviewStatus = z.enum(['Queued', 'InReview', 'Assessed', 'WaitingTutor', 'Closed', 'Withdrawn']);
export const tutorStanding = z.object({
  tutorId: z.string(),
  status: tutorStatus,
  round: z.number().int(),
  reasons: z.array(reviewReason),
  availableSince: instant.nullable(),
  review: z
    .object({ reviewId: z.string(), round: z.number().int(), partial: z.boolean(), status: reviewStatus, slaDueAt: instant })
    .nullable()
    .describe('The latest review.'),
});

export const review = z.object({
  reviewId: z.string(),
  tutorId: z.string(),
  round: z.number().int(),
  partial: z.boolean(),
  subjects: z.array(taught),
  items: z.array(z.object({ qualificationId: z.string(), kind: z.string(), title: z.string(), verdict: verdict.nullable() })),
  status: reviewStatus,
  reviewerId: z.string().nullable(),
  lockedUntil: instant.nullable(),
  requestedAt: instant,
  slaDueAt: instant,
  warned: z.boolean(),
  breaches: z.number().int(),
  outcome: z.enum(['approved', 'rejected']).nullable(),
  reasons: z.array(reviewReason),
  closedAt: instant.nullable(),
});
export const reviewStatuses = reviewStatus;

/** A tutor as others see them. */
export function publicTutorOf(row: TutorProfileRow): z.output<typeof publicTutor> {
  return {
    ...row,
    subjects: [...row.publishedSubjects],
    languages: [...row.languages],
    acceptsRequests: row.status === 'Available',
  };
}
