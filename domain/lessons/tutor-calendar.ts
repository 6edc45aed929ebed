import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { DAY, MINUTE, plus, timeZoneName, type Instant } from '../kernel/time.ts';
import {
  blockedRange,
  bookingTerms,
  dateException,
  DEFAULT_TERMS,
  outsideTerms,
  overlaps,
  weeklyWindow,
  type Availability,
  type BookingTerms,
  type Range,
} from './availability.ts';
import { BookingEnded, LessonTimeOver } from './lesson-booking.refusals.ts';

/** How long a slot is held for payment. */
export const HOLD_FOR = 15 * MINUTE;

// Events
const instant = z.iso.datetime();
const slot = { tutorId: uuid, bookingId: uuid };

export const availabilityRulesSet = defineEvent('AvailabilityRulesSet', {
  sentence: 'The tutor set the weekly hours and the terms of booking.',
  schema: z.object({ tutorId: uuid, timeZone: timeZoneName, weekly: z.array(weeklyWindow), terms: bookingTerms }),
});
export const availabilityExceptionAdded = defineEvent('AvailabilityExceptionAdded', {
  sentence: 'The tutor set other hours, or none, for one date.',
  schema: dateException.extend({ tutorId: uuid }),
});
export const slotHeld = defineEvent('SlotHeld', {
  sentence: 'A time is kept for a booking until it is paid.',
  schema: z.object({
    ...slot,
    studentId: uuid,
    startsAt: instant,
    endsAt: instant,
    /** The lesson with its buffers. */
    blockedFrom: instant,
    blockedTo: instant,
    until: instant,
  }),
});
export const slotConfirmed = defineEvent('SlotConfirmed', { sentence: 'The held time is taken for good.', schema: z.object(slot) });
export const slotReleased = defineEvent('SlotReleased', { sentence: 'The time is free again.', schema: z.object(slot) });

const events = [availabilityRulesSet, availabilityExceptionAdded, slotHeld, slotConfirmed, slotReleased] as const;
export type TutorCalendarEvent = EventOf<typeof events>;

// Commands
export const setAvailability = defineCommand('SetAvailability', {
  sentence: 'Set weekly hours by the wall clock of a zone; terms left out keep their value.',
  data: z.object({
    tutorId: uuid,
    timeZone: timeZoneName,
    weekly: z.array(weeklyWindow).max(70),
    terms: bookingTerms.partial().default({}),
  }),
});
export const addAvailabilityException = defineCommand('AddAvailabilityException', {
  sentence: 'Set other hours, or a day off, for one date.',
  data: dateException.extend({ tutorId: uuid }),
});
const bookingStatus = z.enum(['None', 'Initiated', 'Reserved', 'Confirmed', 'InProgress', 'Completed', 'Disputed', 'Settled', 'Failed']);
const forBooking = z.object({ bookingStatus });
export const holdSlot = defineCommand('HoldSlot', {
  sentence: 'Keep a time for a booking, if it is bookable and free.',
  data: z.object({ ...slot, studentId: uuid, startsAt: instant, endsAt: instant }),
  facts: forBooking,
});
export const confirmSlot = defineCommand('ConfirmSlot', {
  sentence: 'Take the held time of a paid booking for good.',
  data: z.object(slot),
  facts: forBooking,
});
export const releaseSlot = defineCommand('ReleaseSlot', {
  sentence: 'Free the time of a booking that ended before its lesson.',
  data: z.object(slot),
  facts: forBooking,
});

const commands = [setAvailability, addAvailabilityException, holdSlot, confirmSlot, releaseSlot] as const;
type TutorCalendarCommand = CommandOf<typeof commands>;

// Refusals
export class NotYourCalendar extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This calendar belongs to somebody else.';
}
export class AvailabilityNotSet extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor has not set any hours.';
}
export class OutsideAvailability extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = "The time is outside the tutor's hours, notice or horizon.";
}
export class SlotTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The time is taken.';
}
export class SlotLost extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The time is no longer held for this booking.';
}
export class SlotInUse extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The booking still needs its time.';
}

// State
export interface Slot {
  readonly status: 'Held' | 'Confirmed';
  readonly studentId: string;
  readonly lesson: Range;
  readonly blocked: Range;
  readonly until: Instant;
}

export interface TutorCalendarState {
  readonly availability: Availability | undefined;
  readonly terms: BookingTerms;
  /** By booking. A hold stays, also when it has run out, until it is confirmed or released; a lesson that ended more than a day ago is forgotten. */
  readonly slots: Readonly<Record<string, Slot>>;
}

const initial: TutorCalendarState = { availability: undefined, terms: DEFAULT_TERMS, slots: {} };

/** Whether a slot stands in the way of others: confirmed, or held and not run out. */
export function isActive(slot: Slot, at: Instant): boolean {
  return slot.status === 'Confirmed' || at < slot.until;
}

// Decisions
function decide(command: TutorCalendarCommand, state: TutorCalendarState): readonly TutorCalendarEvent[] {
  switch (command.type) {
    case 'SetAvailability': {
      const { tutorId, timeZone, weekly, terms } = command.data;
      if (command.by.userId !== tutorId) throw new NotYourCalendar();
      const wanted = { timeZone, weekly, terms: bookingTerms.parse({ ...state.terms, ...terms }) };
      const { availability } = state;
      const same = availability?.timeZone === timeZone && isSame([availability.weekly, state.terms], [wanted.weekly, wanted.terms]);
      return same ? [] : [event(availabilityRulesSet, { tutorId, ...wanted })];
    }
    case 'AddAvailabilityException': {
      const { tutorId, date, windows } = command.data;
      if (command.by.userId !== tutorId) throw new NotYourCalendar();
      if (state.availability === undefined) throw new AvailabilityNotSet();
      return isSame(state.availability.exceptions[date], windows) ? [] : [event(availabilityExceptionAdded, { tutorId, date, windows })];
    }
    case 'HoldSlot':
      return hold(command, state);
    case 'ConfirmSlot': {
      const own = state.slots[command.data.bookingId];
      if (own?.status === 'Confirmed') return [];
      if (command.facts.bookingStatus !== 'Reserved') throw new BookingEnded({ status: command.facts.bookingStatus });
      if (own === undefined) throw new SlotLost();
      if (Date.parse(command.at) >= own.lesson.to) throw new LessonTimeOver();
      return [event(slotConfirmed, command.data)];
    }
    case 'ReleaseSlot': {
      if (state.slots[command.data.bookingId] === undefined) return [];
      const { bookingStatus } = command.facts;
      if (bookingStatus !== 'Failed' && bookingStatus !== 'None') throw new SlotInUse({ status: bookingStatus });
      return [event(slotReleased, command.data)];
    }
    default:
      return unreachable(command);
  }
}

function hold(command: CommandOf<typeof holdSlot>, state: TutorCalendarState): readonly TutorCalendarEvent[] {
  const { data, facts, at } = command;
  if (state.slots[data.bookingId] !== undefined) return [];
  if (facts.bookingStatus !== 'Initiated') throw new BookingEnded({ status: facts.bookingStatus });
  const { availability, terms } = state;
  if (availability === undefined) throw new AvailabilityNotSet();
  const lesson = { from: Date.parse(data.startsAt), to: Date.parse(data.endsAt) };
  const outside = outsideTerms(availability, terms, lesson, Date.parse(at));
  if (outside !== undefined) throw new OutsideAvailability({ because: outside });
  const blocked = blockedRange(lesson, terms);
  const others = Object.entries(state.slots).filter(([, other]) => overlaps(other.blocked, blocked));
  if (others.some(([, other]) => isActive(other, at))) throw new SlotTaken();
  return [
    // Holds that have run out lose their time to this one, and nobody need keep them in mind.
    ...others.map(([bookingId]) => event(slotReleased, { tutorId: data.tutorId, bookingId })),
    event(slotHeld, {
      ...data,
      blockedFrom: new Date(blocked.from).toISOString(),
      blockedTo: new Date(blocked.to).toISOString(),
      until: plus(at, HOLD_FOR),
    }),
  ];
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function evolve(state: TutorCalendarState, event: TutorCalendarEvent): TutorCalendarState {
  switch (event.type) {
    case 'AvailabilityRulesSet': {
      const { timeZone, weekly, terms } = event.data;
      return { ...state, availability: { timeZone, weekly, exceptions: state.availability?.exceptions ?? {} }, terms };
    }
    case 'AvailabilityExceptionAdded': {
      const availability = state.availability!;
      const { date, windows } = event.data;
      return { ...state, availability: { ...availability, exceptions: { ...availability.exceptions, [date]: windows } } };
    }
    case 'SlotHeld': {
      const { bookingId, studentId, startsAt, endsAt, blockedFrom, blockedTo, until } = event.data;
      const blocked = { from: Date.parse(blockedFrom), to: Date.parse(blockedTo) };
      const heldAt = Date.parse(until) - HOLD_FOR;
      // Never a hold: whoever was told of it is owed a word of its end.
      const others = Object.entries(state.slots).filter(([, other]) => other.status === 'Held' || other.lesson.to > heldAt - DAY);
      const lesson = { from: Date.parse(startsAt), to: Date.parse(endsAt) };
      return { ...state, slots: { ...Object.fromEntries(others), [bookingId]: { status: 'Held', studentId, lesson, blocked, until } } };
    }
    case 'SlotConfirmed': {
      const own = state.slots[event.data.bookingId]!;
      return { ...state, slots: { ...state.slots, [event.data.bookingId]: { ...own, status: 'Confirmed' } } };
    }
    case 'SlotReleased': {
      const { [event.data.bookingId]: _released, ...slots } = state.slots;
      return { ...state, slots };
    }
  }
}

export const tutorCalendar: Decider<TutorCalendarState, TutorCalendarCommand, TutorCalendarEvent> = {
  aggregateType: 'TutorCalendar',
  context: 'lessons',
  idField: 'tutorId',
  stateVersion: 2,
  commands,
  events,
  refusals: [NotYourCalendar, AvailabilityNotSet, OutsideAvailability, SlotTaken, SlotLost, LessonTimeOver, BookingEnded, SlotInUse],
  initial,
  decide,
  evolve,
};
