import { z } from 'zod';
import { DAY, MINUTE, type Instant } from '../kernel/time.ts';

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be HH:MM');
const windowShape = { from: clockTime, to: clockTime };
const forward = (window: { from: string; to: string }) => window.from < window.to;

/** Bookable hours of a day by the tutor's clock, `[from, to)`. `weekday` is 1 (Monday) to 7 (Sunday). */
export const weeklyWindow = z
  .object({ weekday: z.number().int().min(1).max(7), ...windowShape })
  .refine(forward, 'must end after it begins');
/** Replaces the weekly hours of one date; no windows means a day off. */
export const dateException = z.object({
  date: z.iso.date(),
  windows: z.array(z.object(windowShape).refine(forward, 'must end after it begins')).max(12),
});

/** What a tutor may choose about bookings. */
export const bookingTerms = z.object({
  bufferBeforeMinutes: z.number().int().min(0).max(120),
  bufferAfterMinutes: z.number().int().min(0).max(120),
  noticeMinutes: z
    .number()
    .int()
    .min(0)
    .max(14 * 1440),
  horizonDays: z.number().int().min(1).max(60),
  stepMinutes: z.union([z.literal(15), z.literal(30), z.literal(60)]),
});
export type BookingTerms = z.output<typeof bookingTerms>;

export const DEFAULT_TERMS: BookingTerms = {
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 10,
  noticeMinutes: 120,
  horizonDays: 60,
  stepMinutes: 30,
};

/** Weekly hours by the tutor's clock, and the dates that differ. */
export interface Availability {
  readonly timeZone: string;
  readonly weekly: readonly z.output<typeof weeklyWindow>[];
  /** By date, `YYYY-MM-DD`. */
  readonly exceptions: Readonly<Record<string, z.output<typeof dateException>['windows']>>;
}

/** A stretch of time `[from, to)`, in milliseconds since 1970. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function offsetFormat(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
    formats.set(timeZone, format);
  }
  return format;
}

/** Milliseconds that the clocks of a zone are ahead of UTC at a moment. */
function offsetAt(timeZone: string, moment: number): number {
  const name = offsetFormat(timeZone)
    .formatToParts(moment)
    .find((part) => part.type === 'timeZoneName')!.value;
  const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name)!;
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -size : size;
}

/**
 * The moment when the clocks of a zone show a time on a date. A time that is skipped moves forward by the length of the gap;
 * of a time that happens twice the first is meant. `time` may be `24:00`.
 */
export function momentOf(timeZone: string, date: string, time: string): number {
  const local = Date.parse(`${date}T00:00:00Z`) + (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * MINUTE;
  const before = offsetAt(timeZone, local - DAY);
  const after = offsetAt(timeZone, local + DAY);
  const early = local - before;
  if (before === after || offsetAt(timeZone, early) === before) return early;
  const late = local - after;
  return offsetAt(timeZone, late) === after ? late : early;
}

/** The date that the clocks of a zone show at a moment, `YYYY-MM-DD`. */
function dateAt(timeZone: string, moment: number): string {
  return new Date(moment + offsetAt(timeZone, moment)).toISOString().slice(0, 10);
}

/** The tutor's hours that touch a stretch of time, each as it was set, whole and in order of its date. */
export function hoursTouching(availability: Availability, from: number, to: number): readonly Range[] {
  const { timeZone, weekly, exceptions } = availability;
  const hours: Range[] = [];
  const last = dateAt(timeZone, to);
  // One day earlier, as hours that move forward over a gap at midnight end on the next date.
  for (let day = Date.parse(dateAt(timeZone, from - DAY)); ; day += DAY) {
    const date = new Date(day).toISOString().slice(0, 10);
    if (date > last) break;
    const weekday = new Date(day).getUTCDay() || 7;
    for (const window of exceptions[date] ?? weekly.filter((rule) => rule.weekday === weekday)) {
      const range = { from: momentOf(timeZone, date, window.from), to: momentOf(timeZone, date, window.to) };
      if (range.from < range.to && range.from <= to && range.to >= from) hours.push(range);
    }
  }
  return hours;
}

/** Joins ranges that overlap or touch; the answer is in order. */
function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const previous = merged.at(-1);
    if (previous !== undefined && range.from <= previous.to)
      merged[merged.length - 1] = { from: previous.from, to: Math.max(previous.to, range.to) };
    else merged.push(range);
  }
  return merged;
}

/** A lesson with the time kept free around it. */
export function blockedRange(lesson: Range, terms: Pick<BookingTerms, 'bufferBeforeMinutes' | 'bufferAfterMinutes'>): Range {
  return { from: lesson.from - terms.bufferBeforeMinutes * MINUTE, to: lesson.to + terms.bufferAfterMinutes * MINUTE };
}

export function overlaps(a: Range, b: Range): boolean {
  return a.from < b.to && b.from < a.to;
}

/** Why a lesson may not be at a time as far as hours and terms go; `undefined` when it may. */
export function outsideTerms(
  availability: Availability,
  terms: BookingTerms,
  lesson: Range,
  now: number,
): 'notice' | 'horizon' | 'hours' | undefined {
  if (lesson.from < now + terms.noticeMinutes * MINUTE) return 'notice';
  if (lesson.from > now + terms.horizonDays * DAY) return 'horizon';
  const hours = hoursTouching(availability, lesson.from, lesson.to);
  const onStep = hours.some(({ from, to }) => from <= lesson.from && lesson.from < to && (lesson.from - from) % stepOf(terms) === 0);
  return onStep && isInside(lesson, merge(hours)) ? undefined : 'hours';
}

/**
 * The starts at which a lesson of `minutes` can be booked from one moment to another (both included): inside the hours, on a step counted
 * from the beginning of the hours, with notice, within the horizon, and clear of what is blocked. In order.
 */
export function bookableStarts(
  availability: Availability,
  terms: BookingTerms,
  blocked: readonly Range[],
  asked: { readonly from: number; readonly to: number; readonly now: number; readonly minutes: number },
): readonly Instant[] {
  const earliest = Math.max(asked.from, asked.now + terms.noticeMinutes * MINUTE);
  const latest = Math.min(asked.to, asked.now + terms.horizonDays * DAY);
  if (earliest > latest) return [];
  const length = asked.minutes * MINUTE;
  const step = stepOf(terms);
  const hours = hoursTouching(availability, earliest, latest + length);
  const open = merge(hours);
  const starts = new Set<number>();
  for (const { from, to } of hours) {
    const skipped = Math.max(0, Math.ceil((earliest - from) / step));
    for (let start = from + skipped * step; start < to && start <= latest; start += step) {
      const lesson = { from: start, to: start + length };
      const taken = blockedRange(lesson, terms);
      if (isInside(lesson, open) && !blocked.some((other) => overlaps(other, taken))) starts.add(start);
    }
  }
  return [...starts].sort((a, b) => a - b).map((start) => new Date(start).toISOString());
}

function stepOf(terms: BookingTerms): number {
  return terms.stepMinutes * MINUTE;
}

function isInside(inner: Range, ranges: readonly Range[]): boolean {
  return ranges.some((range) => range.from <= inner.from && inner.to <= range.to);
}
