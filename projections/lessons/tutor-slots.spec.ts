import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { miaBooksOkafor } from '#domain/lessons/lesson-booking.examples.ts';
import { dayOff, freed, held, hoursSet, taken } from '#domain/lessons/tutor-calendar.examples.ts';
import { availabilityExceptions, tutorAvailability } from './tutor-availability.ts';
import { tutorSlots } from './tutor-slots.ts';

const { bookingId, tutorId } = miaBooksOkafor;
const happened = (...events: readonly DomainEvent[]) =>
  events.map((one, nth) => recorded(one, { aggregateType: 'TutorCalendar', aggregateId: tutorId, nth }));

describe('The hours of tutors', () => {
  it('are those set last', () => expect(rowsAfter(tutorAvailability, ...happened(hoursSet))).toEqual({ [tutorId]: hoursSet.data }));
  it('differ on single dates', () =>
    expect(rowsAfter(availabilityExceptions, ...happened(hoursSet, dayOff))).toEqual({ [`${tutorId}/2026-11-25`]: dayOff.data }));
});

describe('The times in use', () => {
  const { until, ...slot } = held.data;
  it('are held at first', () => expect(rowsAfter(tutorSlots, ...happened(held))).toEqual({ [bookingId]: { ...slot, heldUntil: until } }));
  it('are taken once paid', () =>
    expect(rowsAfter(tutorSlots, ...happened(held, taken))).toEqual({ [bookingId]: { ...slot, heldUntil: null } }));
  it('go when released', () => expect(rowsAfter(tutorSlots, ...happened(held, freed))).toEqual({}));
});
