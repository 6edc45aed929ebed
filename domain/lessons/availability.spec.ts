import { describe, expect, it } from '@jest/globals';
import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import { DAY, MINUTE } from '../kernel/time.ts';
import {
  blockedRange,
  bookableStarts,
  DEFAULT_TERMS,
  hoursTouching,
  momentOf,
  outsideTerms,
  overlaps,
  weeklyWindow,
  type Availability,
} from './availability.ts';

const ms = Date.parse;
const iso = (moment: number) => new Date(moment).toISOString();
const mondays = (from: string, to: string, zone = 'Europe/London'): Availability => ({
  timeZone: zone,
  weekly: [{ weekday: 1, from, to }],
  exceptions: {},
});
const zones = [
  'Europe/London',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/Santiago',
  'UTC',
];

describe("The moment that a tutor's clock means", () => {
  it('follows the zone', () => expect(iso(momentOf('America/New_York', '2026-11-23', '09:00'))).toBe('2026-11-23T14:00:00.000Z'));
  it('moves forward when the time is skipped in spring', () =>
    expect(iso(momentOf('Europe/London', '2027-03-28', '01:30'))).toBe('2027-03-28T01:30:00.000Z'));
  it('is the first of two when the time happens twice in autumn', () =>
    expect(iso(momentOf('Europe/London', '2026-10-25', '01:30'))).toBe('2026-10-25T00:30:00.000Z'));
  it('takes 24:00 for midnight', () => expect(iso(momentOf('UTC', '2026-11-23', '24:00'))).toBe('2026-11-24T00:00:00.000Z'));

  it('is what Temporal says, in any zone and season', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 3650 }), fc.integer({ min: 0, max: 1439 }), (zone, day, minute) => {
        const date = new Date(Date.UTC(2024, 0, 1) + day * DAY).toISOString().slice(0, 10);
        const time = `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
        const expected = Temporal.PlainDateTime.from(`${date}T${time}`).toZonedDateTime(zone, { disambiguation: 'compatible' });
        expect(momentOf(zone, date, time)).toBe(expected.epochMilliseconds);
      }),
      { numRuns: 500 },
    );
  });
});

describe('Weekly hours', () => {
  it('keep the wall clock over a change of the clocks', () => {
    const hours = hoursTouching(mondays('09:00', '12:00'), ms('2026-10-19T00:00:00Z'), ms('2026-10-26T23:00:00Z'));
    expect(hours.map(({ from, to }) => [iso(from), iso(to)])).toEqual([
      ['2026-10-19T08:00:00.000Z', '2026-10-19T11:00:00.000Z'],
      ['2026-10-26T09:00:00.000Z', '2026-10-26T12:00:00.000Z'],
    ]);
  });
  it('give way to the exception of a date', () => {
    const availability = { ...mondays('09:00', '12:00'), exceptions: { '2026-11-23': [], '2026-11-24': [{ from: '18:00', to: '19:00' }] } };
    const hours = hoursTouching(availability, ms('2026-11-23T00:00:00Z'), ms('2026-11-25T00:00:00Z'));
    expect(hours.map(({ from }) => iso(from))).toEqual(['2026-11-24T18:00:00.000Z']);
  });
  it('must end after they begin', () => expect(weeklyWindow.safeParse({ weekday: 1, from: '12:00', to: '12:00' }).success).toBe(false));
});

describe('Bookable starts', () => {
  const asked = { from: ms('2026-11-23T00:00:00Z'), to: ms('2026-11-24T00:00:00Z'), now: ms('2026-11-22T12:00:00Z'), minutes: 60 };
  const starts = (availability: Availability, blocked: readonly { from: number; to: number }[] = [], change: Partial<typeof asked> = {}) =>
    bookableStarts(availability, DEFAULT_TERMS, blocked, { ...asked, ...change }).map((start) => start.slice(11, 16));

  it('are every half hour while the lesson still ends in time', () =>
    expect(starts(mondays('09:00', '11:00'))).toEqual(['09:00', '09:30', '10:00']));
  it('count their steps from the beginning of the hours', () => expect(starts(mondays('09:15', '10:45'))).toEqual(['09:15', '09:45']));
  it('keep two hours of notice', () =>
    expect(starts(mondays('09:00', '12:00'), [], { now: ms('2026-11-23T07:45:00Z') })).toEqual(['10:00', '10:30', '11:00']));
  it('end with the horizon', () => expect(starts(mondays('09:00', '12:00'), [], { now: ms('2026-09-20T00:00:00Z') })).toEqual([]));
  it('leave ten minutes after another lesson', () => {
    const lesson = blockedRange({ from: ms('2026-11-23T09:00:00Z'), to: ms('2026-11-23T10:00:00Z') }, DEFAULT_TERMS);
    expect(starts(mondays('09:00', '12:00'), [lesson])).toEqual(['10:30', '11:00']);
  });
  it('run on over hours that touch', () => {
    const evening = { ...mondays('22:00', '24:00'), timeZone: 'UTC' };
    const nights = { ...evening, weekly: [...evening.weekly, { weekday: 2, from: '00:00', to: '01:00' }] };
    expect(starts(nights, [], { to: ms('2026-11-24T02:00:00Z') })).toEqual(['22:00', '22:30', '23:00', '23:30', '00:00']);
  });

  const minute = fc.integer({ min: 0, max: 95 }).map((quarter) => quarter * 15);
  const clock = (value: number) => `${String(Math.floor(value / 60)).padStart(2, '0')}:${String(value % 60).padStart(2, '0')}`;
  const window = fc
    .tuple(
      fc.integer({ min: 1, max: 7 }),
      minute,
      fc.integer({ min: 1, max: 95 }).map((quarter) => quarter * 15),
    )
    .map(([weekday, from, length]) => ({ weekday, from: clock(from), to: clock(Math.min(from + length, 1440)) }));

  it('are each allowed by the rules, clear of what is blocked, and none is missing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.array(window, { maxLength: 10 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 480 }), fc.integer({ min: 1, max: 16 })), { maxLength: 8 }),
        fc.integer({ min: 0, max: 700 }),
        fc.constantFrom(15, 60, 90),
        (zone, weekly, busy, day, minutes) => {
          const now = Date.UTC(2026, 0, 1) + day * DAY;
          const availability = { timeZone: zone, weekly, exceptions: {} };
          const blocked = busy.map(([start, length]) => ({ from: now + start * 15 * MINUTE, to: now + (start + length) * 15 * MINUTE }));
          const found = new Set(bookableStarts(availability, DEFAULT_TERMS, blocked, { from: now, to: now + 3 * DAY, now, minutes }));
          for (let start = now; start <= now + 3 * DAY; start += 15 * MINUTE) {
            const lesson = { from: start, to: start + minutes * MINUTE };
            const free = !blocked.some((range) => overlaps(range, blockedRange(lesson, DEFAULT_TERMS)));
            const allowed = free && outsideTerms(availability, DEFAULT_TERMS, lesson, now) === undefined;
            expect([iso(start), found.has(iso(start))]).toEqual([iso(start), allowed]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
