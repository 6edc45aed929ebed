import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { failBooking, recordSlot } from '#domain/lessons/lesson-booking.messages.ts';
import { holdSlot, releaseSlot } from '#domain/lessons/tutor-calendar.ts';

/** A slot before the money: the time is held before anybody pays, and given back when nothing comes of the booking. */
export const bookingToSlot: ProcessManager<Events> = {
  name: 'booking-to-slot',
  context: 'lessons',
  sentence: 'A booking holds its time in the calendar, or fails; a failed one gives the time back.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    BookingInitiated: ({ data: { bookingId, studentId, tutorId, startsAt, endsAt } }) => {
      const taken = command(failBooking, { bookingId, reason: 'slot_taken' });
      return now(command(holdSlot, { tutorId, bookingId, studentId, startsAt, endsAt }), {
        settledBy: ['booking_ended'],
        otherwise: { slot_taken: taken, outside_availability: taken, availability_not_set: taken },
      });
    },
    SlotHeld: ({ data: { bookingId, tutorId } }) =>
      now(command(recordSlot, { bookingId }), {
        otherwise: {
          booking_ended: command(releaseSlot, { tutorId, bookingId }),
          slot_not_held: command(failBooking, { bookingId, reason: 'slot_taken' }),
        },
      }),
    BookingFailed: ({ data: { bookingId, tutorId } }) => now(command(releaseSlot, { tutorId, bookingId })),
  },
};
