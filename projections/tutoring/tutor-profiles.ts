import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import { ERASED } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { ReviewReason, Taught } from '#domain/tutoring/tutor-profile.messages.ts';

export interface TutorProfileRow {
  readonly tutorId: string;
  readonly displayName: string | null;
  readonly headline: string | null;
  readonly bio: string | null;
  /** All that the tutor wants to teach. */
  readonly subjects: readonly Taught[];
  /** What students may see: reviewed and published. */
  readonly publishedSubjects: readonly Taught[];
  readonly hourlyRateMinor: number | null;
  readonly currency: string | null;
  readonly timeZone: string;
  readonly languages: readonly string[];
  readonly status: 'Draft' | 'InReview' | 'Approved' | 'Rejected' | 'Available' | 'Paused' | 'Suspended';
  /** The round of the last review; 0 before the first. */
  readonly round: number;
  /** Subjects added after approval that wait for review. */
  readonly subjectsInReview: readonly Taught[];
  readonly reasons: readonly ReviewReason[];
  readonly availableSince: Instant | null;
}

type Row = TutorProfileRow;
const changed = (tutorId: string, apply: (row: Row) => Partial<Row>) => change<Row>(tutorId, (row) => ({ ...row, ...apply(row) }));
const erased = (value: string | null): string | null => (value === null ? null : ERASED);
const without = (subjects: readonly Taught[], gone: readonly Taught[]): readonly Taught[] =>
  subjects.filter((kept) => !gone.some(({ subject, level }) => subject === kept.subject && level === kept.level));
/** Subjects that only waited for a review leave the profile with it. */
const reviewOver = (row: Row) => ({ subjects: without(row.subjects, row.subjectsInReview), subjectsInReview: [] });

/** Every tutor profile, by tutor. */
export const tutorProfiles: ReadModel<TutorProfileRow, Events> = {
  name: 'tutor_profiles',
  context: 'tutoring',
  version: 1,
  sentence: 'What tutors offer, what of it students may see, and where each stands with the platform.',
  columns: {
    tutorId: 'uuid',
    displayName: 'text?',
    headline: 'text?',
    bio: 'text?',
    subjects: 'json',
    publishedSubjects: 'json',
    hourlyRateMinor: 'integer?',
    currency: 'text?',
    timeZone: 'text',
    languages: 'text[]',
    status: 'text',
    round: 'integer',
    subjectsInReview: 'json',
    reasons: 'json',
    availableSince: 'instant?',
  },
  indexes: [['status'], 'using gin (published_subjects jsonb_path_ops)'],
  on: {
    TutorProfileCreated: ({ data }) =>
      put<Row>(data.tutorId, {
        tutorId: data.tutorId,
        displayName: data.displayName ?? null,
        headline: data.headline ?? null,
        bio: data.bio ?? null,
        subjects: data.subjects ?? [],
        publishedSubjects: [],
        hourlyRateMinor: data.hourlyRateMinor ?? null,
        currency: data.currency ?? null,
        timeZone: data.timeZone,
        languages: data.languages ?? [],
        status: 'Draft',
        round: 0,
        subjectsInReview: [],
        reasons: [],
        availableSince: null,
      }),
    TutorProfileUpdated: ({ data }) =>
      changed(data.tutorId, (row) => ({
        displayName: data.displayName ?? row.displayName,
        headline: data.headline ?? row.headline,
        bio: data.bio ?? row.bio,
        subjects: data.subjects ?? row.subjects,
        hourlyRateMinor: data.hourlyRateMinor ?? row.hourlyRateMinor,
        currency: data.currency ?? row.currency,
        timeZone: data.timeZone ?? row.timeZone,
        languages: data.languages ?? row.languages,
      })),
    ReviewRequested: ({ data: { tutorId, round, partial, subjects } }) =>
      changed(tutorId, () => (partial ? { round, subjectsInReview: subjects } : { round, status: 'InReview', reasons: [] })),
    ReviewRequestWithdrawn: ({ data: { tutorId, partial } }) =>
      changed(tutorId, (row) => (partial ? reviewOver(row) : { status: 'Draft' })),
    TutorApproved: ({ data: { tutorId, partial } }) =>
      changed(tutorId, () => (partial ? { subjectsInReview: [], reasons: [] } : { status: 'Approved', reasons: [] })),
    TutorRejected: ({ data: { tutorId, partial, reasons } }) =>
      changed(tutorId, (row) => (partial ? { ...reviewOver(row), reasons } : { status: 'Rejected', reasons })),
    TutorAvailableForMatching: ({ data, at }) =>
      changed(data.tutorId, (row) => ({
        status: 'Available',
        publishedSubjects: data.subjects,
        availableSince: row.availableSince ?? at,
      })),
    TutorPaused: ({ data }) => changed(data.tutorId, () => ({ status: 'Paused' })),
    TutorResumed: ({ data }) => changed(data.tutorId, () => ({ status: 'Available' })),
    TutorSuspended: ({ data }) => changed(data.tutorId, (row) => ({ ...reviewOver(row), status: 'Suspended' })),
    TutorReinstated: ({ data }) => changed(data.tutorId, () => ({ status: data.status })),
    AccountErased: ({ data }) =>
      changed(data.userId, (row) => ({
        displayName: erased(row.displayName),
        headline: erased(row.headline),
        bio: erased(row.bio),
      })),
  },
};
