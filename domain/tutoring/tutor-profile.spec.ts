import { describe, expect, it } from '@jest/globals';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import {
  anotherTutor,
  approved,
  availableTutor,
  maths,
  okafor,
  okaforProfile,
  paused,
  physics,
  physicsAdded,
  physicsReviewAsked,
  profileStarted,
  published,
  rejected,
  reviewAsked,
  reviewer,
  suspended,
  tutorId,
  unclear,
} from './tutor-profile.examples.ts';
import * as tutor from './tutor-profile.messages.ts';
import { isAvailable, liveSubjects, tutorProfile } from './tutor-profile.ts';

type Past = readonly tutor.TutorProfileEvent[];
const resumed = event(tutor.tutorResumed, { tutorId });
const partialApproval = event(tutor.tutorApproved, { tutorId, round: 2, partial: true, subjects: [maths, physics] });
const anonymousAdmin: Actor = { role: 'internal' };

describe('Starting a tutor profile', () => {
  const account = { role: 'tutor', active: true, timeZone: 'Europe/London' } as { role: string; active: boolean; timeZone: string } | null;
  const start = (past: Past, { by = okafor, facts = account, headline = okaforProfile.headline } = {}) =>
    given(tutorProfile, ...past).when(tutor.createTutorProfile, { tutorId, ...okaforProfile, headline }, { by, facts: { account: facts } });

  it('keeps what was given', () => start([]).then(profileStarted));
  it('takes the zone of the account when none is given', () =>
    given(tutorProfile)
      .when(tutor.createTutorProfile, { tutorId }, { by: okafor, facts: { account } })
      .then(event(tutor.tutorProfileCreated, { tutorId, timeZone: 'Europe/London' })));
  it('takes the name of the account when none is given', () =>
    given(tutorProfile)
      .when(tutor.createTutorProfile, { tutorId }, { by: okafor, facts: { account: { ...account!, displayName: 'Tobias Okafor' } } })
      .then(event(tutor.tutorProfileCreated, { tutorId, displayName: 'Tobias Okafor', timeZone: 'Europe/London' })));
  it('is nothing new the second time', () => start([profileStarted]).alreadySo());
  it('is refused with other answers: they would be an update', () =>
    start([profileStarted], { headline: 'Another' }).refused(tutor.TutorProfileExists));
  it('is refused for somebody else', () => start([], { by: anotherTutor }).refused(tutor.NotYourTutorProfile));
  it('is refused to students', () => start([], { facts: { ...account!, role: 'student' } }).refused(tutor.NotATutor));
  it('is refused without an account', () => start([], { facts: null }).refused(tutor.NotATutor));
  it('is refused before the account is active', () =>
    start([], { facts: { ...account!, active: false } }).refused(tutor.TutorAccountNotActive));
});

describe('Changing a tutor profile', () => {
  const update = (past: Past, data: object, by = okafor) =>
    given(tutorProfile, ...past).when(tutor.updateTutorProfile, { tutorId, ...data }, { by });
  const newRate = { hourlyRateMinor: 5000 };
  const rateChanged = event(tutor.tutorProfileUpdated, { tutorId, ...newRate });

  it('records what changed', () => update([profileStarted], { ...okaforProfile, ...newRate }).then(rateChanged));
  it('publishes the change of a tutor whom students see', () =>
    update(availableTutor, newRate).then(rateChanged, event(tutor.tutorAvailableForMatching, { ...published.data, ...newRate })));
  it('does not publish while paused', () => update([...availableTutor, paused], newRate).then(rateChanged));
  it('is nothing new with the same answers', () => update([profileStarted], okaforProfile).alreadySo());
  it('has a subject added after approval reviewed, while the others stay live', () => {
    update(availableTutor, { subjects: [maths, physics] }).then(physicsAdded, physicsReviewAsked);
    expect(liveSubjects(fold(tutorProfile, [...availableTutor, physicsAdded, physicsReviewAsked]))).toEqual([maths]);
  });
  it('takes an approved subject out of search at once', () => {
    const taught = { subjects: [physics] };
    const both: Past = [...availableTutor, physicsAdded, physicsReviewAsked, partialApproval];
    update(both, taught).then(
      event(tutor.tutorProfileUpdated, { tutorId, ...taught }),
      event(tutor.tutorAvailableForMatching, { ...published.data, ...taught }),
    );
  });
  it('refuses to change subjects while they are reviewed', () => {
    update([profileStarted, reviewAsked], { subjects: [physics] }).refused(tutor.SubjectsUnderReview);
    update([...availableTutor, physicsAdded, physicsReviewAsked], { subjects: [maths] }).refused(tutor.SubjectsUnderReview);
  });
  it('refuses to drop the last approved subject', () => update(availableTutor, { subjects: [physics] }).refused(tutor.LastSubject));
  it('is refused to others', () => update([profileStarted], newRate, anotherTutor).refused(tutor.NotYourTutorProfile));
  it('is refused while suspended', () => update([...availableTutor, suspended], newRate).refused(tutor.TutorIsSuspended));
  it('needs a profile', () => update([], newRate).refused(tutor.TutorProfileNotFound));
});

describe('Asking for review', () => {
  const submit = (past: Past, { by = okafor, documentedQualifications = 1 } = {}) =>
    given(tutorProfile, ...past).when(tutor.submitForReview, { tutorId }, { by, facts: { documentedQualifications } });
  const round = (n: number): Past => [
    event(tutor.reviewRequested, { ...reviewAsked.data, round: n }),
    event(tutor.tutorRejected, { ...rejected.data, round: n }),
  ];

  it('opens the first round', () => submit([profileStarted]).then(reviewAsked));
  it('opens another round after a rejection', () =>
    submit([profileStarted, ...round(1)]).then(event(tutor.reviewRequested, { ...reviewAsked.data, round: 2 })));
  it('is nothing new while in review', () => submit([profileStarted, reviewAsked]).alreadySo());
  it('names all that is missing', () =>
    submit([event(tutor.tutorProfileCreated, { tutorId, timeZone: 'Europe/London' })], { documentedQualifications: 0 }).refused(
      tutor.ProfileIncomplete,
      { missing: ['headline', 'bio', 'subjects', 'hourlyRateMinor', 'currency', 'qualification'] },
    ));
  it('is refused when approved', () => submit(availableTutor).refused(tutor.AlreadyApproved));
  it('is refused after five rounds', () =>
    submit([profileStarted, ...[1, 2, 3, 4, 5].flatMap(round)]).refused(tutor.ReviewRoundsExhausted, { rounds: 5 }));
  it('is refused to others', () => submit([profileStarted], { by: anotherTutor }).refused(tutor.NotYourTutorProfile));
  it('is refused while suspended', () => submit([profileStarted, suspended]).refused(tutor.TutorIsSuspended));
});

describe('No longer waiting for review', () => {
  const withdraw = (past: Past, round: number) => given(tutorProfile, ...past).when(tutor.withdrawReviewRequest, { tutorId, round });
  it('puts the profile back', () =>
    withdraw([profileStarted, reviewAsked], 1).then(event(tutor.reviewRequestWithdrawn, { tutorId, round: 1, partial: false })));
  it('drops the subjects that only waited for it', () => {
    const partial = event(tutor.reviewRequestWithdrawn, { tutorId, round: 2, partial: true });
    const past: Past = [...availableTutor, physicsAdded, physicsReviewAsked];
    withdraw(past, 2).then(partial);
    const state = fold(tutorProfile, [...past, partial]);
    expect([state.status, state.profile?.subjects]).toEqual(['Available', [maths]]);
  });
  it('is nothing new for a round that is over', () => withdraw([profileStarted, reviewAsked, approved], 1).alreadySo());
  it('needs a profile', () => withdraw([], 1).refused(tutor.TutorProfileNotFound));
});

describe('Approving', () => {
  const approve = (past: Past, { by = SYSTEM, round = 1 as number | undefined } = {}) =>
    given(tutorProfile, ...past).when(tutor.approveTutor, { tutorId, ...(round === undefined ? {} : { round }) }, { by });
  const inReview: Past = [profileStarted, reviewAsked];

  it('follows from a closed review', () => approve(inReview).then(approved));
  it('may be done by a named administrator', () =>
    approve(inReview, { by: reviewer, round: undefined }).then(
      event(tutor.tutorApproved, { ...approved.data, overriddenBy: reviewer.userId! }),
    ));
  it('adds the subjects of a partial review', () =>
    approve([...availableTutor, physicsAdded, physicsReviewAsked], { round: 2 }).then(partialApproval));
  it('is nothing new the second time', () => {
    approve([...inReview, approved]).alreadySo();
    approve(availableTutor, { by: reviewer, round: undefined }).alreadySo();
  });
  it('is refused to an administrator without a name', () => approve(inReview, { by: anonymousAdmin }).refused(tutor.ApprovalNeedsAnAdmin));
  it('is refused to the tutor', () => approve(inReview, { by: okafor }).refused(tutor.ApprovalNeedsAnAdmin));
  it('is refused without an open review', () => approve([profileStarted]).refused(tutor.NoOpenReview));
  it('is refused for a round that is over', () =>
    approve([...inReview, rejected, event(tutor.reviewRequested, { ...reviewAsked.data, round: 2 })]).refused(tutor.NoOpenReview));
  it('is refused while suspended', () => approve([...inReview, suspended]).refused(tutor.TutorIsSuspended));
});

describe('Rejecting', () => {
  const reject = (past: Past, { by = SYSTEM, round = 1 } = {}) =>
    given(tutorProfile, ...past).when(tutor.rejectTutor, { tutorId, round, reasons: [unclear] }, { by });

  it('follows from a closed review', () => reject([profileStarted, reviewAsked]).then(rejected));
  it('is nothing new the second time', () => reject([profileStarted, reviewAsked, rejected]).alreadySo());
  it('of added subjects leaves the tutor available with the old ones', () => {
    const past: Past = [...availableTutor, physicsAdded, physicsReviewAsked];
    const declined = event(tutor.tutorRejected, { tutorId, round: 2, partial: true, reasons: [unclear] });
    reject(past, { round: 2 }).then(declined);
    const state = fold(tutorProfile, [...past, declined]);
    expect([isAvailable(state), state.profile?.subjects]).toEqual([true, [maths]]);
  });
  it('is refused after an approval', () => reject([profileStarted, reviewAsked, approved]).refused(tutor.NoOpenReview));
  it('is refused to people', () => reject([profileStarted, reviewAsked], { by: okafor }).refused(tutor.ApprovalNeedsAnAdmin));
  it('is refused while suspended', () => reject([profileStarted, reviewAsked, suspended]).refused(tutor.TutorIsSuspended));
});

describe('Publishing', () => {
  const publish = (...past: Past) => given(tutorProfile, ...past).when(tutor.publishTutor, { tutorId });

  it('lets students find an approved tutor', () => publish(profileStarted, reviewAsked, approved).then(published));
  it('is nothing new the second time', () => publish(...availableTutor).alreadySo());
  it('shows subjects approved later', () =>
    publish(...availableTutor, physicsAdded, physicsReviewAsked, partialApproval).then(
      event(tutor.tutorAvailableForMatching, { ...published.data, subjects: [maths, physics] }),
    ));
  it('waits while the tutor takes a break', () => publish(...availableTutor, paused).alreadySo());
  it('is refused before approval', () => publish(profileStarted, reviewAsked).refused(tutor.TutorNotApproved, { status: 'InReview' }));
  it('is refused while suspended', () => publish(...availableTutor, suspended).refused(tutor.TutorIsSuspended));
});

describe('Pausing and resuming', () => {
  const pause = (past: Past, by = okafor) => given(tutorProfile, ...past).when(tutor.pauseTutor, { tutorId }, { by });
  const resume = (past: Past, by = okafor) => given(tutorProfile, ...past).when(tutor.resumeTutor, { tutorId }, { by });

  it('takes a break', () => pause(availableTutor).then(paused));
  it('is nothing new when paused', () => pause([...availableTutor, paused]).alreadySo());
  it('is refused before approval', () => pause([profileStarted]).refused(tutor.TutorNotApproved));
  it('is refused to others', () => pause(availableTutor, anotherTutor).refused(tutor.NotYourTutorProfile));
  it('is refused while suspended', () => pause([...availableTutor, suspended]).refused(tutor.TutorIsSuspended));
  it('comes back into search', () => resume([...availableTutor, paused]).then(resumed, published));
  it('comes back with what changed meanwhile', () =>
    resume([...availableTutor, paused, event(tutor.tutorProfileUpdated, { tutorId, hourlyRateMinor: 5000 })]).then(
      resumed,
      event(tutor.tutorAvailableForMatching, { ...published.data, hourlyRateMinor: 5000 }),
    ));
  it('is nothing new when available', () => resume(availableTutor).alreadySo());
  it('cannot come back from nowhere', () => resume([profileStarted]).refused(tutor.TutorNotApproved));
  it('cannot be brought back by others', () => resume([...availableTutor, paused], anotherTutor).refused(tutor.NotYourTutorProfile));
  it('cannot come back while suspended', () => resume([...availableTutor, paused, suspended]).refused(tutor.TutorIsSuspended));
});

describe('Suspending and reinstating', () => {
  const suspend = (past: Past, by: Actor = reviewer) =>
    given(tutorProfile, ...past).when(tutor.suspendTutor, { tutorId, reason: 'complaints' }, { by });
  const reinstate = (past: Past, by: Actor = reviewer) => given(tutorProfile, ...past).when(tutor.reinstateTutor, { tutorId }, { by });

  it('stops a tutor in any state', () => {
    suspend(availableTutor).then(suspended);
    suspend([profileStarted, reviewAsked], SYSTEM).then(event(tutor.tutorSuspended, { ...suspended.data, reviewRound: 1 }));
  });
  it('is nothing new when suspended', () => suspend([...availableTutor, suspended]).alreadySo());
  it('is refused to the tutor', () => suspend(availableTutor, okafor).refused(tutor.ApprovalNeedsAnAdmin));
  it('goes back to where the tutor was', () =>
    reinstate([...availableTutor, paused, suspended]).then(event(tutor.tutorReinstated, { tutorId, status: 'Paused' })));
  it('goes back to a draft when a review was cut short', () =>
    reinstate([profileStarted, reviewAsked, suspended]).then(event(tutor.tutorReinstated, { tutorId, status: 'Draft' })));
  it('is nothing new when not suspended', () => reinstate(availableTutor).alreadySo());
  it('cannot be done by the tutor', () => reinstate([...availableTutor, suspended], okafor).refused(tutor.ApprovalNeedsAnAdmin));
});
