import type { z } from 'zod';
import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { reviewItem } from '#domain/tutoring/admin-review-session.messages.ts';
import type { Verdict } from '#domain/tutoring/qualification-portfolio.ts';
import type { ReviewReason, Taught } from '#domain/tutoring/tutor-profile.messages.ts';

export interface AdminReviewRow {
  readonly reviewId: string;
  readonly tutorId: string;
  readonly round: number;
  readonly partial: boolean;
  readonly subjects: readonly Taught[];
  readonly items: readonly (z.output<typeof reviewItem> & { readonly verdict: Verdict | null })[];
  readonly status: 'Queued' | 'InReview' | 'Assessed' | 'WaitingTutor' | 'Closed' | 'Withdrawn';
  readonly reviewerId: string | null;
  readonly lockedUntil: Instant | null;
  readonly requestedAt: Instant;
  readonly slaDueAt: Instant;
  readonly warned: boolean;
  readonly breaches: number;
  readonly outcome: 'approved' | 'rejected' | null;
  readonly reasons: readonly ReviewReason[];
  readonly closedAt: Instant | null;
}

type Row = AdminReviewRow;
const changed = (reviewId: string, apply: (row: Row) => Partial<Row>) => change<Row>(reviewId, (row) => ({ ...row, ...apply(row) }));
const free = { reviewerId: null, lockedUntil: null } as const;

/** Every review of a tutor, by review: the queue of the administrators and its history. */
export const adminReviews: ReadModel<AdminReviewRow, Events> = {
  name: 'admin_reviews',
  context: 'tutoring',
  version: 1,
  sentence: 'Which tutors wait for review, who reviews them, until when, and what came of it.',
  columns: {
    reviewId: 'uuid',
    tutorId: 'uuid',
    round: 'integer',
    partial: 'boolean',
    subjects: 'json',
    items: 'json',
    status: 'text',
    reviewerId: 'uuid?',
    lockedUntil: 'instant?',
    requestedAt: 'instant',
    slaDueAt: 'instant',
    warned: 'boolean',
    breaches: 'integer',
    outcome: 'text?',
    reasons: 'json',
    closedAt: 'instant?',
  },
  indexes: [['status', 'slaDueAt'], ['tutorId']],
  on: {
    AddedToAdminReviewQueue: ({ data }) =>
      put<Row>(data.reviewId, {
        reviewId: data.reviewId,
        tutorId: data.tutorId,
        round: data.round,
        partial: data.partial,
        subjects: data.subjects,
        items: data.items.map((item) => ({ ...item, verdict: null })),
        status: 'Queued',
        ...free,
        requestedAt: data.requestedAt,
        slaDueAt: data.slaDueAt,
        warned: false,
        breaches: 0,
        outcome: null,
        reasons: [],
        closedAt: null,
      }),
    AdminReviewStarted: ({ data: { reviewId, reviewerId, lockedUntil } }) =>
      changed(reviewId, (row) => ({
        status: row.items.length > 0 && row.items.every(({ verdict }) => verdict !== null) ? 'Assessed' : 'InReview',
        reviewerId,
        lockedUntil,
      })),
    AdminReviewReleased: ({ data }) => changed(data.reviewId, () => ({ status: 'Queued', ...free })),
    QualificationsAssessed: ({ data: { reviewId, assessments, complete } }) =>
      changed(reviewId, (row) => ({
        status: complete ? 'Assessed' : 'InReview',
        items: row.items.map((item) => {
          const judged = assessments.find(({ qualificationId }) => qualificationId === item.qualificationId);
          return judged === undefined ? item : { ...item, verdict: judged.verdict };
        }),
      })),
    MoreInformationRequested: ({ data: { reviewId, reasons } }) => changed(reviewId, () => ({ status: 'WaitingTutor', ...free, reasons })),
    MoreInformationProvided: ({ data: { reviewId, items, slaDueAt } }) =>
      changed(reviewId, (row) => ({
        status: 'Queued',
        items: items.map((item) => {
          const before = row.items.find(({ qualificationId }) => qualificationId === item.qualificationId);
          return { ...item, verdict: before?.verdict === 'verified' ? before.verdict : null };
        }),
        slaDueAt,
        warned: false,
        breaches: 0,
      })),
    ReviewSlaWarned: ({ data }) => changed(data.reviewId, () => ({ warned: true })),
    ReviewSlaBreached: ({ data }) => changed(data.reviewId, () => ({ breaches: data.breach })),
    ReviewClosed: ({ data: { reviewId, outcome, reasons }, at }) =>
      changed(reviewId, () => ({ status: 'Closed', ...free, outcome, reasons, closedAt: at })),
    ReviewWithdrawn: ({ data, at }) => changed(data.reviewId, () => ({ status: 'Withdrawn', ...free, closedAt: at })),
  },
};
