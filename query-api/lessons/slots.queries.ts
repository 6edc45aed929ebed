import { Inject, Injectable } from '@nestjs/common';
import { DAY, type Instant } from '#domain/kernel/time.ts';
import { bookableStarts, type Availability, type BookingTerms } from '#domain/lessons/availability.ts';
import { Database } from '#infra/postgres/database.ts';
import {
  availabilityExceptions,
  tutorAvailability,
  type AvailabilityExceptionRow,
  type TutorAvailabilityRow,
} from '#projections/lessons/tutor-availability.ts';
import { tutorSlots } from '#projections/lessons/tutor-slots.ts';
import { columnsOf, viewOf } from '../rows.ts';

export interface FreeTimes {
  readonly timeZone: string;
  readonly weekly: Availability['weekly'];
  readonly terms: BookingTerms;
  readonly starts: readonly Instant[];
}

/** Works out when a tutor can be booked. Whether a time is really free is decided when it is held. */
@Injectable()
export class SlotsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** The starts of free times of so many minutes, between two moments; undefined for a tutor who has set no hours. */
  async free(
    tutorId: string,
    { from, to, minutes, now }: { from: Instant; to: Instant; minutes: number; now: Instant },
  ): Promise<FreeTimes | undefined> {
    const hours = `select ${columnsOf(tutorAvailability)} from ${viewOf(tutorAvailability)} where key = $1`;
    const [row] = await this.database.query<TutorAvailabilityRow>(hours, [tutorId], 'lessons.hours');
    if (row === undefined) return undefined;
    const [exceptions, blocked] = await Promise.all([this.#exceptions(tutorId, from, to), this.#blocked(tutorId, from, now)]);
    const asked = { from: Date.parse(from), to: Date.parse(to), now: Date.parse(now), minutes };
    const { timeZone, weekly, terms } = row;
    return { timeZone, weekly, terms, starts: bookableStarts({ timeZone, weekly, exceptions }, terms, blocked, asked) };
  }

  async #exceptions(tutorId: string, from: Instant, to: Instant): Promise<Availability['exceptions']> {
    const day = (instant: Instant, shift: number) => new Date(Date.parse(instant) + shift * DAY).toISOString().slice(0, 10);
    const sql = `select ${columnsOf(availabilityExceptions)} from ${viewOf(availabilityExceptions)}
      where tutor_id = $1 and date between $2 and $3`;
    // Dates are the tutor's, and hours that reach into the time asked for may begin the day before.
    const rows = await this.database.query<AvailabilityExceptionRow>(sql, [tutorId, day(from, -2), day(to, 2)], 'lessons.exceptions');
    return Object.fromEntries(rows.map(({ date, windows }) => [date, windows]));
  }

  async #blocked(tutorId: string, from: Instant, now: Instant): Promise<{ from: number; to: number }[]> {
    const sql = `select blocked_from as "from", blocked_to as "to" from ${viewOf(tutorSlots)}
      where tutor_id = $1 and blocked_to > $2 and (held_until is null or held_until > $3)`;
    const rows = await this.database.query<{ from: Instant; to: Instant }>(sql, [tutorId, from, now], 'lessons.blocked');
    return rows.map((range) => ({ from: Date.parse(range.from), to: Date.parse(range.to) }));
  }
}
