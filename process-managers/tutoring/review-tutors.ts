import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager, type Reaction } from '#domain/kernel/consumer.ts';
import { DAY, plus, type Instant } from '#domain/kernel/time.ts';
import * as review from '#domain/tutoring/admin-review-session.messages.ts';
import { applyAssessment, expireQualification, freezePortfolio, unfreezePortfolio } from '#domain/tutoring/qualification-portfolio.ts';
import { approveTutor, publishTutor, rejectTutor, withdrawReviewRequest } from '#domain/tutoring/tutor-profile.messages.ts';

/** The tutor was suspended, or the round was decided in another way, in the meantime. */
const PAST_DECIDING = ['tutor_is_suspended', 'no_open_review'];
const REVIEW_OVER = ['review_not_found', 'review_is_closed'];
const WARN_BEFORE_DUE = review.SLA_WARNING_AFTER - review.REVIEW_SLA;

const slaTimers = (reviewId: string, slaDueAt: Instant): readonly Reaction[] => [
  at(plus(slaDueAt, WARN_BEFORE_DUE), command(review.recordSlaWarning, { reviewId, slaDueAt })),
  at(slaDueAt, command(review.recordSlaBreach, { reviewId, slaDueAt, breach: 1 })),
];

/** The way of a tutor through review. One lane for each tutor: a review is queued before it is closed. */
export const reviewTutors: ProcessManager<Events> = {
  name: 'review-tutors',
  context: 'tutoring',
  sentence:
    'A tutor who asks for review is queued with portfolio frozen; time limits are watched; the decision of the review becomes that of the profile, and an approved tutor is published.',
  instance: (event) => ('tutorId' in event.data ? event.data.tutorId : event.aggregateId),
  on: {
    ReviewRequested: ({ data: { tutorId, round, partial, subjects }, at: requestedAt }) => {
      const reviewId = review.reviewIdOf(tutorId, round);
      return [
        now(command(freezePortfolio, { tutorId, reviewId })),
        now(command(review.queueReview, { reviewId, tutorId, round, partial, subjects, requestedAt })),
      ];
    },
    AddedToAdminReviewQueue: ({ data: { reviewId, slaDueAt } }) => slaTimers(reviewId, slaDueAt),
    AdminReviewStarted: ({ data: { reviewId, lockedUntil } }) =>
      at(lockedUntil, command(review.releaseExpiredClaim, { reviewId }), { settledBy: ['claim_still_holds'] }),
    QualificationsAssessed: ({ id: assessmentId, data: { tutorId, reviewId, assessments } }) =>
      now(
        command(applyAssessment, {
          tutorId,
          reviewId,
          assessmentId,
          items: assessments.map(({ qualificationId, verdict }) => ({ qualificationId, status: verdict })),
        }),
      ),
    MoreInformationRequested: ({ data: { tutorId, reviewId } }) => now(command(unfreezePortfolio, { tutorId, reviewId })),
    MoreInformationProvided: ({ data: { tutorId, reviewId, slaDueAt } }) => [
      now(command(freezePortfolio, { tutorId, reviewId })),
      ...slaTimers(reviewId, slaDueAt),
    ],
    ReviewSlaBreached: ({ data: { reviewId, slaDueAt, breach } }) =>
      at(plus(slaDueAt, breach * review.SLA_REPEATS_EVERY), command(review.recordSlaBreach, { reviewId, slaDueAt, breach: breach + 1 })),
    ReviewClosed: ({ data: { tutorId, reviewId, round, outcome, reasons, overridden } }) => {
      const unfreeze = now(command(unfreezePortfolio, { tutorId, reviewId }));
      if (overridden) return unfreeze;
      const decision =
        outcome === 'approved' ? command(approveTutor, { tutorId, round }) : command(rejectTutor, { tutorId, round, reasons });
      return [unfreeze, now(decision, { settledBy: PAST_DECIDING })];
    },
    ReviewWithdrawn: ({ data: { tutorId, reviewId, round } }) => [
      now(command(unfreezePortfolio, { tutorId, reviewId })),
      now(command(withdrawReviewRequest, { tutorId, round })),
    ],
    TutorApproved: ({ data: { tutorId, round, overriddenBy } }) => [
      now(command(publishTutor, { tutorId }), { settledBy: ['tutor_is_suspended', 'tutor_not_approved'] }),
      ...closeOverridden(tutorId, round, 'approved', overriddenBy),
    ],
    TutorRejected: ({ data: { tutorId, round, overriddenBy } }) => closeOverridden(tutorId, round, 'rejected', overriddenBy),
    TutorSuspended: ({ data: { tutorId, reviewRound } }) =>
      reviewRound === undefined
        ? []
        : now(command(review.withdrawReview, { reviewId: review.reviewIdOf(tutorId, reviewRound) }), { settledBy: REVIEW_OVER }),
    QualificationsAdded: ({ data: { tutorId, qualifications } }) =>
      qualifications.flatMap(({ qualificationId, expiresOn }) =>
        expiresOn === undefined
          ? []
          : [at(plus(`${expiresOn}T00:00:00.000Z`, DAY), command(expireQualification, { tutorId, qualificationId }))],
      ),
  },
};

function closeOverridden(
  tutorId: string,
  round: number,
  outcome: 'approved' | 'rejected',
  decidedBy: string | undefined,
): readonly Reaction[] {
  if (decidedBy === undefined) return [];
  return [
    now(command(review.closeOverriddenReview, { reviewId: review.reviewIdOf(tutorId, round), outcome, decidedBy }), {
      settledBy: ['review_not_found'],
    }),
  ];
}
