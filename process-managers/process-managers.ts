import type { ProcessManager } from '#domain/kernel/consumer.ts';
import { bookingToSlot } from './lessons/booking-to-slot.ts';
import { checkAnnouncedFile } from './lessons/check-announced-file.ts';
import { paymentToConfirmation } from './lessons/payment-to-confirmation.ts';
import { prepareConfirmedLesson } from './lessons/prepare-confirmed-lesson.ts';
import { presenceToLesson } from './lessons/presence-to-lesson.ts';
import { answerInADay } from './matching/answer-in-a-day.ts';
import { connectionToMatch } from './matching/connection-to-match.ts';
import { matchToChat } from './matching/match-to-chat.ts';
import { chargeReservedSlot } from './payments/charge-reserved-slot.ts';
import { giveUpUnpaidBooking } from './payments/give-up-unpaid-booking.ts';
import { hearStripe } from './payments/hear-stripe.ts';
import { payTutorAfterLesson } from './payments/pay-tutor-after-lesson.ts';
import { payoutAccountOpens } from './payments/payout-account-opens.ts';
import { recoverFromTutor } from './payments/recover-from-tutor.ts';
import { refundWhatIsOwed } from './payments/refund-what-is-owed.ts';

/** Every policy across aggregates: what the process-manager engine runs. */
export const processManagers: readonly ProcessManager[] = [
  answerInADay,
  connectionToMatch,
  matchToChat,
  bookingToSlot,
  paymentToConfirmation,
  prepareConfirmedLesson,
  presenceToLesson,
  checkAnnouncedFile,
  chargeReservedSlot,
  giveUpUnpaidBooking,
  hearStripe,
  refundWhatIsOwed,
  payTutorAfterLesson,
  payoutAccountOpens,
  recoverFromTutor,
];
