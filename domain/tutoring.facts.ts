import { isActive, userAccount } from './identity/user-account.ts';
import { of, provideFacts, type FactProvider } from './kernel/facts.ts';
import { provideMoreInformation, queueReview } from './tutoring/admin-review-session.messages.ts';
import { adminReviewSession } from './tutoring/admin-review-session.ts';
import { addQualifications, itemsToReview, qualificationPortfolio, reviewable } from './tutoring/qualification-portfolio.ts';
import { createTutorProfile, submitForReview } from './tutoring/tutor-profile.messages.ts';
import { tutorProfile } from './tutoring/tutor-profile.ts';

/** Tutoring: profiles, qualifications and their review. */
export const tutoringFacts: readonly FactProvider[] = [
  provideFacts(createTutorProfile, tutorProfile, {
    reads: ({ tutorId }) => ({ user: of(userAccount, tutorId) }),
    facts: ({ user }) => ({ account: user.account === undefined ? null : { ...user.account, active: isActive(user) } }),
  }),
  provideFacts(submitForReview, tutorProfile, {
    reads: ({ tutorId }) => ({ portfolio: of(qualificationPortfolio, tutorId) }),
    facts: ({ portfolio }) => ({ documentedQualifications: reviewable(portfolio).length }),
  }),
  provideFacts(addQualifications, qualificationPortfolio, {
    reads: ({ tutorId }) => ({ tutor: of(tutorProfile, tutorId) }),
    facts: ({ tutor }) => ({ profileExists: tutor.profile !== undefined }),
  }),
  provideFacts(queueReview, adminReviewSession, {
    reads: ({ tutorId }) => ({ portfolio: of(qualificationPortfolio, tutorId) }),
    facts: ({ portfolio }) => ({ items: itemsToReview(portfolio) }),
  }),
  provideFacts(provideMoreInformation, adminReviewSession, {
    reads: (_, own) => ({ portfolio: own.about === undefined ? undefined : of(qualificationPortfolio, own.about.tutorId) }),
    facts: ({ portfolio }) => ({ items: portfolio === undefined ? [] : itemsToReview(portfolio) }),
  }),
];
