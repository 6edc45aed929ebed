import type { ProcessManager } from '#domain/kernel/consumer.ts';
import { bookingToSlot } from './lessons/booking-to-slot.ts';
import { checkAnnouncedFile } from './lessons/check-announced-file.ts';
import { paymentToConfirmation } from './lessons/payment-to-confirmation.ts';
import { prepareConfirmedLesson } from './lessons/prepare-confirmed-lesson.ts';
import { presenceToLesson } from './lessons/presence-to-lesson.ts';
import { tellOfLessons } from './lessons/tell-of-lessons.ts';
import { answerInADay } from './matching/answer-in-a-day.ts';
import { connectionToMatch } from './matching/connection-to-match.ts';
import { matchToChat } from './matching/match-to-chat.ts';
import { tellOfRequests } from './matching/tell-of-requests.ts';
import { accountToSignIn } from './identity/account-to-sign-in.ts';
import { askForConsent } from './identity/ask-for-consent.ts';
import { studentReadiness } from './identity/student-readiness.ts';
import { verifyNewAccounts } from './identity/verify-new-accounts.ts';
import { chargeReservedSlot } from './payments/charge-reserved-slot.ts';
import { giveUpUnpaidBooking } from './payments/give-up-unpaid-booking.ts';
import { hearStripe } from './payments/hear-stripe.ts';
import { payTutorAfterLesson } from './payments/pay-tutor-after-lesson.ts';
import { payoutAccountOpens } from './payments/payout-account-opens.ts';
import { recoverFromTutor } from './payments/recover-from-tutor.ts';
import { refundWhatIsOwed } from './payments/refund-what-is-owed.ts';
import { reviewTutors } from './tutoring/review-tutors.ts';
import { tellTutors } from './tutoring/tell-tutors.ts';

/** Every policy across aggregates: what the process-manager engine runs. */
export const processManagers: readonly ProcessManager[] = [
  verifyNewAccounts,
  accountToSignIn,
  studentReadiness,
  askForConsent,
  reviewTutors,
  tellTutors,
  answerInADay,
  connectionToMatch,
  matchToChat,
  tellOfRequests,
  bookingToSlot,
  paymentToConfirmation,
  prepareConfirmedLesson,
  presenceToLesson,
  checkAnnouncedFile,
  tellOfLessons,
  chargeReservedSlot,
  giveUpUnpaidBooking,
  hearStripe,
  refundWhatIsOwed,
  payTutorAfterLesson,
  payoutAccountOpens,
  recoverFromTutor,
];
