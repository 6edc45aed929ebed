import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { MINUTE, plus } from '#domain/kernel/time.ts';
import {
  completed,
  confirmed,
  failedFor,
  heldUntil,
  initiated,
  interrupted,
  miaBooksOkafor,
  reserved,
  settled,
  slotFree,
  started,
  wednesdayAtFour,
} from '#domain/lessons/lesson-booking.examples.ts';
import { lessons } from './lessons.ts';

const { bookingId } = miaBooksOkafor;
const rows = (...events: readonly DomainEvent[]) =>
  rowsAfter(
    lessons,
    ...events.map((one, nth) =>
      recorded(one, { aggregateType: 'LessonBooking', aggregateId: bookingId, nth, at: plus(MONDAY_NOON, nth * MINUTE) }),
    ),
  );
const booked = {
  ...miaBooksOkafor,
  ...wednesdayAtFour,
  payerId: miaBooksOkafor.studentId,
  subject: 'mathematics',
  minutes: 60,
  tutorTimeZone: 'Europe/London',
  amountMinor: 4000,
  currency: 'eur',
  status: 'Initiated',
  failedBecause: null,
  bookedAt: MONDAY_NOON,
  heldUntil: null,
  confirmedAt: null,
  startedAt: null,
  endedAt: null,
  actualSeconds: null,
  endedBy: null,
  shortfallSeconds: null,
};
const sure = { ...booked, status: 'Confirmed', confirmedAt: plus(MONDAY_NOON, 2 * MINUTE) };
const over = {
  ...sure,
  status: 'Completed',
  startedAt: wednesdayAtFour.startsAt,
  endedAt: wednesdayAtFour.endsAt,
  actualSeconds: 3600,
  endedBy: 'tutor',
  shortfallSeconds: 0,
};

describe('The list of lessons', () => {
  it('shows a booking with its price', () => expect(rows(initiated)).toEqual({ [bookingId]: booked }));
  it('shows until when the time is held', () =>
    expect(rows(initiated, reserved)).toEqual({ [bookingId]: { ...booked, status: 'Reserved', heldUntil } }));
  it('shows a confirmed lesson', () => expect(rows(initiated, reserved, confirmed)).toEqual({ [bookingId]: sure }));
  it('shows why a booking failed', () =>
    expect(rows(initiated, reserved, failedFor('payment_failed'), slotFree)).toEqual({
      [bookingId]: { ...booked, status: 'Failed', failedBecause: 'payment_failed' },
    }));
  it('shows a lesson under way', () =>
    expect(rows(initiated, reserved, confirmed, started)).toEqual({
      [bookingId]: { ...sure, status: 'InProgress', startedAt: wednesdayAtFour.startsAt },
    }));
  it('shows how long it took', () => expect(rows(initiated, reserved, confirmed, started, completed)).toEqual({ [bookingId]: over }));
  it('shows that it is settled', () =>
    expect(rows(initiated, reserved, confirmed, started, completed, settled)).toEqual({ [bookingId]: { ...over, status: 'Settled' } }));
  it('shows that somebody must decide', () =>
    expect(rows(initiated, reserved, confirmed, interrupted)).toEqual({ [bookingId]: { ...sure, status: 'Disputed' } }));
});
