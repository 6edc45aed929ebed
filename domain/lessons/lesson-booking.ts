import { z } from 'zod';
import { defineCommand, type Actor, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { basisPoints, currency, MINIMUM_CHARGE, minorUnits, priceOf } from '../kernel/money.ts';
import { DAY, HOUR, millisecondsBetween, MINUTE, plus, type Instant } from '../kernel/time.ts';
import * as refusal from './lesson-booking.refusals.ts';

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

const events = [
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

const commands = [
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
type LessonBookingCommand = CommandOf<typeof commands>;

// State
type Parties = z.output<typeof lessonConfirmed.schema>;

export interface LessonBookingState {
  readonly status: 'None' | 'Initiated' | 'Reserved' | 'Confirmed' | 'InProgress' | 'Completed' | 'Disputed' | 'Settled' | 'Failed';
  /** Ids and booked times; undefined before the booking exists. */
  readonly lesson: Parties | undefined;
  readonly payerId: string | undefined;
  readonly quote: Quote | undefined;
  readonly heldUntil: Instant | undefined;
  /** Minutes before the start of the reminders that were due. */
  readonly reminded: readonly number[];
  readonly startedAt: Instant | undefined;
  readonly endedAt: Instant | undefined;
}

const initial: LessonBookingState = {
  status: 'None',
  lesson: undefined,
  payerId: undefined,
  quote: undefined,
  heldUntil: undefined,
  reminded: [],
  startedAt: undefined,
  endedAt: undefined,
};

/** Whether the lesson is certain and not over: its room and chat may be used. */
export function isLive(state: LessonBookingState): boolean {
  return state.status === 'Confirmed' || state.status === 'InProgress';
}

/** The currency and amount of a payment are those that were quoted. */
function matchesQuote(paid: { amountMinor: number; currency: string }, quote: Quote): boolean {
  return paid.amountMinor === quote.amountMinor && paid.currency === quote.currency;
}

// Decisions
function decide(command: LessonBookingCommand, state: LessonBookingState): readonly LessonBookingEvent[] {
  if (command.type === 'BookLesson') return book(command, state);
  if (state.lesson === undefined) throw new refusal.BookingNotFound();
  const { bookingId, studentId, tutorId, startsAt, endsAt } = state.lesson;
  const parties = { bookingId, studentId, tutorId };
  const { at } = command;
  switch (command.type) {
    case 'RecordSlot':
      if (state.status === 'Failed') throw new refusal.BookingEnded({ status: state.status });
      if (state.status !== 'Initiated') return [];
      if (command.facts.heldUntil === null) throw new refusal.SlotNotHeld();
      return [
        event(timeSlotReserved, {
          ...parties,
          startsAt,
          endsAt,
          payerId: state.payerId!,
          quote: state.quote!,
          until: command.facts.heldUntil,
        }),
      ];
    case 'ConfirmLesson':
      if (state.status === 'Failed') throw new refusal.BookingEnded({ status: state.status });
      if (state.status === 'Initiated') throw new refusal.SlotNotHeld();
      if (state.status !== 'Reserved') return [];
      if (command.facts.paid === null) throw new refusal.BookingNotPaid();
      if (!matchesQuote(command.facts.paid, state.quote!)) throw new refusal.PaymentMismatch();
      if (at >= endsAt) throw new refusal.LessonTimeOver();
      if (!command.facts.slotConfirmed) throw new refusal.SlotNotHeld();
      return [event(lessonConfirmed, state.lesson)];
    case 'FailBooking':
      return fail(command, state, parties);
    case 'RemindOfLesson': {
      const { minutesBefore } = command.data;
      if (state.reminded.includes(minutesBefore)) return [];
      if (state.status !== 'Confirmed') throw new refusal.BookingEnded({ status: state.status });
      if (at >= startsAt) throw new refusal.LessonTimeOver();
      return [event(lessonReminderDue, { ...state.lesson, minutesBefore })];
    }
    case 'StartLesson': {
      if (state.status === 'InProgress') return [];
      if (state.status !== 'Confirmed') throw new refusal.BookingEnded({ status: state.status });
      const { bothJoinedAt } = command.facts;
      const earliest = plus(startsAt, -START_EARLY);
      if (bothJoinedAt === null) throw new refusal.ParticipantsMissing();
      if (at < earliest) throw new refusal.TooEarlyToStart({ from: earliest });
      if (bothJoinedAt >= endsAt) throw new refusal.LessonTimeOver();
      return [event(lessonStarted, { ...state.lesson, startedAt: bothJoinedAt > earliest ? bothJoinedAt : earliest })];
    }
    case 'EndLesson':
      return end(command, state);
    case 'InterruptLesson':
      if (state.status === 'Disputed') return [];
      if (!isLive(state)) throw new refusal.LessonNotInProgress({ status: state.status });
      return [event(lessonInterrupted, { ...parties, reason: command.data.reason })];
    case 'SettleBooking':
      if (state.status === 'Settled') return [];
      if (state.status !== 'Completed') throw new refusal.BookingNotCompleted({ status: state.status });
      return [event(bookingSettled, parties)];
    default:
      return unreachable(command);
  }
}

function book(command: CommandOf<typeof bookLesson>, state: LessonBookingState): readonly LessonBookingEvent[] {
  const { data, facts, by, at } = command;
  if (by.userId === undefined || (by.userId !== data.studentId && by.actingFor !== data.studentId)) throw new refusal.NotYourBooking();
  const endsAt = plus(data.startsAt, data.minutes * MINUTE);
  if (state.lesson !== undefined) {
    const { studentId, tutorId, startsAt } = state.lesson;
    const same = studentId === data.studentId && tutorId === data.tutorId && startsAt === data.startsAt && state.lesson.endsAt === endsAt;
    if (same) return [];
    throw new refusal.BookingIdTaken();
  }
  if (data.startsAt <= at) throw new refusal.LessonInThePast();
  if (!facts.studentReady) throw new refusal.StudentMayNotBook();
  const { hourlyRateMinor, currency, timeZone } = facts;
  if (!facts.tutorAvailable || hourlyRateMinor === null || currency === null || timeZone === null) throw new refusal.TutorNotBookable();
  if (!facts.matchActive) throw new refusal.NotConnected();
  const amountMinor = priceOf(hourlyRateMinor, data.minutes);
  if (amountMinor < MINIMUM_CHARGE[currency])
    throw new refusal.PriceBelowMinimum({ amountMinor, minimumMinor: MINIMUM_CHARGE[currency], currency });
  return [
    event(bookingInitiated, {
      ...data,
      endsAt,
      payerId: by.userId,
      tutorTimeZone: timeZone,
      quote: { amountMinor, currency, hourlyRateMinor, feeBps: PLATFORM_FEE_BPS },
      policy: { freeCancellationHours: FREE_CANCELLATION / HOUR },
    }),
  ];
}

function fail(
  command: CommandOf<typeof failBooking>,
  state: LessonBookingState,
  parties: z.output<typeof timeSlotReleased.schema>,
): readonly LessonBookingEvent[] {
  const { facts, data, at } = command;
  if (state.status === 'Failed') return [];
  if (state.status !== 'Initiated' && state.status !== 'Reserved') throw new refusal.BookingEnded({ status: state.status });
  if (data.reason === 'hold_expired' && state.heldUntil !== undefined && at < state.heldUntil)
    throw new refusal.HoldNotExpired({ until: state.heldUntil });
  const canTakePlace = facts.slotOurs && at < state.lesson!.endsAt;
  if (canTakePlace && facts.paid !== null && matchesQuote(facts.paid, state.quote!)) throw new refusal.BookingAlreadyPaid();
  const failed = event(bookingFailed, { ...parties, reason: data.reason });
  return state.status === 'Reserved' ? [failed, event(timeSlotReleased, parties)] : [failed];
}

function end(command: CommandOf<typeof endLesson>, state: LessonBookingState): readonly LessonBookingEvent[] {
  const { at, by, data, facts } = command;
  const { bookingId, studentId, tutorId, startsAt, endsAt } = state.lesson!;
  const endedBy = endingSide(by, studentId, tutorId);
  if (state.status === 'Completed' || state.status === 'Settled') return [];
  if (state.status !== 'InProgress') throw new refusal.LessonNotInProgress({ status: state.status });
  const bookedMs = millisecondsBetween(startsAt, endsAt);
  const half = plus(state.startedAt!, bookedMs / 2);
  const overtime = plus(endsAt, AUTO_END_AFTER);
  let earliest = state.startedAt!;
  if (endedBy === 'student') earliest = half;
  if (data.because === 'overtime') earliest = overtime;
  if (data.because === 'everybody_left') {
    if (facts.emptySince === null) throw new refusal.TooEarlyToEnd();
    const goneLongEnough = plus(facts.emptySince, EVERYBODY_LEFT_FOR);
    earliest = goneLongEnough > half ? goneLongEnough : half;
  }
  if (at < earliest) throw new refusal.TooEarlyToEnd({ from: earliest });
  const latest = at < overtime ? at : overtime;
  const endedAt = data.because !== 'asked' && facts.emptySince !== null && facts.emptySince < latest ? facts.emptySince : latest;
  const actualMs = Math.max(0, millisecondsBetween(state.startedAt!, endedAt));
  return [
    event(lessonCompleted, {
      bookingId,
      studentId,
      tutorId,
      endedAt,
      actualSeconds: Math.floor(actualMs / 1000),
      endedBy,
      shortfall: Math.max(0, Math.ceil((bookedMs - actualMs) / 1000)),
    }),
  ];
}

function endingSide(by: Actor, studentId: string, tutorId: string): z.output<typeof lessonCompleted.schema>['endedBy'] {
  if (by.userId === tutorId) return 'tutor';
  if (by.userId === studentId || by.actingFor === studentId) return 'student';
  if (by.role === 'admin' || by.role === 'internal') return 'admin';
  if (by.role === 'system') return 'platform';
  throw new refusal.NotYourBooking();
}

function evolve(state: LessonBookingState, event: LessonBookingEvent): LessonBookingState {
  switch (event.type) {
    case 'BookingInitiated': {
      const { bookingId, studentId, tutorId, startsAt, endsAt, payerId, quote } = event.data;
      return { ...initial, status: 'Initiated', lesson: { bookingId, studentId, tutorId, startsAt, endsAt }, payerId, quote };
    }
    case 'TimeSlotReserved':
      return { ...state, status: 'Reserved', heldUntil: event.data.until };
    case 'LessonConfirmed':
      return { ...state, status: 'Confirmed', heldUntil: undefined };
    case 'BookingFailed':
      return { ...state, status: 'Failed' };
    case 'TimeSlotReleased':
      return { ...state, heldUntil: undefined };
    case 'LessonReminderDue':
      return { ...state, reminded: [...state.reminded, event.data.minutesBefore] };
    case 'LessonStarted':
      return { ...state, status: 'InProgress', startedAt: event.data.startedAt };
    case 'LessonCompleted':
      return { ...state, status: 'Completed', endedAt: event.data.endedAt };
    case 'LessonInterrupted':
      return { ...state, status: 'Disputed' };
    case 'BookingSettled':
      return { ...state, status: 'Settled' };
  }
}

export const lessonBooking: Decider<LessonBookingState, LessonBookingCommand, LessonBookingEvent> = {
  aggregateType: 'LessonBooking',
  context: 'lessons',
  idField: 'bookingId',
  stateVersion: 2,
  commands,
  events,
  refusals: Object.values(refusal),
  initial,
  decide,
  evolve,
};
