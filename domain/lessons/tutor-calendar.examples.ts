import { event } from '../kernel/event.ts';
import { heldUntil, miaBooksOkafor, wednesdayAtFour } from './lesson-booking.examples.ts';
import { DEFAULT_TERMS } from './availability.ts';
import * as calendar from './tutor-calendar.ts';

const { bookingId, studentId, tutorId } = miaBooksOkafor;

/** Mr Okafor teaches on Wednesdays from two to eight in London. */
export const wednesdays = { timeZone: 'Europe/London', weekly: [{ weekday: 3, from: '14:00', to: '20:00' }] };

export const hoursSet = event(calendar.availabilityRulesSet, { tutorId, ...wednesdays, terms: DEFAULT_TERMS });
export const dayOff = event(calendar.availabilityExceptionAdded, { tutorId, date: '2026-11-25', windows: [] });
export const held = event(calendar.slotHeld, {
  tutorId,
  bookingId,
  studentId,
  ...wednesdayAtFour,
  blockedFrom: wednesdayAtFour.startsAt,
  blockedTo: '2026-11-25T17:10:00.000Z',
  until: heldUntil,
});
export const taken = event(calendar.slotConfirmed, { tutorId, bookingId });
export const freed = event(calendar.slotReleased, { tutorId, bookingId });
