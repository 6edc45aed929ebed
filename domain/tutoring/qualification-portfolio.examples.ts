import { event } from '../kernel/event.ts';
import * as portfolio from './qualification-portfolio.ts';
import { tutorId } from './tutor-profile.examples.ts';

export const degreeId = '01939a00-0000-7000-8000-00000000f001';
export const licenceId = '01939a00-0000-7000-8000-00000000f002';
export const reviewId = '01939a00-0000-7000-8000-00000000f0a1';
export const assessmentId = '01939a00-0000-7000-8000-00000000f0b1';
export const degreeFile = { key: `tutor-qualifications/${tutorId}/degree.pdf`, contentType: 'application/pdf', sizeBytes: 120_000 };
export const degree = {
  qualificationId: degreeId,
  kind: 'degree' as const,
  title: 'BSc Mathematics',
  institution: 'University of Leeds',
  awardedOn: '2012-07-01',
};
export const licence = {
  qualificationId: licenceId,
  kind: 'teaching_licence' as const,
  title: 'Qualified Teacher Status',
  institution: 'DfE',
  expiresOn: '2027-08-31',
};
export const degreeAdded = event(portfolio.qualificationsAdded, { tutorId, qualifications: [{ ...degree, document: degreeFile }] });
export const licenceAdded = event(portfolio.qualificationsAdded, { tutorId, qualifications: [licence] });
export const frozen = event(portfolio.portfolioFrozen, { tutorId, reviewId });
export const unfrozen = event(portfolio.portfolioUnfrozen, { tutorId, reviewId });
export const degreeVerified = event(portfolio.qualificationStatusChanged, {
  tutorId,
  reviewId,
  assessmentId,
  qualificationId: degreeId,
  status: 'verified',
});
