import { describe, expect, it } from '@jest/globals';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import {
  assessmentId,
  degree,
  degreeAdded,
  degreeFile,
  degreeId,
  degreeVerified,
  frozen,
  licence,
  licenceAdded,
  licenceId,
  reviewId,
  unfrozen,
} from './qualification-portfolio.examples.ts';
import * as portfolio from './qualification-portfolio.ts';
import { anotherTutor, okafor, tutorId } from './tutor-profile.examples.ts';

const { qualificationPortfolio } = portfolio;
type Past = readonly portfolio.QualificationPortfolioEvent[];

describe('Adding qualifications', () => {
  type File = typeof degreeFile;
  const add = (
    past: Past,
    { by = okafor, profileExists = true, key = degreeFile.key, stored = degreeFile as File | null, title = degree.title } = {},
  ) =>
    given(qualificationPortfolio, ...past).when(
      portfolio.addQualifications,
      { tutorId, qualifications: [{ ...degree, title, documentKey: key, document: stored }] },
      { by, facts: { profileExists } },
    );

  it('keeps them with what the storage says of the document', () => add([]).then(degreeAdded));
  it('may come without a document', () =>
    given(qualificationPortfolio, degreeAdded)
      .when(portfolio.addQualifications, { tutorId, qualifications: [licence] }, { by: okafor, facts: { profileExists: true } })
      .then(licenceAdded));
  it('is nothing new the second time, even when frozen', () => add([degreeAdded, frozen]).alreadySo());
  it('is refused when the id belongs to another qualification', () =>
    add([degreeAdded], { title: 'MSc' }).refused(portfolio.QualificationIdTaken));
  it('is refused for somebody else', () => add([], { by: anotherTutor }).refused(portfolio.NotYourPortfolio));
  it('is refused without a profile', () => add([], { profileExists: false }).refused(portfolio.TutorProfileMissing));
  it('is refused while under review', () => add([frozen]).refused(portfolio.PortfolioUnderReview));
  it('is refused when nothing was uploaded', () => add([], { stored: null }).refused(portfolio.DocumentNotUploaded));
  it('is refused with the document of another tutor', () => {
    const key = `tutor-qualifications/${anotherTutor.userId}/degree.pdf`;
    add([], { key, stored: { ...degreeFile, key } }).refused(portfolio.DocumentNotYours);
  });
  it('is refused with another type of file', () =>
    add([], { stored: { ...degreeFile, contentType: 'text/html' } }).refused(portfolio.DocumentTypeNotAllowed));
  it('is refused beyond 10 MB', () => {
    add([], { stored: { ...degreeFile, sizeBytes: portfolio.DOCUMENT_MAX_BYTES + 1 } }).refused(portfolio.DocumentTooLarge);
  });
  it('is refused beyond thirty', () => {
    const ids = Array.from({ length: 30 }, (_, n) => `01939a00-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`);
    const full = event(portfolio.qualificationsAdded, {
      tutorId,
      qualifications: ids.map((qualificationId) => ({ ...licence, qualificationId })),
    });
    add([full]).refused(portfolio.TooManyQualifications, { most: 30 });
  });
});

describe('Removing a qualification', () => {
  const remove = (past: Past, by = okafor) =>
    given(qualificationPortfolio, ...past).when(portfolio.removeQualification, { tutorId, qualificationId: degreeId }, { by });
  const removed = event(portfolio.qualificationRemoved, { tutorId, qualificationId: degreeId });

  it('takes it back', () => remove([degreeAdded]).then(removed));
  it('is refused the second time', () => remove([degreeAdded, removed]).refused(portfolio.QualificationNotFound));
  it('is refused while under review', () => remove([degreeAdded, frozen]).refused(portfolio.PortfolioUnderReview));
  it('is refused to others', () => remove([degreeAdded], anotherTutor).refused(portfolio.NotYourPortfolio));
});

describe('Freezing for review', () => {
  const freeze = (...past: Past) => given(qualificationPortfolio, ...past).when(portfolio.freezePortfolio, { tutorId, reviewId });
  const unfreeze = (id: string, ...past: Past) =>
    given(qualificationPortfolio, ...past).when(portfolio.unfreezePortfolio, { tutorId, reviewId: id });

  it('keeps everything as it is', () => freeze(degreeAdded).then(frozen));
  it('is nothing new the second time', () => freeze(degreeAdded, frozen).alreadySo());
  it('may follow an answer to the reviewer', () => freeze(degreeAdded, frozen, unfrozen).then(frozen));
  it('ends with the review', () => unfreeze(reviewId, degreeAdded, frozen).then(unfrozen));
  it('is not ended twice', () => unfreeze(reviewId, degreeAdded, frozen, unfrozen).alreadySo());
  it('is not ended by another review', () => unfreeze(degreeId, degreeAdded, frozen).alreadySo());
});

describe('Taking over an assessment', () => {
  const apply = (status: portfolio.Verdict, ...past: Past) =>
    given(qualificationPortfolio, ...past).when(portfolio.applyAssessment, {
      tutorId,
      reviewId,
      assessmentId,
      items: [{ qualificationId: degreeId, status }],
    });

  it('changes the status of each item', () => apply('verified', degreeAdded, frozen).then(degreeVerified));
  it('is nothing new the second time', () => apply('verified', degreeAdded, degreeVerified).alreadySo());
  it('does not bring an earlier verdict back when it is taken over again', () => {
    const later = event(portfolio.qualificationStatusChanged, { ...degreeVerified.data, assessmentId: reviewId, status: 'rejected' });
    apply('verified', degreeAdded, degreeVerified, later).alreadySo();
  });
  it('passes over what is no longer there', () => apply('verified', licenceAdded).alreadySo());
  it('leaves the verified ones out of the next review', () => {
    const items = (...past: Past) =>
      portfolio.itemsToReview(fold(qualificationPortfolio, past)).map(({ qualificationId }) => qualificationId);
    expect(items(degreeAdded, licenceAdded)).toEqual([degreeId]);
    expect(items(degreeAdded, degreeVerified)).toEqual([]);
  });
});

describe('A qualification out of date', () => {
  const expire = (at: string, past: Past, qualificationId = licenceId) =>
    given(qualificationPortfolio, ...past).when(portfolio.expireQualification, { tutorId, qualificationId }, { at });
  const expired = event(portfolio.qualificationExpired, { tutorId, qualificationId: licenceId });

  it('expires the day after its last', () => expire('2027-09-01T00:00:00.000Z', [licenceAdded]).then(expired));
  it('is refused on its last day', () => expire('2027-08-31T23:59:59.999Z', [licenceAdded]).refused(portfolio.QualificationStillValid));
  it('is refused when it never ends', () => expire(MONDAY_NOON, [degreeAdded], degreeId).refused(portfolio.QualificationStillValid));
  it('is nothing new the second time', () => expire('2027-09-02T00:00:00.000Z', [licenceAdded, expired]).alreadySo());
});
