import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { Refusal } from '../kernel/refusal.ts';
import { DAY, MINUTE, plus } from '../kernel/time.ts';
import { DEFAULT_TERMS, overlaps } from './availability.ts';
import { heldUntil, miaBooksOkafor, okafor, stranger, wednesdayAtFour } from './lesson-booking.examples.ts';
import { BookingEnded, LessonTimeOver } from './lesson-booking.refusals.ts';
import { dayOff, freed, held, hoursSet, taken, wednesdays } from './tutor-calendar.examples.ts';
import * as calendar from './tutor-calendar.ts';

const { tutorCalendar } = calendar;
const { bookingId, studentId, tutorId } = miaBooksOkafor;
const otherBooking = '01939a00-0000-7000-8000-0000000000e2';
type Past = readonly calendar.TutorCalendarEvent[];
type Status = 'None' | 'Initiated' | 'Reserved' | 'Confirmed' | 'Failed';

describe('Setting weekly hours', () => {
  const setting = (past: Past, change: object = {}, by: Actor = okafor) =>
    given(tutorCalendar, ...past).when(calendar.setAvailability, { tutorId, ...wednesdays, ...change }, { by });

  it('starts from the usual terms', () => setting([]).then(hoursSet));
  it('may change a term', () =>
    setting([hoursSet], { terms: { noticeMinutes: 60 } }).then(
      event(calendar.availabilityRulesSet, { ...hoursSet.data, terms: { ...DEFAULT_TERMS, noticeMinutes: 60 } }),
    ));
  it('is refused to others', () => setting([], {}, stranger).refused(calendar.NotYourCalendar));
  it('is nothing new with the same hours', () => setting([hoursSet]).alreadySo());
});

describe('Taking a day off', () => {
  const off = (past: Past, by: Actor = okafor) =>
    given(tutorCalendar, ...past).when(calendar.addAvailabilityException, { tutorId, date: '2026-11-25', windows: [] }, { by });

  it('leaves no hours on that date', () => off([hoursSet]).then(dayOff));
  it('needs hours first', () => off([]).refused(calendar.AvailabilityNotSet));
  it('is refused to others', () => off([hoursSet], stranger).refused(calendar.NotYourCalendar));
  it('is nothing new the second time', () => off([hoursSet, dayOff]).alreadySo());
});

describe('Holding a slot', () => {
  const holding = (past: Past, { id = bookingId, status = 'Initiated' as Status, at = MONDAY_NOON, shift = 0 } = {}) =>
    given(tutorCalendar, ...past).when(
      calendar.holdSlot,
      {
        tutorId,
        bookingId: id,
        studentId,
        startsAt: plus(wednesdayAtFour.startsAt, shift * MINUTE),
        endsAt: plus(wednesdayAtFour.endsAt, shift * MINUTE),
      },
      { at, facts: { bookingStatus: status } },
    );

  it('keeps the time with its buffers for a quarter of an hour', () => holding([hoursSet]).then(held));
  it('is nothing new the second time, whatever became of the booking', () => holding([hoursSet, held], { status: 'Reserved' }).alreadySo());
  it('is refused when the booking ended meanwhile', () =>
    holding([hoursSet], { status: 'Failed' }).refused(BookingEnded, { status: 'Failed' }));
  it('is refused when it was released already', () =>
    holding([hoursSet, held, freed], { status: 'Failed' }).refused(BookingEnded, { status: 'Failed' }));
  it('is refused while the tutor has no hours', () => holding([]).refused(calendar.AvailabilityNotSet));
  it('is refused on a day off', () => holding([hoursSet, dayOff]).refused(calendar.OutsideAvailability, { because: 'hours' }));
  it('is refused off the step', () => holding([hoursSet], { shift: 10 }).refused(calendar.OutsideAvailability, { because: 'hours' }));
  it('is refused when it would end after the hours', () =>
    holding([hoursSet], { shift: 210 }).refused(calendar.OutsideAvailability, { because: 'hours' }));
  it('is refused at short notice', () =>
    holding([hoursSet], { at: plus(wednesdayAtFour.startsAt, -119 * MINUTE) }).refused(calendar.OutsideAvailability, {
      because: 'notice',
    }));
  it('is refused beyond the horizon', () =>
    holding([hoursSet], { at: '2026-09-20T00:00:00.000Z' }).refused(calendar.OutsideAvailability, { because: 'horizon' }));
  it('is refused while another booking holds the time', () => holding([hoursSet, held], { id: otherBooking }).refused(calendar.SlotTaken));
  it('is refused within the buffer of another', () =>
    holding([hoursSet, held], { id: otherBooking, shift: 60 }).refused(calendar.SlotTaken));
  it('is refused when another booking has the time, even after its hold', () =>
    holding([hoursSet, held, taken], { id: otherBooking, at: heldUntil }).refused(calendar.SlotTaken));

  const later = event(calendar.slotHeld, { ...held.data, bookingId: otherBooking, until: plus(heldUntil, 15 * MINUTE) });
  it('takes over a hold that ran out', () => holding([hoursSet, held], { id: otherBooking, at: heldUntil }).then(freed, later));
});

describe('A hold for a lesson whose day is long over', () => {
  const nextWeek = {
    ...held.data,
    bookingId: otherBooking,
    startsAt: plus(wednesdayAtFour.startsAt, 7 * DAY),
    endsAt: plus(wednesdayAtFour.endsAt, 7 * DAY),
    blockedFrom: plus(held.data.blockedFrom, 7 * DAY),
    blockedTo: plus(held.data.blockedTo, 7 * DAY),
    until: plus(held.data.until, 7 * DAY),
  };
  const past = [hoursSet, held, event(calendar.slotHeld, nextWeek)];

  it('is released when its booking fails, however many holds there were since', () =>
    given(tutorCalendar, ...past)
      .when(calendar.releaseSlot, { tutorId, bookingId }, { facts: { bookingStatus: 'Failed' } })
      .then(freed));
});

describe('Confirming a slot', () => {
  const overtaken = event(calendar.slotHeld, { ...held.data, bookingId: otherBooking, until: plus(heldUntil, 15 * MINUTE) });
  const confirming = (past: Past, status: Status = 'Reserved', at = MONDAY_NOON) =>
    given(tutorCalendar, ...past).when(calendar.confirmSlot, { tutorId, bookingId }, { at, facts: { bookingStatus: status } });

  it('takes the held time for good', () => confirming([hoursSet, held]).then(taken));
  it('still works after the hold ran out, while nobody took the time', () =>
    confirming([hoursSet, held], 'Reserved', plus(heldUntil, MINUTE)).then(taken));
  it('is refused when somebody took the time', () =>
    confirming([hoursSet, held, freed, overtaken], 'Reserved', plus(heldUntil, MINUTE)).refused(calendar.SlotLost));
  it('is possible until the lesson’s time is over', () =>
    confirming([hoursSet, held], 'Reserved', plus(wednesdayAtFour.endsAt, -1)).then(taken));
  it('is refused when the lesson’s time is over', () =>
    confirming([hoursSet, held], 'Reserved', wednesdayAtFour.endsAt).refused(LessonTimeOver));
  it('is refused once the booking failed', () => confirming([hoursSet, held], 'Failed').refused(BookingEnded, { status: 'Failed' }));
  it('is nothing new the second time', () => confirming([hoursSet, held, taken], 'Confirmed').alreadySo());
});

describe('Releasing a slot', () => {
  const releasing = (past: Past, status: Status = 'Failed') =>
    given(tutorCalendar, ...past).when(calendar.releaseSlot, { tutorId, bookingId }, { facts: { bookingStatus: status } });

  it('frees the time of a failed booking', () => releasing([hoursSet, held]).then(freed));
  it('frees it even when it was confirmed', () => releasing([hoursSet, held, taken]).then(freed));
  it('is refused while the booking needs it', () =>
    releasing([hoursSet, held], 'Reserved').refused(calendar.SlotInUse, { status: 'Reserved' }));
  it('is nothing new the second time', () => releasing([hoursSet, held, freed]).alreadySo());
});

describe('However bookings come and go', () => {
  const bookings = [0, 1, 2, 3, 4, 5].map((n) => `01939a00-0000-7000-8000-0000000000${(0xe0 + n).toString(16)}`);
  const step = fc.record({
    kind: fc.constantFrom('hold', 'hold', 'hold', 'confirm', 'release'),
    booking: fc.constantFrom(...bookings),
    start: fc.integer({ min: 0, max: 11 }),
    minutes: fc.constantFrom(30, 60, 90),
    wait: fc.integer({ min: 0, max: 12 }),
  });

  it('times in use never overlap, and a release or the end of a hold makes room again', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        let at = MONDAY_NOON;
        let state = fold(tutorCalendar, [hoursSet]);
        for (const { kind, booking, start, minutes, wait } of steps) {
          at = plus(at, wait * MINUTE);
          const circumstances = { at, by: SYSTEM };
          const startsAt = plus('2026-11-25T14:00:00.000Z', start * 30 * MINUTE);
          const data = { tutorId, bookingId: booking, studentId, startsAt, endsAt: plus(startsAt, minutes * MINUTE) };
          try {
            const decided =
              kind === 'hold'
                ? tutorCalendar.decide({ type: 'HoldSlot', data, facts: { bookingStatus: 'Initiated' }, ...circumstances }, state)
                : kind === 'confirm'
                  ? tutorCalendar.decide({ type: 'ConfirmSlot', data, facts: { bookingStatus: 'Reserved' }, ...circumstances }, state)
                  : tutorCalendar.decide({ type: 'ReleaseSlot', data, facts: { bookingStatus: 'Failed' }, ...circumstances }, state);
            state = fold(tutorCalendar, decided, state);
          } catch (refusal) {
            if (!(refusal instanceof Refusal)) throw refusal;
            if (refusal instanceof calendar.SlotTaken) {
              const own = { from: Date.parse(data.startsAt), to: Date.parse(data.endsAt) + 10 * MINUTE };
              expect(Object.values(state.slots).some((slot) => calendar.isActive(slot, at) && overlaps(slot.blocked, own))).toBe(true);
            }
          }
          const active = Object.values(state.slots).filter((slot) => calendar.isActive(slot, at));
          for (const [index, slot] of active.entries())
            for (const other of active.slice(index + 1)) expect(overlaps(slot.blocked, other.blocked)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
