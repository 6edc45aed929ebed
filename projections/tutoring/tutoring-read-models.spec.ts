import { describe, expect, it } from '@jest/globals';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import { ERASED, event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import {
  assessed,
  claimed,
  claimReleased,
  closedApproved,
  degreeRejected,
  moreAsked,
  moreProvided,
  queued,
  slaBreached,
} from '#domain/tutoring/admin-review-session.examples.ts';
import {
  degreeAdded,
  degreeFile,
  degreeId,
  degreeVerified,
  licenceAdded,
  reviewId,
} from '#domain/tutoring/qualification-portfolio.examples.ts';
import { qualificationRemoved } from '#domain/tutoring/qualification-portfolio.ts';
import {
  availableTutor,
  maths,
  paused,
  physics,
  physicsAdded,
  physicsReviewAsked,
  profileStarted,
  rejected,
  reviewAsked,
  reviewer,
  suspended,
  tutorId,
  unclear,
} from '#domain/tutoring/tutor-profile.examples.ts';
import {
  reviewRequestWithdrawn,
  tutorApproved,
  tutorAvailableForMatching,
  tutorReinstated,
} from '#domain/tutoring/tutor-profile.messages.ts';
import { adminReviews } from './admin-reviews.ts';
import { qualifications } from './qualifications.ts';
import { tutorProfiles } from './tutor-profiles.ts';

const on = (aggregateType: string, aggregateId: string) => (event: DomainEvent, nth: number) =>
  recorded(event, { aggregateType, aggregateId, nth });

describe('Tutor profiles', () => {
  const rowAfter = (...events: DomainEvent[]) => rowsAfter(tutorProfiles, ...events.map(on('TutorProfile', tutorId)))[tutorId];

  it('show a draft, with nothing published', () =>
    expect(rowAfter(profileStarted)).toMatchObject({
      status: 'Draft',
      subjects: [maths],
      publishedSubjects: [],
      hourlyRateMinor: 4000,
      round: 0,
    }));
  it('show the way through review', () => {
    expect(rowAfter(profileStarted, reviewAsked)).toMatchObject({ status: 'InReview', round: 1 });
    expect(rowAfter(profileStarted, reviewAsked, rejected)).toMatchObject({ status: 'Rejected', reasons: [unclear] });
    expect(rowAfter(...availableTutor)).toMatchObject({ status: 'Available', publishedSubjects: [maths], availableSince: MONDAY_NOON });
  });
  it('show a subject that waits for review apart from those that are live', () => {
    const waiting = [...availableTutor, physicsAdded, physicsReviewAsked];
    expect(rowAfter(...waiting)).toMatchObject({
      status: 'Available',
      subjects: [maths, physics],
      publishedSubjects: [maths],
      subjectsInReview: [physics],
    });
    const approved = event(tutorApproved, { tutorId, round: 2, partial: true, subjects: [maths, physics] });
    const shown = event(tutorAvailableForMatching, { ...availableTutor[3].data, subjects: [maths, physics] });
    expect(rowAfter(...waiting, approved, shown)).toMatchObject({ publishedSubjects: [maths, physics], subjectsInReview: [] });
    const withdrawn = event(reviewRequestWithdrawn, { tutorId, round: 2, partial: true });
    expect(rowAfter(...waiting, withdrawn)).toMatchObject({ subjects: [maths], subjectsInReview: [] });
  });
  it('show breaks and suspensions', () => {
    expect(rowAfter(...availableTutor, paused)).toMatchObject({ status: 'Paused' });
    expect(rowAfter(...availableTutor, suspended)).toMatchObject({ status: 'Suspended' });
    const back = event(tutorReinstated, { tutorId, status: 'Available' });
    expect(rowAfter(...availableTutor, suspended, back)).toMatchObject({ status: 'Available' });
  });
  it('keep nothing of a forgotten person', () => {
    const erased = event(accountErased, { userId: tutorId, emailHash: 'a1'.repeat(32) });
    expect(rowAfter(...availableTutor, erased)).toMatchObject({ displayName: ERASED, headline: ERASED, bio: ERASED });
  });
});

describe('Qualifications', () => {
  const rowsOf = (...events: DomainEvent[]) =>
    Object.values(rowsAfter(qualifications, ...events.map(on('QualificationPortfolio', tutorId))));

  it('show each with its document', () =>
    expect(rowsOf(degreeAdded, licenceAdded)).toMatchObject([
      { qualificationId: degreeId, documentKey: degreeFile.key, awardedOn: '2012-07-01', expiresOn: null, status: 'unverified' },
      { documentKey: null, expiresOn: '2027-08-31' },
    ]));
  it('show what the review said', () => expect(rowsOf(degreeAdded, degreeVerified)).toMatchObject([{ status: 'verified' }]));
  it('drop what was taken back', () =>
    expect(rowsOf(degreeAdded, event(qualificationRemoved, { tutorId, qualificationId: degreeId }))).toEqual([]));
});

describe('Reviews', () => {
  const rowAfter = (...events: DomainEvent[]) => rowsAfter(adminReviews, ...events.map(on('AdminReviewSession', reviewId)))[reviewId];

  it('show who waits and until when', () =>
    expect(rowAfter(queued)).toMatchObject({
      status: 'Queued',
      tutorId,
      slaDueAt: '2026-11-24T12:00:00.000Z',
      reviewerId: null,
      items: [{ qualificationId: degreeId, verdict: null }],
    }));
  it('show who reviews', () => {
    expect(rowAfter(queued, claimed)).toMatchObject({ status: 'InReview', reviewerId: reviewer.userId });
    expect(rowAfter(queued, claimed, claimReleased)).toMatchObject({ status: 'Queued', reviewerId: null, lockedUntil: null });
  });
  it('show the verdicts and the decision', () => {
    expect(rowAfter(queued, claimed, assessed)).toMatchObject({ status: 'Assessed', items: [{ verdict: 'verified' }] });
    expect(rowAfter(queued, claimed, assessed, closedApproved)).toMatchObject({
      status: 'Closed',
      outcome: 'approved',
      closedAt: MONDAY_NOON,
    });
  });
  it('show what is asked of the tutor, and the new time after the answer', () => {
    expect(rowAfter(queued, claimed, moreAsked)).toMatchObject({ status: 'WaitingTutor', reasons: [unclear] });
    expect(rowAfter(queued, claimed, degreeRejected, moreAsked, moreProvided)).toMatchObject({
      status: 'Queued',
      slaDueAt: moreProvided.data.slaDueAt,
      items: [{ verdict: null }],
    });
  });
  it('show that the time is over', () => expect(rowAfter(queued, slaBreached)).toMatchObject({ status: 'Queued', breaches: 1 }));
});
