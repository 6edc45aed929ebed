import { describe, expect, it } from '@jest/globals';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, HOUR, plus } from '../kernel/time.ts';
import {
  about,
  assessed,
  calledOff,
  claimed,
  claimRanOut,
  claimReleased,
  closedApproved,
  closedRejected,
  degreeItem,
  degreeOk,
  degreeRejected,
  moreAsked,
  moreProvided,
  queued,
  slaBreached,
  toQueue,
} from './admin-review-session.examples.ts';
import * as review from './admin-review-session.messages.ts';
import { adminReviewSession } from './admin-review-session.ts';
import { degreeId, licenceId, reviewId } from './qualification-portfolio.examples.ts';
import { anotherReviewer, anotherTutor, okafor, reviewer, tutorId, unclear } from './tutor-profile.examples.ts';

type Past = readonly review.AdminReviewSessionEvent[];
const after = (...past: Past) => given(adminReviewSession, ...past);
const hours = (n: number) => plus(MONDAY_NOON, n * HOUR);

describe('Queueing a review', () => {
  const queue = (...past: Past) => after(...past).when(review.queueReview, toQueue, { facts: { items: [degreeItem] } });
  it('is due 24 hours after the request', () => queue().then(queued));
  it('is nothing new the second time', () => queue(queued).alreadySo());
  it('gives each round of a tutor its own id', () => expect(review.reviewIdOf(tutorId, 1)).not.toBe(review.reviewIdOf(tutorId, 2)));
});

describe('Claiming a review', () => {
  const claim = (past: Past, { by = reviewer, at = MONDAY_NOON } = {}) => after(...past).when(review.claimReview, { reviewId }, { by, at });
  const started = (by: Actor, at: string) =>
    event(review.adminReviewStarted, { ...about, reviewerId: by.userId!, lockedUntil: plus(at, 2 * HOUR) });

  it('keeps others away for two hours', () => claim([queued]).then(claimed));
  it('is nothing new for the holder', () => claim([queued, claimed]).alreadySo());
  it('is refused while another holds it', () =>
    claim([queued, claimed], { by: anotherReviewer, at: plus(hours(2), -1) }).refused(review.ReviewLocked, { lockedUntil: hours(2) }));
  it('takes over a claim that ran out', () =>
    claim([queued, claimed], { by: anotherReviewer, at: hours(2) }).then(claimRanOut, started(anotherReviewer, hours(2))));
  it('may be renewed when it ran out', () => claim([queued, claimed], { at: hours(3) }).then(claimRanOut, started(reviewer, hours(3))));
  it('is refused about oneself', () => claim([queued], { by: { role: 'admin', userId: tutorId } }).refused(review.CannotReviewYourself));
  it('is refused to people who are not administrators', () => claim([queued], { by: okafor }).refused(review.ReviewersOnly));
  it('is refused while the tutor has to answer', () => claim([queued, claimed, moreAsked]).refused(review.WaitingForTutor));
  it('is refused when closed', () => claim([queued, closedApproved]).refused(review.ReviewIsClosed));
  it('needs a review', () => claim([]).refused(review.ReviewNotFound));
});

describe('Giving a claim back', () => {
  const release = (past: Past, by = reviewer) => after(...past).when(review.releaseReview, { reviewId }, { by });
  const runOut = (at: string, ...past: Past) => after(...past).when(review.releaseExpiredClaim, { reviewId }, { at });
  it('frees the review', () => release([queued, claimed]).then(claimReleased));
  it('is nothing new when free', () => release([queued, claimed, claimReleased]).alreadySo());
  it('is refused to others', () => release([queued, claimed], anotherReviewer).refused(review.ReviewLocked));
  it('is refused to people who are not administrators', () => release([queued, claimed], okafor).refused(review.ReviewersOnly));
  it('is refused when closed', () => release([queued, claimed, closedApproved]).refused(review.ReviewIsClosed));
  it('happens by itself when the claim runs out', () => runOut(hours(2), queued, claimed).then(claimRanOut));
  it('does not happen before', () => runOut(plus(hours(2), -1), queued, claimed).refused(review.ClaimStillHolds));
  it('is nothing new when free already', () => runOut(hours(2), queued, claimed, claimReleased).alreadySo());
});

describe('Assessing', () => {
  const assess = (past: Past, { by = reviewer, at = MONDAY_NOON, qualificationId = degreeId } = {}) =>
    after(...past).when(review.assessQualifications, { reviewId, assessments: [{ ...degreeOk, qualificationId }] }, { by, at });
  const licenceItem = { ...degreeItem, qualificationId: licenceId };

  it('judges each item', () => assess([queued, claimed]).then(assessed));
  it('may be done in parts', () => {
    const two = event(review.addedToAdminReviewQueue, { ...queued.data, items: [degreeItem, licenceItem] });
    const part = event(review.qualificationsAssessed, { ...assessed.data, complete: false });
    assess([two, claimed]).then(part);
    assess([two, claimed, part], { qualificationId: licenceId }).then(
      event(review.qualificationsAssessed, { ...assessed.data, assessments: [{ ...degreeOk, qualificationId: licenceId }] }),
    );
  });
  it('is nothing new with the same verdict', () => assess([queued, claimed, assessed]).alreadySo());
  it('is refused about an unknown item', () =>
    assess([queued, claimed], { qualificationId: licenceId }).refused(review.UnknownReviewItem, { qualificationId: licenceId }));
  it('needs a claim', () => assess([queued]).refused(review.ReviewNotClaimed));
  it('needs a claim that still holds', () => assess([queued, claimed], { at: hours(2) }).refused(review.ReviewNotClaimed));
  it('is refused while another holds the claim', () => assess([queued, claimed], { by: anotherReviewer }).refused(review.ReviewLocked));
  it('is refused to people who are not administrators', () => assess([queued, claimed], { by: okafor }).refused(review.ReviewersOnly));
  it('is refused when closed', () => assess([queued, claimed, closedApproved]).refused(review.ReviewIsClosed));
});

describe('Asking the tutor for more', () => {
  const ask = (past: Past, by = reviewer) =>
    after(...past).when(
      review.askMoreInformation,
      { reviewId, reasons: [unclear], message: 'Please scan it again.' },
      { by, at: hours(1) },
    );
  const provide = (past: Past, { by = okafor, at = hours(6) } = {}) =>
    after(...past).when(review.provideMoreInformation, { reviewId }, { by, at, facts: { items: [degreeItem] } });

  it('stops the clock', () => ask([queued, claimed]).then(moreAsked));
  it('needs the claim', () => ask([queued]).refused(review.ReviewNotClaimed));
  it('is refused twice', () => ask([queued, claimed, moreAsked]).refused(review.WaitingForTutor));
  it('lets the clock go on where it stopped', () => provide([queued, claimed, moreAsked]).then(moreProvided));
  it('forgets what has to be judged again, and keeps what was verified', () => {
    const verdicts = (judged: typeof assessed) => fold(adminReviewSession, [queued, claimed, judged, moreAsked, moreProvided]).verdicts;
    expect(verdicts(degreeRejected)).toEqual({});
    expect(verdicts(assessed)).toEqual({ [degreeId]: 'verified' });
  });
  it('is answered by the tutor alone', () => provide([queued, claimed, moreAsked], { by: anotherTutor }).refused(review.NotYourReview));
  it('cannot be answered when nothing was asked', () => provide([queued, claimed]).refused(review.NothingAsked));
  it('cannot be answered twice', () => provide([queued, claimed, moreAsked, moreProvided]).refused(review.NothingAsked));
  it('cannot be answered when called off', () => provide([queued, claimed, moreAsked, calledOff]).refused(review.ReviewIsClosed));
});

describe('Deciding', () => {
  type Outcome = 'approved' | 'rejected';
  const decide = (past: Past, outcome: Outcome, { by = reviewer, reasons = outcome === 'rejected' ? [unclear] : [] } = {}) =>
    after(...past).when(review.decideReview, { reviewId, outcome, reasons }, { by });

  it('approves when every item is verified', () => decide([queued, claimed, assessed], 'approved').then(closedApproved));
  it('rejects with reasons', () => decide([queued, claimed, degreeRejected], 'rejected').then(closedRejected));
  it('approves added subjects that need no new document', () => {
    const nothingToJudge = event(review.addedToAdminReviewQueue, { ...queued.data, partial: true, items: [] });
    decide([nothingToJudge, claimed], 'approved').then(closedApproved);
  });
  it('is nothing new the second time', () => decide([queued, claimed, assessed, closedApproved], 'approved').alreadySo());
  it('is refused before every item is judged', () => decide([queued, claimed], 'approved').refused(review.NotYetAssessed));
  it('is refused when an item is not verified', () =>
    decide([queued, claimed, degreeRejected], 'approved').refused(review.NotAllItemsVerified, { items: [degreeId] }));
  it('is refused without a reason', () =>
    decide([queued, claimed, degreeRejected], 'rejected', { reasons: [] }).refused(review.ReasonsRequired));
  it('is refused to others than the holder', () =>
    decide([queued, claimed, assessed], 'approved', { by: anotherReviewer }).refused(review.ReviewLocked));
  it('is refused without a claim', () => decide([queued], 'approved').refused(review.ReviewNotClaimed));
  it('is refused to people who are not administrators', () =>
    decide([queued, claimed, assessed], 'approved', { by: okafor }).refused(review.ReviewersOnly));
  it('is refused the other way round', () =>
    decide([queued, claimed, assessed, closedApproved], 'rejected').refused(review.ReviewIsClosed));
  it('is refused while the tutor has to answer', () =>
    decide([queued, claimed, assessed, moreAsked], 'approved').refused(review.WaitingForTutor));
});

describe('A decision made without the review', () => {
  const close = (...past: Past) =>
    after(...past).when(review.closeOverriddenReview, { reviewId, outcome: 'approved', decidedBy: anotherReviewer.userId! });
  const overridden = event(review.reviewClosed, { ...closedApproved.data, decidedBy: anotherReviewer.userId!, overridden: true });
  it('closes the review', () => close(queued, claimed).then(overridden));
  it('is nothing new when closed', () => close(queued, claimed, closedApproved).alreadySo());
  it('needs a review', () => close().refused(review.ReviewNotFound));
});

describe('Calling a review off', () => {
  const withdraw = (past: Past, by: Actor = okafor) => after(...past).when(review.withdrawReview, { reviewId }, { by });
  it('may be done by the tutor', () => withdraw([queued]).then(calledOff));
  it('may be done by the platform', () => withdraw([queued, claimed], SYSTEM).then(calledOff));
  it('is nothing new the second time', () => withdraw([queued, calledOff]).alreadySo());
  it('is refused to others', () => withdraw([queued], anotherTutor).refused(review.NotYourReview));
  it('is refused when decided', () => withdraw([queued, closedApproved]).refused(review.ReviewIsClosed));
});

describe('The 24-hour limit', () => {
  const slaDueAt = queued.data.slaDueAt;
  const warn = (at: string, past: Past, due = slaDueAt) =>
    after(...past).when(review.recordSlaWarning, { reviewId, slaDueAt: due }, { at });
  const breach = (at: string, past: Past, n = 1, due = slaDueAt) =>
    after(...past).when(review.recordSlaBreach, { reviewId, slaDueAt: due, breach: n }, { at });
  const warned = event(review.reviewSlaWarned, { ...about, slaDueAt });

  it('warns after 20 hours', () => warn(hours(20), [queued]).then(warned));
  it('does not warn before', () => warn(plus(hours(20), -1), [queued]).refused(review.SlaNotYetDue));
  it('warns once', () => warn(hours(21), [queued, warned]).alreadySo());
  it('is breached after 24 hours, and nothing is decided by that', () => {
    breach(hours(24), [queued]).then(slaBreached);
    expect(fold(adminReviewSession, [queued, slaBreached]).status).toBe('Queued');
  });
  it('is not breached before', () => breach(plus(hours(24), -1), [queued]).refused(review.SlaNotYetDue));
  it('is breached again every 12 hours', () => {
    breach(hours(36), [queued, slaBreached], 2).then(
      event(review.reviewSlaBreached, { ...slaBreached.data, breach: 2, breachedAt: hours(36) }),
    );
    breach(plus(hours(36), -1), [queued, slaBreached], 2).refused(review.SlaNotYetDue);
  });
  it('is breached once per repetition', () => breach(hours(25), [queued, slaBreached]).alreadySo());
  it('stands still while the tutor has to answer', () => {
    warn(hours(20), [queued, claimed, moreAsked]).alreadySo();
    breach(hours(24), [queued, claimed, moreAsked]).alreadySo();
  });
  it('follows the new time after an answer', () => {
    const past: Past = [queued, claimed, moreAsked, moreProvided];
    breach(hours(24), past).alreadySo();
    breach(hours(29), past, 1, moreProvided.data.slaDueAt).then(
      event(review.reviewSlaBreached, { ...about, slaDueAt: moreProvided.data.slaDueAt, breach: 1, breachedAt: hours(29) }),
    );
  });
  it('is over with the review', () => {
    warn(plus(MONDAY_NOON, DAY), [queued, closedApproved]).alreadySo();
    breach(plus(MONDAY_NOON, DAY), [queued, calledOff]).alreadySo();
  });
});
