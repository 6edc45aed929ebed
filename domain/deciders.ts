import type { Command } from './kernel/command.ts';
import type { AnyDecider, Decider } from './kernel/decider.ts';
import type { DomainEvent } from './kernel/event.ts';
import { auditTrail } from './identity/audit-trail.ts';
import { emailReservation } from './identity/email-reservation.ts';
import { mailDelivery } from './identity/mail-delivery.ts';
import { parentConsent } from './identity/parent-consent.ts';
import { studentProfile } from './identity/student-profile.ts';
import { userAccount } from './identity/user-account.ts';
import { lessonBooking } from './lessons/lesson-booking.ts';
import { lessonChat } from './lessons/lesson-chat.ts';
import { tutorCalendar } from './lessons/tutor-calendar.ts';
import { videoSession } from './lessons/video-session.ts';
import { chatChannel } from './matching/chat-channel.ts';
import { connectionAllowance } from './matching/connection-allowance.ts';
import { connectionGuard } from './matching/connection-guard.ts';
import { connectionRequest } from './matching/connection-request.ts';
import { searchSession } from './matching/search-session.ts';
import { studentTutorMatch } from './matching/student-tutor-match.ts';
import { payerAccount } from './payments/payer-account.ts';
import { paymentTransaction } from './payments/payment-transaction.ts';
import { stripeEvent } from './payments/stripe-event.ts';
import { tutorPayoutAccount } from './payments/tutor-payout-account.ts';
import { adminReviewSession } from './tutoring/admin-review-session.ts';
import { qualificationPortfolio } from './tutoring/qualification-portfolio.ts';
import { tutorProfile } from './tutoring/tutor-profile.ts';

/** Every aggregate of the system. Routes, codec, catalogue and subscription filters come from this list. */
const list = [
  userAccount,
  emailReservation,
  studentProfile,
  parentConsent,
  mailDelivery,
  auditTrail,
  tutorProfile,
  qualificationPortfolio,
  adminReviewSession,
  connectionRequest,
  connectionGuard,
  connectionAllowance,
  studentTutorMatch,
  chatChannel,
  searchSession,
  lessonBooking,
  tutorCalendar,
  videoSession,
  lessonChat,
  paymentTransaction,
  tutorPayoutAccount,
  payerAccount,
  stripeEvent,
] as const;

type EventOfDecider<D> = D extends Decider<infer _S, infer _C, infer E> ? E : never;

/** Any event of the system. */
export type AnyEvent = EventOfDecider<(typeof list)[number]>;

/** Every event of the system by its name: what consumers' maps are typed by. */
export type Events = { [E in AnyEvent as E['type']]: E };

export const deciders: readonly AnyDecider[] = list as readonly unknown[] as readonly Decider<unknown, Command, DomainEvent>[];
