import { event } from '../kernel/event.ts';
import * as review from './admin-review-session.messages.ts';
import { degree, degreeId, reviewId } from './qualification-portfolio.examples.ts';
import { maths, reviewer, tutorId, unclear } from './tutor-profile.examples.ts';

export const about = { reviewId, tutorId };
export const degreeItem = { qualificationId: degreeId, kind: degree.kind, title: degree.title };
export const toQueue = { ...about, round: 1, partial: false, subjects: [maths], requestedAt: '2026-11-23T12:00:00.000Z' };
const reviewerId = reviewer.userId!;

export const queued = event(review.addedToAdminReviewQueue, { ...toQueue, items: [degreeItem], slaDueAt: '2026-11-24T12:00:00.000Z' });
export const claimed = event(review.adminReviewStarted, { ...about, reviewerId, lockedUntil: '2026-11-23T14:00:00.000Z' });
export const claimReleased = event(review.adminReviewReleased, { ...about, reviewerId, reason: 'released' });
export const claimRanOut = event(review.adminReviewReleased, { ...about, reviewerId, reason: 'lock_expired' });
export const degreeOk = { qualificationId: degreeId, verdict: 'verified' as const };
export const assessed = event(review.qualificationsAssessed, { ...about, reviewerId, assessments: [degreeOk], complete: true });
export const degreeRejected = event(review.qualificationsAssessed, {
  ...about,
  reviewerId,
  assessments: [{ qualificationId: degreeId, verdict: 'rejected' }],
  complete: true,
});
export const moreAsked = event(review.moreInformationRequested, {
  ...about,
  reviewerId,
  reasons: [unclear],
  message: 'Please scan it again.',
  askedAt: '2026-11-23T13:00:00.000Z',
});
export const moreProvided = event(review.moreInformationProvided, {
  ...about,
  items: [degreeItem],
  slaDueAt: '2026-11-24T17:00:00.000Z',
});
export const closedApproved = event(review.reviewClosed, {
  ...about,
  round: 1,
  outcome: 'approved',
  reasons: [],
  decidedBy: reviewerId,
  overridden: false,
});
export const closedRejected = event(review.reviewClosed, { ...closedApproved.data, outcome: 'rejected', reasons: [unclear] });
export const calledOff = event(review.reviewWithdrawn, { ...about, round: 1 });
export const slaBreached = event(review.reviewSlaBreached, {
  ...about,
  slaDueAt: '2026-11-24T12:00:00.000Z',
  breach: 1,
  breachedAt: '2026-11-24T12:00:00.000Z',
});
