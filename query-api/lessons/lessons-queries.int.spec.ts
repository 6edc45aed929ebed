import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { event } from '#domain/kernel/event.ts';
import { MONDAY_NOON } from '#domain/kernel/given-when-then.ts';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';
import {
  completed,
  confirmed,
  heldUntil,
  initiated,
  mia,
  miaBooksOkafor,
  okafor,
  reserved,
  started,
  stranger,
  wednesdayAtFour,
} from '#domain/lessons/lesson-booking.examples.ts';
import { BookingNotFound, NotYourBooking } from '#domain/lessons/lesson-booking.refusals.ts';
import { bookingInitiated } from '#domain/lessons/lesson-booking.messages.ts';
import { fileShared, miaWrites, uploadRequested, worksheet } from '#domain/lessons/lesson-chat.examples.ts';
import { held as slotHeld, hoursSet } from '#domain/lessons/tutor-calendar.examples.ts';
import { availabilityExceptionAdded, slotConfirmed } from '#domain/lessons/tutor-calendar.ts';
import { comesIn, goesOut, roomCreated } from '#domain/lessons/video-session.examples.ts';
import { lessonFiles } from '#projections/lessons/lesson-files.ts';
import { lessonMessages } from '#projections/lessons/lesson-messages.ts';
import { lessonRooms } from '#projections/lessons/lesson-rooms.ts';
import { lessons } from '#projections/lessons/lessons.ts';
import { availabilityExceptions, tutorAvailability } from '#projections/lessons/tutor-availability.ts';
import { tutorSlots } from '#projections/lessons/tutor-slots.ts';
import { projectedDatabase, type Happened } from '../projected-database.ts';
import { LessonsQueries } from './lessons.queries.ts';
import { SlotsQueries } from './slots.queries.ts';

const { bookingId, studentId, tutorId } = miaBooksOkafor;
const { startsAt, endsAt } = wednesdayAtFour;
const laterBooking = '01939a00-0000-7000-8000-0000000000e9';
const lapsedBooking = '01939a00-0000-7000-8000-0000000000ea';
const of =
  (aggregateType: string, aggregateId: string) =>
  (one: DomainEvent): Happened => ({ stream: [aggregateType, aggregateId], event: one });

describe('Queries of lessons', () => {
  let held: Awaited<ReturnType<typeof projectedDatabase>>;
  let queries: LessonsQueries;
  let slots: SlotsQueries;

  beforeAll(async () => {
    const later = { bookingId: laterBooking, startsAt: plus(startsAt, DAY), endsAt: plus(endsAt, DAY) };
    const lapsed = { bookingId: lapsedBooking, blockedFrom: plus(startsAt, -120 * MINUTE), blockedTo: plus(startsAt, -50 * MINUTE) };
    held = await projectedDatabase(
      [lessons, lessonRooms, lessonMessages, lessonFiles, tutorAvailability, availabilityExceptions, tutorSlots],
      ...[initiated, reserved, confirmed, started, completed].map(of('LessonBooking', bookingId)),
      of('LessonBooking', laterBooking)(event(bookingInitiated, { ...initiated.data, ...later })),
      ...[roomCreated, comesIn('student'), goesOut('student')].map(of('VideoSession', bookingId)),
      ...[miaWrites, uploadRequested, fileShared].map(of('LessonChat', bookingId)),
      ...[
        hoursSet,
        slotHeld,
        event(slotConfirmed, { tutorId, bookingId }),
        { ...slotHeld, data: { ...slotHeld.data, ...lapsed } },
        event(availabilityExceptionAdded, { tutorId, date: '2026-12-02', windows: [{ from: '09:00', to: '10:00' }] }),
      ].map(of('TutorCalendar', tutorId)),
    );
    queries = new LessonsQueries(held.database);
    slots = new SlotsQueries(held.database);
  });
  afterAll(() => held.dispose());

  it('show a lesson to those whom it concerns', async () => {
    expect(await queries.lesson(bookingId, mia)).toMatchObject({ bookingId, status: 'Completed', amountMinor: 4000, startedAt: startsAt });
    expect(await queries.lesson(bookingId, okafor)).toMatchObject({ bookingId });
    expect(await queries.lesson(bookingId, { role: 'admin', userId: stranger.userId! })).toMatchObject({ bookingId });
    await expect(queries.lesson(bookingId, stranger)).rejects.toBeInstanceOf(NotYourBooking);
    await expect(queries.lesson(stranger.userId!, mia)).rejects.toBeInstanceOf(BookingNotFound);
  });
  it('list what is to come', async () => {
    const ids = async (userId: string, now: string) => (await queries.upcoming(userId, now, 9)).map((lesson) => lesson.bookingId);
    expect(await ids(studentId, MONDAY_NOON)).toEqual([laterBooking]);
    expect(await ids(tutorId, MONDAY_NOON)).toEqual([laterBooking]);
    expect(await ids(studentId, plus(endsAt, DAY))).toEqual([]);
    expect(await ids(stranger.userId!, MONDAY_NOON)).toEqual([]);
  });
  it('say who was in the room', async () => {
    expect(await queries.room(bookingId)).toMatchObject({
      status: 'Provisioned',
      student: { since: null, seconds: 3600 },
      tutor: { seconds: 0 },
    });
    expect(await queries.room(laterBooking)).toBeUndefined();
  });
  it('give messages after a number, and files that were shared', async () => {
    expect(await queries.messages(bookingId, -1, 9)).toMatchObject([{ text: 'Is that a minus?', number: 0 }]);
    expect(await queries.messages(bookingId, 0, 9)).toEqual([]);
    expect(await queries.files(bookingId)).toMatchObject([{ fileId: worksheet.fileId, storageKey: worksheet.key, bytes: 12_345 }]);
  });
  it('count by currency', async () => {
    expect(await queries.figures(startsAt, plus(startsAt, 2 * DAY))).toEqual([
      {
        currency: 'eur',
        booked: 2,
        failed: 0,
        confirmed: 1,
        completed: 1,
        disputed: 0,
        completedMinor: 4000,
        taughtSeconds: 3600,
        shortfallSeconds: 0,
      },
    ]);
    expect(await queries.figures(MONDAY_NOON, plus(MONDAY_NOON, MINUTE))).toEqual([]);
  });
  it('work out free times: not what is taken, but what was held in vain', async () => {
    const free = async (from: string, to: string, now: string) =>
      (await slots.free(tutorId, { from, to, minutes: 60, now }))?.starts.map((start) => start.slice(0, 16));
    const wednesday = ['2026-11-25T00:00:00.000Z', '2026-11-26T00:00:00.000Z'] as const;
    const afterwards = ['17:30', '18:00', '18:30', '19:00'].map((time) => `2026-11-25T${time}`);
    const before = ['14:00', '14:30'].map((time) => `2026-11-25T${time}`);
    expect(await free(...wednesday, heldUntil)).toEqual([...before, ...afterwards]);
    expect(await free(...wednesday, plus(heldUntil, -MINUTE))).toEqual(afterwards);
    expect(await free('2026-12-02T00:00:00.000Z', '2026-12-03T00:00:00.000Z', MONDAY_NOON)).toEqual(['2026-12-02T09:00']);
    expect(await slots.free(studentId, { from: startsAt, to: endsAt, minutes: 60, now: MONDAY_NOON })).toBeUndefined();
  });
});
