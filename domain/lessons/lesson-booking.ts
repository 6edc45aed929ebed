import type { z } from 'zod';
import type { Actor, CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { MINIMUM_CHARGE, priceOf } from '../kernel/money.ts';
import { HOUR, millisecondsBetween, MINUTE, plus, type Instant } from '../kernel/time.ts';
import * as messages from './lesson-booking.messages.ts';
import type { LessonBookingCommand, LessonBookingEvent, Quote } from './lesson-booking.messages.ts';
import * as refusal from './lesson-booking.refusals.ts';

// State
type Parties = z.output<typeof messages.lessonConfirmed.schema>;

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
        event(messages.timeSlotReserved, {
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
      return [event(messages.lessonConfirmed, state.lesson)];
    case 'FailBooking':
      return fail(command, state, parties);
    case 'RemindOfLesson': {
      const { minutesBefore } = command.data;
      if (state.reminded.includes(minutesBefore)) return [];
      if (state.status !== 'Confirmed') throw new refusal.BookingEnded({ status: state.status });
      if (at >= startsAt) throw new refusal.LessonTimeOver();
      return [event(messages.lessonReminderDue, { ...state.lesson, minutesBefore })];
    }
    case 'StartLesson': {
      if (state.status === 'InProgress') return [];
      if (state.status !== 'Confirmed') throw new refusal.BookingEnded({ status: state.status });
      const { bothJoinedAt } = command.facts;
      const earliest = plus(startsAt, -messages.START_EARLY);
      if (bothJoinedAt === null) throw new refusal.ParticipantsMissing();
      if (at < earliest) throw new refusal.TooEarlyToStart({ from: earliest });
      if (bothJoinedAt >= endsAt) throw new refusal.LessonTimeOver();
      return [event(messages.lessonStarted, { ...state.lesson, startedAt: bothJoinedAt > earliest ? bothJoinedAt : earliest })];
    }
    case 'EndLesson':
      return end(command, state);
    case 'InterruptLesson':
      if (state.status === 'Disputed') return [];
      if (!isLive(state)) throw new refusal.LessonNotInProgress({ status: state.status });
      return [event(messages.lessonInterrupted, { ...parties, reason: command.data.reason })];
    case 'SettleBooking':
      if (state.status === 'Settled') return [];
      if (state.status !== 'Completed') throw new refusal.BookingNotCompleted({ status: state.status });
      return [event(messages.bookingSettled, parties)];
    default:
      return unreachable(command);
  }
}

function book(command: CommandOf<typeof messages.bookLesson>, state: LessonBookingState): readonly LessonBookingEvent[] {
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
    event(messages.bookingInitiated, {
      ...data,
      endsAt,
      payerId: by.userId,
      tutorTimeZone: timeZone,
      quote: { amountMinor, currency, hourlyRateMinor, feeBps: messages.PLATFORM_FEE_BPS },
      policy: { freeCancellationHours: messages.FREE_CANCELLATION / HOUR },
    }),
  ];
}

function fail(
  command: CommandOf<typeof messages.failBooking>,
  state: LessonBookingState,
  parties: z.output<typeof messages.timeSlotReleased.schema>,
): readonly LessonBookingEvent[] {
  const { facts, data, at } = command;
  if (state.status === 'Failed') return [];
  if (state.status !== 'Initiated' && state.status !== 'Reserved') throw new refusal.BookingEnded({ status: state.status });
  if (data.reason === 'hold_expired' && state.heldUntil !== undefined && at < state.heldUntil)
    throw new refusal.HoldNotExpired({ until: state.heldUntil });
  const canTakePlace = facts.slotOurs && at < state.lesson!.endsAt;
  if (canTakePlace && facts.paid !== null && matchesQuote(facts.paid, state.quote!)) throw new refusal.BookingAlreadyPaid();
  const failed = event(messages.bookingFailed, { ...parties, reason: data.reason });
  return state.status === 'Reserved' ? [failed, event(messages.timeSlotReleased, parties)] : [failed];
}

function end(command: CommandOf<typeof messages.endLesson>, state: LessonBookingState): readonly LessonBookingEvent[] {
  const { at, by, data, facts } = command;
  const { bookingId, studentId, tutorId, startsAt, endsAt } = state.lesson!;
  const endedBy = endingSide(by, studentId, tutorId);
  if (state.status === 'Completed' || state.status === 'Settled') return [];
  if (state.status !== 'InProgress') throw new refusal.LessonNotInProgress({ status: state.status });
  const bookedMs = millisecondsBetween(startsAt, endsAt);
  const half = plus(state.startedAt!, bookedMs / 2);
  const overtime = plus(endsAt, messages.AUTO_END_AFTER);
  let earliest = state.startedAt!;
  if (endedBy === 'student') earliest = half;
  if (data.because === 'overtime') earliest = overtime;
  if (data.because === 'everybody_left') {
    if (facts.emptySince === null) throw new refusal.TooEarlyToEnd();
    const goneLongEnough = plus(facts.emptySince, messages.EVERYBODY_LEFT_FOR);
    earliest = goneLongEnough > half ? goneLongEnough : half;
  }
  if (at < earliest) throw new refusal.TooEarlyToEnd({ from: earliest });
  const latest = at < overtime ? at : overtime;
  const endedAt = data.because !== 'asked' && facts.emptySince !== null && facts.emptySince < latest ? facts.emptySince : latest;
  const actualMs = Math.max(0, millisecondsBetween(state.startedAt!, endedAt));
  return [
    event(messages.lessonCompleted, {
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

function endingSide(by: Actor, studentId: string, tutorId: string): z.output<typeof messages.lessonCompleted.schema>['endedBy'] {
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
  commands: messages.commands,
  events: messages.events,
  refusals: Object.values(refusal),
  initial,
  decide,
  evolve,
};
