import type { ProcessManager } from '#domain/kernel/consumer.ts';
import { chargeReservedSlot } from './payments/charge-reserved-slot.ts';
import { giveUpUnpaidBooking } from './payments/give-up-unpaid-booking.ts';
import { hearStripe } from './payments/hear-stripe.ts';
import { payTutorAfterLesson } from './payments/pay-tutor-after-lesson.ts';
import { payoutAccountOpens } from './payments/payout-account-opens.ts';
import { recoverFromTutor } from './payments/recover-from-tutor.ts';
import { refundWhatIsOwed } from './payments/refund-what-is-owed.ts';

/** Every policy across aggregates: what the process-manager engine runs. */
export const processManagers: readonly ProcessManager[] = [
  chargeReservedSlot,
  giveUpUnpaidBooking,
  hearStripe,
  refundWhatIsOwed,
  payTutorAfterLesson,
  payoutAccountOpens,
  recoverFromTutor,
];
