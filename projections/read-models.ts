import type { ReadModel } from '#domain/kernel/consumer.ts';
import { parentConsents } from './identity/parent-consents.ts';
import { studentProfiles } from './identity/student-profiles.ts';
import { userAccounts } from './identity/user-accounts.ts';
import { adminReviews } from './tutoring/admin-reviews.ts';
import { qualifications } from './tutoring/qualifications.ts';
import { tutorProfiles } from './tutoring/tutor-profiles.ts';

/** Every read model of the system: what the projection engine runs, rebuilds and verifies. */
export const readModels: readonly ReadModel[] = [
  userAccounts,
  studentProfiles,
  parentConsents,
  tutorProfiles,
  qualifications,
  adminReviews,
];
