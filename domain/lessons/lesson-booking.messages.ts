import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { basisPoints, currency, minorUnits } from '../kernel/money.ts';
import { DAY, MINUTE } from '../kernel/time.ts';

/** The platform's commission, frozen in every quote (20 % Platform Commission Policy). */
export const PLATFORM_FEE_BPS = 2000;
/** Until when before the start a student cancels without cost. */
export const FREE_CANCELLATION = DAY;
/** How early a lesson may start when both are there. */
export const START_EARLY = 10 * MINUTE;
/** When a lesson that nobody ended ends by itself: this long after its booked end. */
export const AUTO_END_AFTER = 15 * MINUTE;
/** How long both must be gone before a lesson past its half is over. */
export const EVERYBODY_LEFT_FOR = 10 * MINUTE;

// Events
const instant = z.iso.datetime();
const parties = { bookingId: uuid, studentId: uuid, tutorId: uuid };
const times = { startsAt: instant, endsAt: instant };

export const quote = z.object({ amountMinor: minorUnits, currency, hourlyRateMinor: minorUnits, feeBps: basisPoints });
export type Quote = z.output<typeof quote>;
/** What was agreed about a later change, snapshotted so that new terms never touch an old booking. */
const policy = z.object({ freeCancellationHours: z.number().int().nonnegative() });

export const bookingInitiated = defineEvent('BookingInitiated', {
  sentence: 'A lesson was asked for, at a price.',
  schema: z.object({
    ...parties,
    ...times,
    payerId: uuid,
    subject: z.string(),
    minutes: z.number().int(),
    tutorTimeZone: z.string(),
    quote,
    policy,
  }),
});
export const timeSlotReserved = defineEvent('TimeSlotReserved', {
  sentence: "The tutor's time is held until the lesson is paid.",
  schema: z.object({ ...parties, ...times, payerId: uuid, quote, until: instant }),
});
export const lessonConfirmed = defineEvent('LessonConfirmed', {
  sentence: 'The lesson is paid and will take place.',
  schema: z.object({ ...parties, ...times }),
});
export const bookingFailed = defineEvent('BookingFailed', {
  sentence: 'The booking came to nothing; whatever was paid goes back.',
  schema: z.object({ ...parties, reason: z.enum(['slot_taken', 'payment_failed', 'hold_expired', 'payment_mismatch']) }),
});
export const timeSlotReleased = defineEvent('TimeSlotReleased', {
  sentence: "The tutor's time that was held is free again.",
  schema: z.object(parties),
});
export const lessonReminderDue = defineEvent('LessonReminderDue', {
  sentence: 'Both sides are to be reminded of a lesson that is near.',
  schema: z.object({ ...parties, ...times, minutesBefore: z.number().int().positive() }),
});
export const lessonStarted = defineEvent('LessonStarted', {
  sentence: 'Both were there and the lesson began.',
  schema: z.object({ ...parties, ...times, startedAt: instant }),
});
export const lessonCompleted = defineEvent('LessonCompleted', {
  sentence: 'The lesson took place and is over.',
  schema: z.object({
    ...parties,
    endedAt: instant,
    actualSeconds: z.number().int().nonnegative(),
    endedBy: z.enum(['student', 'tutor', 'platform', 'admin']),
    /** Seconds missing to the booked length. */
    shortfall: z.number().int().nonnegative(),
  }),
});
export const lessonInterrupted = defineEvent('LessonInterrupted', {
  sentence: 'The lesson broke off for a reason that neither side chose; somebody must decide what is owed.',
  schema: z.object({ ...parties, reason: z.enum(['video_failed', 'platform_outage', 'safeguarding']) }),
});
export const bookingSettled = defineEvent('BookingSettled', {
  sentence: 'Nothing is owed for this booking any more.',
  schema: z.object(parties),
});

export const events = [
  bookingInitiated,
  timeSlotReserved,
  lessonConfirmed,
  bookingFailed,
  timeSlotReleased,
  lessonReminderDue,
  lessonStarted,
  lessonCompleted,
  lessonInterrupted,
  bookingSettled,
] as const;
export type LessonBookingEvent = EventOf<typeof events>;

// Commands
const target = z.object({ bookingId: uuid });

export const bookLesson = defineCommand('BookLesson', {
  sentence: 'Ask for a lesson with a connected tutor; the price follows from the tutor, never from the client.',
  data: z.object({
    ...parties,
    subject: z.string().trim().min(1).max(60),
    /** With milliseconds: instants are compared as text. */
    startsAt: z.iso.datetime({ precision: 3 }),
    minutes: z.number().int().min(15).max(240).multipleOf(15),
  }),
  facts: z.object({
    matchActive: z.boolean(),
    studentReady: z.boolean(),
    tutorAvailable: z.boolean(),
    hourlyRateMinor: minorUnits.nullable(),
    currency: currency.nullable(),
    timeZone: z.string().nullable(),
  }),
});
export const recordSlot = defineCommand('RecordSlot', {
  sentence: "Note that the tutor's calendar holds the time.",
  data: target,
  facts: z.object({ heldUntil: instant.nullable() }),
});
const paid = z.object({ amountMinor: minorUnits, currency: z.string() }).nullable();
export const confirmLesson = defineCommand('ConfirmLesson', {
  sentence: 'Make a lesson certain once it is paid and its time is ours.',
  data: target,
  facts: z.object({ paid, slotConfirmed: z.boolean() }),
});
export const failBooking = defineCommand('FailBooking', {
  sentence: 'Give a booking up before it was confirmed.',
  data: target.extend({ reason: bookingFailed.schema.shape.reason }),
  facts: z.object({ paid, slotOurs: z.boolean() }),
});
export const remindOfLesson = defineCommand('RemindOfLesson', {
  sentence: 'Remind both sides of a lesson that is still to come.',
  data: target.extend({ minutesBefore: z.number().int().positive() }),
});
export const startLesson = defineCommand('StartLesson', {
  sentence: 'Begin the lesson, as both have joined.',
  data: target,
  facts: z.object({
    /** When both were there together for the first time: a lesson that took place begins then, however late we hear of it. */
    bothJoinedAt: instant.nullable(),
  }),
});
export const endLesson = defineCommand('EndLesson', {
  sentence: 'End a lesson that is going on.',
  data: target.extend({ because: z.enum(['asked', 'everybody_left', 'overtime']) }),
  facts: z.object({ emptySince: instant.nullable() }),
});
export const interruptLesson = defineCommand('InterruptLesson', {
  sentence: 'Break a lesson off for a reason that neither side chose.',
  data: target.extend({ reason: lessonInterrupted.schema.shape.reason }),
});
export const settleBooking = defineCommand('SettleBooking', {
  sentence: 'Close a booking whose money has been released.',
  data: target,
});

export const commands = [
  bookLesson,
  recordSlot,
  confirmLesson,
  failBooking,
  remindOfLesson,
  startLesson,
  endLesson,
  interruptLesson,
  settleBooking,
] as const;
export type LessonBookingCommand = CommandOf<typeof commands>;
