import { describe, expect, it } from '@jest/globals';
import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, reactionsTo, recorded } from '#domain/kernel/given-when-then.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import * as sessions from '#domain/tutoring/admin-review-session.examples.ts';
import * as review from '#domain/tutoring/admin-review-session.messages.ts';
import { degreeAdded, degreeId, licenceAdded, licenceId, reviewId } from '#domain/tutoring/qualification-portfolio.examples.ts';
import { applyAssessment, expireQualification, freezePortfolio, unfreezePortfolio } from '#domain/tutoring/qualification-portfolio.ts';
import { approved, rejected, reviewAsked, reviewer, suspended, tutorId, unclear } from '#domain/tutoring/tutor-profile.examples.ts';
import * as tutor from '#domain/tutoring/tutor-profile.messages.ts';
import { mailAbout } from '../effects/send-mail.ts';
import { reviewTutors } from './review-tutors.ts';
import { tellTutors } from './tell-tutors.ts';

const happened = <E extends DomainEvent>(fact: E) => recorded(fact, { aggregateType: 'AdminReviewSession', aggregateId: reviewId });
const after = (manager: ProcessManager<Events>, fact: DomainEvent) =>
  reactionsTo(manager, happened(fact)).map(({ command: message, due }) => (due === undefined ? now(message) : at(due, message)));
const hours = (n: number) => plus(MONDAY_NOON, n * HOUR);
const slaDueAt = sessions.queued.data.slaDueAt;
const firstRound = review.reviewIdOf(tutorId, 1);

describe('A tutor who asks for review', () => {
  it('is queued with the portfolio frozen', () =>
    expect(after(reviewTutors, reviewAsked)).toEqual([
      now(command(freezePortfolio, { tutorId, reviewId: firstRound })),
      now(command(review.queueReview, { ...sessions.toQueue, reviewId: firstRound })),
    ]));
  it('has one lane for the profile and all of its reviews', () => {
    expect(reviewTutors.instance?.(happened(sessions.queued))).toBe(tutorId);
    expect(reviewTutors.instance?.(recorded(reviewAsked, { aggregateType: 'TutorProfile', aggregateId: tutorId }))).toBe(tutorId);
  });
  it('is looked after: a warning after 20 hours, a breach after 24, and every 12 from then on', () => {
    expect(after(reviewTutors, sessions.queued)).toEqual([
      at(hours(20), command(review.recordSlaWarning, { reviewId, slaDueAt })),
      at(hours(24), command(review.recordSlaBreach, { reviewId, slaDueAt, breach: 1 })),
    ]);
    expect(after(reviewTutors, sessions.slaBreached)).toEqual([
      at(hours(36), command(review.recordSlaBreach, { reviewId, slaDueAt, breach: 2 })),
    ]);
  });
  it('is free for other administrators when a claim runs out', () =>
    expect(after(reviewTutors, sessions.claimed)).toEqual([at(hours(2), command(review.releaseExpiredClaim, { reviewId }))]));
});

describe('A review', () => {
  it('hands its verdicts to the portfolio', () =>
    expect(after(reviewTutors, sessions.assessed)).toEqual([
      now(
        command(applyAssessment, {
          tutorId,
          reviewId,
          assessmentId: happened(sessions.assessed).id,
          items: [{ qualificationId: degreeId, status: 'verified' }],
        }),
      ),
    ]));
  it('lets the portfolio change while the tutor has to answer, and starts its clock again after that', () => {
    expect(after(reviewTutors, sessions.moreAsked)).toEqual([now(command(unfreezePortfolio, { tutorId, reviewId }))]);
    const due = sessions.moreProvided.data.slaDueAt;
    expect(after(reviewTutors, sessions.moreProvided)).toEqual([
      now(command(freezePortfolio, { tutorId, reviewId })),
      at(plus(due, -4 * HOUR), command(review.recordSlaWarning, { reviewId, slaDueAt: due })),
      at(due, command(review.recordSlaBreach, { reviewId, slaDueAt: due, breach: 1 })),
    ]);
  });
  it('becomes the decision about the tutor', () => {
    const unfreeze = now(command(unfreezePortfolio, { tutorId, reviewId }));
    expect(after(reviewTutors, sessions.closedApproved)).toEqual([unfreeze, now(command(tutor.approveTutor, { tutorId, round: 1 }))]);
    expect(after(reviewTutors, sessions.closedRejected)).toEqual([
      unfreeze,
      now(command(tutor.rejectTutor, { tutorId, round: 1, reasons: [unclear] })),
    ]);
  });
  it('decides nothing when an administrator did without it', () =>
    expect(after(reviewTutors, event(review.reviewClosed, { ...sessions.closedApproved.data, overridden: true }))).toEqual([
      now(command(unfreezePortfolio, { tutorId, reviewId })),
    ]));
  it('that was called off lets go of tutor and portfolio', () =>
    expect(after(reviewTutors, sessions.calledOff)).toEqual([
      now(command(unfreezePortfolio, { tutorId, reviewId })),
      now(command(tutor.withdrawReviewRequest, { tutorId, round: 1 })),
    ]));
});

describe('A decision about a tutor', () => {
  const decidedBy = reviewer.userId!;
  it('publishes an approved one', () => expect(after(reviewTutors, approved)).toEqual([now(command(tutor.publishTutor, { tutorId }))]));
  it('publishes nothing when the tutor was suspended meanwhile', () =>
    expect(reactionsTo(reviewTutors, happened(approved))[0]?.settledBy).toEqual(['tutor_is_suspended', 'tutor_not_approved']));
  it('made without the review closes it', () => {
    const by = { overriddenBy: decidedBy };
    expect(after(reviewTutors, event(tutor.tutorApproved, { ...approved.data, ...by }))).toEqual([
      now(command(tutor.publishTutor, { tutorId })),
      now(command(review.closeOverriddenReview, { reviewId: firstRound, outcome: 'approved', decidedBy })),
    ]);
    expect(after(reviewTutors, event(tutor.tutorRejected, { ...rejected.data, ...by }))).toEqual([
      now(command(review.closeOverriddenReview, { reviewId: firstRound, outcome: 'rejected', decidedBy })),
    ]);
  });
  it('to suspend calls an open review off', () => {
    expect(after(reviewTutors, suspended)).toEqual([]);
    expect(after(reviewTutors, event(tutor.tutorSuspended, { ...suspended.data, reviewRound: 1 }))).toEqual([
      now(command(review.withdrawReview, { reviewId: firstRound })),
    ]);
  });
  it.each([
    ['tutor-approved' as const, approved, {}],
    ['tutor-rejected' as const, rejected, { reasons: 'degree:unreadable' }],
    ['more-information-asked' as const, sessions.moreAsked, { reasons: 'degree:unreadable' }],
  ])('is told: %s', (template, fact, params) =>
    expect(after(tellTutors, fact)).toEqual([now(mailAbout(happened(fact), template, { userId: tutorId }, params))]),
  );
});

describe('A qualification', () => {
  it('expires the day after its last', () =>
    expect(after(reviewTutors, licenceAdded)).toEqual([
      at('2027-09-01T00:00:00.000Z', command(expireQualification, { tutorId, qualificationId: licenceId })),
    ]));
  it('without an end never expires', () => expect(after(reviewTutors, degreeAdded)).toEqual([]));
});
