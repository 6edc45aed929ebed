import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import * as booking from './lesson-booking.messages.ts';

/** A believable booking: on Monday at noon Mia books an hour of mathematics with Mr Okafor, for Wednesday at four, at 40 euros an hour. */
export const miaBooksOkafor = {
  bookingId: '01939a00-0000-7000-8000-0000000000e1',
  studentId: '01939a00-0000-7000-8000-0000000000a1',
  tutorId: '01939a00-0000-7000-8000-0000000000b1',
};
export const mia: Actor = { role: 'student', userId: miaBooksOkafor.studentId };
export const okafor: Actor = { role: 'tutor', userId: miaBooksOkafor.tutorId };
export const miasParent: Actor = { role: 'parent', userId: '01939a00-0000-7000-8000-0000000000d1', actingFor: miaBooksOkafor.studentId };
export const stranger: Actor = { role: 'student', userId: '01939a00-0000-7000-8000-0000000000ff' };

export const wednesdayAtFour = { startsAt: '2026-11-25T16:00:00.000Z', endsAt: '2026-11-25T17:00:00.000Z' };
export const fortyEuros = { amountMinor: 4000, currency: 'eur' as const, hourlyRateMinor: 4000, feeBps: 2000 };
export const heldUntil = '2026-11-23T12:15:00.000Z';
const lesson = { ...miaBooksOkafor, ...wednesdayAtFour };

export const initiated = event(booking.bookingInitiated, {
  ...lesson,
  payerId: miaBooksOkafor.studentId,
  subject: 'mathematics',
  minutes: 60,
  tutorTimeZone: 'Europe/London',
  quote: fortyEuros,
  policy: { freeCancellationHours: 24 },
});
export const reserved = event(booking.timeSlotReserved, {
  ...lesson,
  payerId: miaBooksOkafor.studentId,
  quote: fortyEuros,
  until: heldUntil,
});
export const confirmed = event(booking.lessonConfirmed, lesson);
export const failedFor = (reason: 'slot_taken' | 'payment_failed' | 'hold_expired' | 'payment_mismatch') =>
  event(booking.bookingFailed, { ...miaBooksOkafor, reason });
export const slotFree = event(booking.timeSlotReleased, miaBooksOkafor);
export const started = event(booking.lessonStarted, { ...lesson, startedAt: wednesdayAtFour.startsAt });
export const completed = event(booking.lessonCompleted, {
  ...miaBooksOkafor,
  endedAt: wednesdayAtFour.endsAt,
  actualSeconds: 3600,
  endedBy: 'tutor',
  shortfall: 0,
});
export const interrupted = event(booking.lessonInterrupted, { ...miaBooksOkafor, reason: 'video_failed' });
export const settled = event(booking.bookingSettled, miaBooksOkafor);
