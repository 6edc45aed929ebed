import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { confirmLesson, failBooking } from '#domain/lessons/lesson-booking.messages.ts';
import { confirmSlot } from '#domain/lessons/tutor-calendar.ts';

/** Payment Required Before Confirmation Policy. What is owed back follows from the booking that failed. */
export const paymentToConfirmation: ProcessManager<Events> = {
  name: 'payment-to-confirmation',
  context: 'lessons',
  sentence:
    'A paid booking takes its slot for good and is confirmed; when the slot is lost or the lesson’s time is over, the booking fails.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    PaymentProcessed: ({ data: { bookingId, tutorId } }) => {
      const tooLate = command(failBooking, { bookingId, reason: 'hold_expired' });
      const mismatch = command(failBooking, { bookingId, reason: 'payment_mismatch' });
      return [
        now(command(confirmSlot, { tutorId, bookingId }), {
          settledBy: ['booking_ended'],
          otherwise: { slot_lost: command(failBooking, { bookingId, reason: 'slot_taken' }), lesson_time_over: tooLate },
        }),
        now(command(confirmLesson, { bookingId }), {
          settledBy: ['booking_ended'],
          otherwise: { booking_not_paid: mismatch, payment_mismatch: mismatch, lesson_time_over: tooLate },
        }),
      ];
    },
  },
};
