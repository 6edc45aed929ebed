import type { ReadModel } from '#domain/kernel/consumer.ts';
import { lessonFiles } from './lessons/lesson-files.ts';
import { lessonMessages } from './lessons/lesson-messages.ts';
import { lessonRooms } from './lessons/lesson-rooms.ts';
import { lessons } from './lessons/lessons.ts';
import { availabilityExceptions, tutorAvailability } from './lessons/tutor-availability.ts';
import { tutorSlots } from './lessons/tutor-slots.ts';
import { chatChannels } from './matching/chat-channels.ts';
import { chatMessages } from './matching/chat-messages.ts';
import { connectionRequests } from './matching/connection-requests.ts';
import { matches } from './matching/matches.ts';
import { searchGate } from './matching/search-gate.ts';
import { tutorSearch } from './matching/tutor-search.ts';
import { ledger } from './payments/ledger.ts';
import { moneyQuestions } from './payments/money-questions.ts';
import { payers } from './payments/payers.ts';
import { payments } from './payments/payments.ts';
import { payoutAccounts } from './payments/payout-accounts.ts';
import { payouts } from './payments/payouts.ts';
import { parentConsents } from './identity/parent-consents.ts';
import { studentProfiles } from './identity/student-profiles.ts';
import { userAccounts } from './identity/user-accounts.ts';
import { adminReviews } from './tutoring/admin-reviews.ts';
import { qualifications } from './tutoring/qualifications.ts';
import { tutorProfiles } from './tutoring/tutor-profiles.ts';

/** Every read model of the system: what the projection engine runs, rebuilds and verifies. */
export const readModels: readonly ReadModel[] = [
  connectionRequests,
  matches,
  chatChannels,
  chatMessages,
  searchGate,
  tutorSearch,
  lessons,
  lessonRooms,
  lessonMessages,
  lessonFiles,
  tutorAvailability,
  availabilityExceptions,
  tutorSlots,
  userAccounts,
  studentProfiles,
  parentConsents,
  tutorProfiles,
  qualifications,
  adminReviews,
  payments,
  ledger,
  payouts,
  payoutAccounts,
  payers,
  moneyQuestions,
];
