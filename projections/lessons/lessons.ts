import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';

export interface LessonRow {
  readonly bookingId: string;
  readonly studentId: string;
  readonly tutorId: string;
  readonly payerId: string;
  readonly subject: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly minutes: number;
  readonly tutorTimeZone: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: 'Initiated' | 'Reserved' | 'Confirmed' | 'InProgress' | 'Completed' | 'Disputed' | 'Settled' | 'Failed';
  readonly failedBecause: string | null;
  readonly bookedAt: string;
  /** Until when the time is held for payment; null when it is not, or no more. */
  readonly heldUntil: string | null;
  readonly confirmedAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly actualSeconds: number | null;
  readonly endedBy: string | null;
  readonly shortfallSeconds: number | null;
}

const booking = (event: { data: { bookingId: string } }, apply: (row: LessonRow) => LessonRow): Change<LessonRow> =>
  change(event.data.bookingId, apply);

export const lessons: ReadModel<LessonRow, Events> = {
  name: 'lessons',
  context: 'lessons',
  version: 1,
  sentence: 'Bookings and what became of them.',
  columns: {
    bookingId: 'uuid',
    studentId: 'uuid',
    tutorId: 'uuid',
    payerId: 'uuid',
    subject: 'text',
    startsAt: 'instant',
    endsAt: 'instant',
    minutes: 'integer',
    tutorTimeZone: 'text',
    amountMinor: 'bigint',
    currency: 'text',
    status: 'text',
    failedBecause: 'text?',
    bookedAt: 'instant',
    heldUntil: 'instant?',
    confirmedAt: 'instant?',
    startedAt: 'instant?',
    endedAt: 'instant?',
    actualSeconds: 'integer?',
    endedBy: 'text?',
    shortfallSeconds: 'integer?',
  },
  indexes: [['studentId', 'startsAt'], ['tutorId', 'startsAt'], ['payerId', 'startsAt'], ['startsAt']],
  on: {
    BookingInitiated: ({ at, data: { quote, policy: _policy, ...lesson } }) =>
      put(lesson.bookingId, {
        ...lesson,
        amountMinor: quote.amountMinor,
        currency: quote.currency,
        status: 'Initiated',
        failedBecause: null,
        bookedAt: at,
        heldUntil: null,
        confirmedAt: null,
        startedAt: null,
        endedAt: null,
        actualSeconds: null,
        endedBy: null,
        shortfallSeconds: null,
      }),
    TimeSlotReserved: (event) => booking(event, (row) => ({ ...row, status: 'Reserved', heldUntil: event.data.until })),
    LessonConfirmed: (event) => booking(event, (row) => ({ ...row, status: 'Confirmed', heldUntil: null, confirmedAt: event.at })),
    BookingFailed: (event) => booking(event, (row) => ({ ...row, status: 'Failed', heldUntil: null, failedBecause: event.data.reason })),
    LessonStarted: (event) => booking(event, (row) => ({ ...row, status: 'InProgress', startedAt: event.data.startedAt })),
    LessonCompleted: (event) =>
      booking(event, (row) => ({
        ...row,
        status: 'Completed',
        endedAt: event.data.endedAt,
        actualSeconds: event.data.actualSeconds,
        endedBy: event.data.endedBy,
        shortfallSeconds: event.data.shortfall,
      })),
    LessonInterrupted: (event) => booking(event, (row) => ({ ...row, status: 'Disputed' })),
    BookingSettled: (event) => booking(event, (row) => ({ ...row, status: 'Settled' })),
  },
};
