import { allows, parentConsent } from './identity/parent-consent.ts';
import { isMinor, isReady, studentProfile } from './identity/student-profile.ts';
import { of, provideFacts, type FactProvider } from './kernel/facts.ts';
import { pairId } from './kernel/ids.ts';
import { bookLesson, confirmLesson, endLesson, failBooking, recordSlot, startLesson } from './lessons/lesson-booking.messages.ts';
import { isLive, lessonBooking, type LessonBookingState } from './lessons/lesson-booking.ts';
import { confirmSlot, holdSlot, releaseSlot, tutorCalendar } from './lessons/tutor-calendar.ts';
import { closeVideoRoom, issueJoinToken, provisionVideoRoom, videoSession } from './lessons/video-session.ts';
import { studentTutorMatch } from './matching/student-tutor-match.ts';
import { paymentIdOf } from './payments/payment-commands.ts';
import type { PaymentState } from './payments/payment-state.ts';
import { paymentTransaction } from './payments/payment-transaction.ts';
import { isAvailable, tutorProfile } from './tutoring/tutor-profile.ts';

const bookingStatus = {
  reads: ({ bookingId }: { bookingId: string }) => ({ booking: of(lessonBooking, bookingId) }),
  facts: ({ booking }: { booking: LessonBookingState }) => ({ bookingStatus: booking.status }),
};
const lessonLive = {
  reads: ({ lessonId }: { lessonId: string }) => ({ booking: of(lessonBooking, lessonId) }),
  facts: ({ booking }: { booking: LessonBookingState }) => ({ lessonLive: isLive(booking) }),
};

/** What was captured for a booking and is still here; null when nothing is, or when Stripe's amounts differ from ours. */
function paidOf({ status, terms, mismatched, refunded }: PaymentState): { amountMinor: number; currency: string } | null {
  const captured = status === 'Captured' || status === 'Released' || status === 'PaidOut';
  if (!captured || terms === undefined || mismatched || refunded > 0) return null;
  return { amountMinor: terms.gross, currency: terms.currency };
}

const moneyAndTime = (bookingId: string, own: LessonBookingState) => ({
  payment: of(paymentTransaction, paymentIdOf(bookingId)),
  calendar: own.lesson === undefined ? undefined : of(tutorCalendar, own.lesson.tutorId),
});

/** Lessons: who may book what, what is paid, whose the time is, and who is there. */
export const lessonsFacts: readonly FactProvider[] = [
  provideFacts(bookLesson, lessonBooking, {
    reads: ({ studentId, tutorId }) => ({
      student: of(studentProfile, studentId),
      tutor: of(tutorProfile, tutorId),
      match: of(studentTutorMatch, pairId(studentId, tutorId)),
    }),
    facts: ({ student, tutor, match }) => ({
      matchActive: match.status === 'Active',
      studentReady: isReady(student),
      tutorAvailable: isAvailable(tutor),
      hourlyRateMinor: tutor.published?.hourlyRateMinor ?? null,
      currency: tutor.published?.currency ?? null,
      timeZone: tutor.published?.timeZone ?? null,
    }),
  }),
  provideFacts(recordSlot, lessonBooking, {
    reads: (_, own) => ({ calendar: own.lesson === undefined ? undefined : of(tutorCalendar, own.lesson.tutorId) }),
    facts: ({ calendar }, { bookingId }) => ({ heldUntil: calendar?.slots[bookingId]?.until ?? null }),
  }),
  provideFacts(confirmLesson, lessonBooking, {
    reads: ({ bookingId }, own) => moneyAndTime(bookingId, own),
    facts: ({ payment, calendar }, { bookingId }) => ({
      paid: paidOf(payment),
      slotConfirmed: calendar?.slots[bookingId]?.status === 'Confirmed',
    }),
  }),
  provideFacts(failBooking, lessonBooking, {
    reads: ({ bookingId }, own) => moneyAndTime(bookingId, own),
    facts: ({ payment, calendar }, { bookingId }) => ({ paid: paidOf(payment), slotOurs: calendar?.slots[bookingId] !== undefined }),
  }),
  provideFacts(startLesson, lessonBooking, {
    reads: ({ bookingId }) => ({ video: of(videoSession, bookingId) }),
    facts: ({ video }) => ({ bothJoinedAt: video.bothJoinedAt ?? null }),
  }),
  provideFacts(endLesson, lessonBooking, {
    reads: ({ bookingId }) => ({ video: of(videoSession, bookingId) }),
    facts: ({ video }) => ({ emptySince: video.emptySince ?? null }),
  }),
  provideFacts(holdSlot, tutorCalendar, bookingStatus),
  provideFacts(confirmSlot, tutorCalendar, bookingStatus),
  provideFacts(releaseSlot, tutorCalendar, bookingStatus),
  provideFacts(provisionVideoRoom, videoSession, lessonLive),
  provideFacts(issueJoinToken, videoSession, {
    reads: ({ lessonId }, own) => ({
      booking: of(lessonBooking, lessonId),
      student: own.room === undefined ? undefined : of(studentProfile, own.room.studentId),
      consent: own.room === undefined ? undefined : of(parentConsent, own.room.studentId),
    }),
    facts: ({ booking, student, consent }) => ({
      lessonLive: isLive(booking),
      studentMayBeRecorded: student !== undefined && consent !== undefined && (!isMinor(student) || allows(consent, 'recording')),
    }),
  }),
  provideFacts(closeVideoRoom, videoSession, lessonLive),
];
