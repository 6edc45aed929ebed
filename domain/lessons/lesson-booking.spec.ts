import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { DAY, MINUTE, plus } from '../kernel/time.ts';
import {
  completed,
  confirmed,
  failedFor,
  fortyEuros,
  heldUntil,
  initiated,
  interrupted,
  mia,
  miaBooksOkafor,
  miasParent,
  okafor,
  reserved,
  settled,
  slotFree,
  started,
  stranger,
  wednesdayAtFour,
} from './lesson-booking.examples.ts';
import * as refusal from './lesson-booking.refusals.ts';
import * as booking from './lesson-booking.messages.ts';
import { lessonBooking } from './lesson-booking.ts';
import { isLive } from './lesson-booking.ts';

const { bookingId } = miaBooksOkafor;
const { startsAt, endsAt } = wednesdayAtFour;
type Past = readonly booking.LessonBookingEvent[];

const toReserved: Past = [initiated, reserved];
const toConfirmed: Past = [...toReserved, confirmed];
const toStarted: Past = [...toConfirmed, started];
const toFailed: Past = [...toReserved, failedFor('hold_expired'), slotFree];

describe('Booking a lesson', () => {
  const wanted = { ...miaBooksOkafor, subject: 'mathematics', startsAt, minutes: 60 };
  const allClear: z.output<NonNullable<typeof booking.bookLesson.facts>> = {
    matchActive: true,
    studentReady: true,
    tutorAvailable: true,
    hourlyRateMinor: 4000,
    currency: 'eur',
    timeZone: 'Europe/London',
  };
  const booked = (facts: Partial<typeof allClear> = {}, by: Actor = mia, data: Partial<typeof wanted> = {}, past: Past = []) =>
    given(lessonBooking, ...past).when(booking.bookLesson, { ...wanted, ...data }, { by, facts: { ...allClear, ...facts } });

  it('quotes the price of the tutor and keeps the terms of the day', () => booked().then(initiated));
  it('by a parent is paid by the parent', () =>
    booked({}, miasParent).then(event(booking.bookingInitiated, { ...initiated.data, payerId: miasParent.userId! })));
  it('prices part of an hour to the nearest cent', () =>
    booked({ hourlyRateMinor: 3333 }, mia, { minutes: 45 }).then(
      event(booking.bookingInitiated, {
        ...initiated.data,
        minutes: 45,
        endsAt: '2026-11-25T16:45:00.000Z',
        quote: { ...fortyEuros, hourlyRateMinor: 3333, amountMinor: 2500 },
      }),
    ));
  it('is refused for somebody else', () => booked({}, stranger).refused(refusal.NotYourBooking));
  it('is refused to the platform, as somebody must pay', () => booked({}, SYSTEM).refused(refusal.NotYourBooking));
  it('is refused when the two are not connected', () => booked({ matchActive: false }).refused(refusal.NotConnected));
  it('is refused before onboarding is finished', () => booked({ studentReady: false }).refused(refusal.StudentMayNotBook));
  it('is refused when the tutor is not available', () => booked({ tutorAvailable: false }).refused(refusal.TutorNotBookable));
  it('is refused when the tutor has no price', () => booked({ hourlyRateMinor: null }).refused(refusal.TutorNotBookable));
  it('is refused in the past', () => booked({}, mia, { startsAt: '2026-11-23T12:00:00.000Z' }).refused(refusal.LessonInThePast));
  it('is refused below what a card can be charged', () =>
    booked({ hourlyRateMinor: 40 }).refused(refusal.PriceBelowMinimum, { amountMinor: 40, minimumMinor: 50, currency: 'eur' }));
  it('is nothing new the second time', () => booked({}, mia, {}, toFailed).alreadySo());
  it('is refused when the id belongs to another booking', () =>
    booked({}, mia, { minutes: 30 }, [initiated]).refused(refusal.BookingIdTaken));
});

describe('Recording the slot', () => {
  const recording = (past: Past, until: string | null = heldUntil) =>
    given(lessonBooking, ...past).when(booking.recordSlot, { bookingId }, { facts: { heldUntil: until } });

  it('reserves the time until it is paid', () => recording([initiated]).then(reserved));
  it('is nothing new the second time', () => recording(toReserved).alreadySo());
  it('is nothing new once confirmed', () => recording(toConfirmed).alreadySo());
  it('is refused when the calendar does not hold the time', () => recording([initiated], null).refused(refusal.SlotNotHeld));
  it('is refused once the booking failed', () => recording(toFailed).refused(refusal.BookingEnded, { status: 'Failed' }));
  it('needs a booking', () => recording([]).refused(refusal.BookingNotFound));
});

describe('Confirming a lesson', () => {
  const confirming = (
    past: Past,
    {
      paid = { amountMinor: 4000, currency: 'eur' } as { amountMinor: number; currency: string } | null,
      slotConfirmed = true,
      at = heldUntil,
    } = {},
  ) => given(lessonBooking, ...past).when(booking.confirmLesson, { bookingId }, { at, facts: { paid, slotConfirmed } });

  it('makes a paid and reserved lesson certain', () => confirming(toReserved).then(confirmed));
  it('is nothing new the second time', () => confirming(toStarted).alreadySo());
  it('is refused unpaid', () => confirming(toReserved, { paid: null }).refused(refusal.BookingNotPaid));
  it('is refused when the amount differs', () =>
    confirming(toReserved, { paid: { amountMinor: 3999, currency: 'eur' } }).refused(refusal.PaymentMismatch));
  it('is refused when the currency differs', () =>
    confirming(toReserved, { paid: { amountMinor: 4000, currency: 'usd' } }).refused(refusal.PaymentMismatch));
  it('is refused when the slot was lost', () => confirming(toReserved, { slotConfirmed: false }).refused(refusal.SlotNotHeld));
  it('is possible until its time is over', () => confirming(toReserved, { at: plus(endsAt, -1) }).then(confirmed));
  it('is refused when its time is over, also when the calendar has forgotten it by then', () => {
    confirming(toReserved, { at: endsAt }).refused(refusal.LessonTimeOver);
    confirming(toReserved, { at: plus(endsAt, 2 * DAY), slotConfirmed: false }).refused(refusal.LessonTimeOver);
  });
  it('is refused before the slot is reserved', () => confirming([initiated]).refused(refusal.SlotNotHeld));
  it('is refused once the booking failed', () => confirming(toFailed).refused(refusal.BookingEnded, { status: 'Failed' }));
});

describe('Failing a booking', () => {
  const failing = (
    past: Past,
    reason: 'slot_taken' | 'payment_failed' | 'hold_expired' | 'payment_mismatch',
    { at = heldUntil, paid = null as { amountMinor: number; currency: string } | null, slotOurs = true } = {},
  ) => given(lessonBooking, ...past).when(booking.failBooking, { bookingId, reason }, { at, facts: { paid, slotOurs } });
  const fortyPaid = { amountMinor: 4000, currency: 'eur' };

  it('says so when the slot was taken', () => failing([initiated], 'slot_taken', { slotOurs: false }).then(failedFor('slot_taken')));
  it('gives a reserved slot back', () => failing(toReserved, 'payment_failed').then(failedFor('payment_failed'), slotFree));
  it('happens when the hold runs out', () => failing(toReserved, 'hold_expired').then(failedFor('hold_expired'), slotFree));
  it('is refused a millisecond before the hold runs out', () =>
    failing(toReserved, 'hold_expired', { at: plus(heldUntil, -1) }).refused(refusal.HoldNotExpired, { until: heldUntil }));
  it('is refused when it is paid and the slot is still ours', () =>
    failing(toReserved, 'hold_expired', { paid: fortyPaid }).refused(refusal.BookingAlreadyPaid));
  it('happens when it is paid but the slot was lost', () =>
    failing(toReserved, 'slot_taken', { paid: fortyPaid, slotOurs: false }).then(failedFor('slot_taken'), slotFree));
  it('is refused when it is paid and the lesson can still take place', () =>
    failing(toReserved, 'hold_expired', { at: plus(endsAt, -1), paid: fortyPaid }).refused(refusal.BookingAlreadyPaid));
  it('happens when it is paid but the lesson’s time is over', () =>
    failing(toReserved, 'hold_expired', { at: endsAt, paid: fortyPaid }).then(failedFor('hold_expired'), slotFree));
  it('happens when something else was paid', () =>
    failing(toReserved, 'payment_mismatch', { paid: { amountMinor: 1, currency: 'eur' } }).then(failedFor('payment_mismatch'), slotFree));
  it('is nothing new the second time', () => failing(toFailed, 'payment_failed').alreadySo());
  it('is refused once confirmed', () => failing(toConfirmed, 'hold_expired').refused(refusal.BookingEnded, { status: 'Confirmed' }));
});

describe('Reminding of a lesson', () => {
  const due = event(booking.lessonReminderDue, { ...miaBooksOkafor, ...wednesdayAtFour, minutesBefore: 60 });
  const reminding = (past: Past, at = plus(startsAt, -60 * MINUTE)) =>
    given(lessonBooking, ...past).when(booking.remindOfLesson, { bookingId, minutesBefore: 60 }, { at });

  it('happens while the lesson is to come', () => reminding(toConfirmed).then(due));
  it('is nothing new the second time', () => reminding([...toConfirmed, due]).alreadySo());
  it('is refused once it began', () => reminding(toStarted).refused(refusal.BookingEnded, { status: 'InProgress' }));
  it('is refused when it comes too late', () => reminding(toConfirmed, startsAt).refused(refusal.LessonTimeOver));
});

describe('Starting a lesson', () => {
  const starting = (past: Past, at = startsAt, bothJoinedAt: string | null = at) =>
    given(lessonBooking, ...past).when(booking.startLesson, { bookingId }, { at, facts: { bothJoinedAt } });

  it('happens when both have joined', () => starting(toConfirmed).then(started));
  it('may be ten minutes early', () =>
    starting(toConfirmed, plus(startsAt, -10 * MINUTE)).then(
      event(booking.lessonStarted, { ...started.data, startedAt: plus(startsAt, -10 * MINUTE) }),
    ));
  it('is refused earlier', () =>
    starting(toConfirmed, plus(startsAt, -10 * MINUTE - 1)).refused(refusal.TooEarlyToStart, { from: plus(startsAt, -10 * MINUTE) }));
  it('does not begin before that, however early both were there', () =>
    starting(toConfirmed, plus(startsAt, -10 * MINUTE), plus(startsAt, -14 * MINUTE)).then(
      event(booking.lessonStarted, { ...started.data, startedAt: plus(startsAt, -10 * MINUTE) }),
    ));
  it('begins when both had joined, also when that is found out after its end', () =>
    starting(toConfirmed, plus(endsAt, 60 * MINUTE), startsAt).then(started));
  it('is refused when both joined after its end', () => starting(toConfirmed, endsAt).refused(refusal.LessonTimeOver));
  it('is refused while one is missing', () => starting(toConfirmed, startsAt, null).refused(refusal.ParticipantsMissing));
  it('is refused before the lesson is confirmed', () => starting(toReserved).refused(refusal.BookingEnded, { status: 'Reserved' }));
  it('is nothing new the second time', () => starting(toStarted).alreadySo());
});

describe('Ending a lesson', () => {
  const ending = (
    past: Past,
    by: Actor,
    at: string,
    because: 'asked' | 'everybody_left' | 'overtime' = 'asked',
    emptySince: string | null = null,
  ) => given(lessonBooking, ...past).when(booking.endLesson, { bookingId, because }, { by, at, facts: { emptySince } });
  const halfPast = plus(startsAt, 30 * MINUTE);
  const after = (minutes: number, endedBy: 'student' | 'tutor' | 'platform' | 'admin', seconds = minutes * 60) =>
    event(booking.lessonCompleted, {
      ...miaBooksOkafor,
      endedAt: plus(startsAt, minutes * MINUTE),
      actualSeconds: seconds,
      endedBy,
      shortfall: Math.max(0, 3600 - seconds),
    });

  it('by the tutor is possible any time, with the shortfall on record', () =>
    ending(toStarted, okafor, plus(startsAt, MINUTE)).then(after(1, 'tutor')));
  it('at the booked end leaves no shortfall', () => ending(toStarted, okafor, endsAt).then(completed));
  it('by the student is possible after half', () => ending(toStarted, mia, halfPast).then(after(30, 'student')));
  it('by the student is refused before half', () =>
    ending(toStarted, mia, plus(halfPast, -1)).refused(refusal.TooEarlyToEnd, { from: halfPast }));
  it('by support is possible any time', () => ending(toStarted, { role: 'internal' }, plus(startsAt, MINUTE)).then(after(1, 'admin')));
  it('happens by itself a quarter of an hour after the booked end', () =>
    ending(toStarted, SYSTEM, plus(endsAt, 20 * MINUTE), 'overtime').then(after(75, 'platform')));
  it('does not happen by itself before', () =>
    ending(toStarted, SYSTEM, plus(endsAt, 14 * MINUTE), 'overtime').refused(refusal.TooEarlyToEnd, { from: plus(endsAt, 15 * MINUTE) }));
  it('counts to the moment when the last one left', () =>
    ending(toStarted, SYSTEM, plus(startsAt, 60 * MINUTE), 'everybody_left', plus(startsAt, 50 * MINUTE)).then(after(50, 'platform')));
  it('counts to that moment also when it is found out hours later', () =>
    ending(toStarted, SYSTEM, plus(endsAt, 120 * MINUTE), 'overtime', plus(startsAt, 50 * MINUTE)).then(after(50, 'platform')));
  it('waits ten minutes for somebody to come back', () =>
    ending(toStarted, SYSTEM, plus(startsAt, 59 * MINUTE), 'everybody_left', plus(startsAt, 50 * MINUTE)).refused(refusal.TooEarlyToEnd, {
      from: plus(startsAt, 60 * MINUTE),
    }));
  it('waits for half of the lesson', () =>
    ending(toStarted, SYSTEM, plus(startsAt, 20 * MINUTE), 'everybody_left', plus(startsAt, 5 * MINUTE)).refused(refusal.TooEarlyToEnd, {
      from: halfPast,
    }));
  it('is refused while somebody is back', () => ending(toStarted, SYSTEM, endsAt, 'everybody_left', null).refused(refusal.TooEarlyToEnd));
  it('is refused to strangers', () => ending(toStarted, stranger, endsAt).refused(refusal.NotYourBooking));
  it('is refused before it began', () =>
    ending(toConfirmed, okafor, startsAt).refused(refusal.LessonNotInProgress, { status: 'Confirmed' }));
  it('is nothing new the second time', () => ending([...toStarted, completed], okafor, endsAt).alreadySo());
});

describe('Interrupting a lesson', () => {
  const interrupting = (...past: Past) =>
    given(lessonBooking, ...past).when(booking.interruptLesson, { bookingId, reason: 'video_failed' });

  it('leaves it for somebody to decide', () => interrupting(...toStarted).then(interrupted));
  it('is refused when it is over', () =>
    interrupting(...toStarted, completed).refused(refusal.LessonNotInProgress, { status: 'Completed' }));
  it('is nothing new the second time', () => interrupting(...toStarted, interrupted).alreadySo());
});

describe('Settling a booking', () => {
  const settling = (...past: Past) => given(lessonBooking, ...past).when(booking.settleBooking, { bookingId });

  it('closes a completed lesson', () => settling(...toStarted, completed).then(settled));
  it('is refused before the lesson took place', () =>
    settling(...toConfirmed).refused(refusal.BookingNotCompleted, { status: 'Confirmed' }));
  it('is nothing new the second time', () => settling(...toStarted, completed, settled).alreadySo());
});

describe('A live lesson', () => {
  it('is one that is confirmed or going on', () =>
    expect([[initiated], toReserved, toConfirmed, toStarted, toFailed].map((past) => isLive(fold(lessonBooking, past)))).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]));
});
