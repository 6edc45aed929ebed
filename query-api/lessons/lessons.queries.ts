import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '#domain/kernel/command.ts';
import type { Instant } from '#domain/kernel/time.ts';
import { BookingNotFound, NotYourBooking } from '#domain/lessons/lesson-booking.refusals.ts';
import { Database } from '#infra/postgres/database.ts';
import { lessonFiles, type LessonFileRow } from '#projections/lessons/lesson-files.ts';
import { lessonMessages, type LessonMessageRow } from '#projections/lessons/lesson-messages.ts';
import { lessonRooms, type LessonRoomRow } from '#projections/lessons/lesson-rooms.ts';
import { lessons, type LessonRow } from '#projections/lessons/lessons.ts';
import { columnsOf, viewOf } from '../rows.ts';

/** How many lessons began, or were to begin, in a time, and what became of them. Amounts are those of the quotes. */
export interface LessonFigures {
  readonly currency: string;
  readonly booked: number;
  readonly failed: number;
  readonly confirmed: number;
  readonly completed: number;
  readonly disputed: number;
  readonly completedMinor: number;
  readonly taughtSeconds: number;
  readonly shortfallSeconds: number;
}

/** Reads lessons, their rooms, messages and files. */
@Injectable()
export class LessonsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** A lesson, for those whom it concerns. Throws the refusal for others. */
  async lesson(bookingId: string, { role, userId }: Actor): Promise<LessonRow> {
    const sql = `select ${columnsOf(lessons)} from ${viewOf(lessons)} where key = $1`;
    const [lesson] = await this.database.query<LessonRow>(sql, [bookingId], 'lessons.lesson');
    if (lesson === undefined) throw new BookingNotFound();
    const concerned = [lesson.studentId, lesson.tutorId, lesson.payerId].includes(userId ?? '');
    if (!concerned && role !== 'admin' && role !== 'internal') throw new NotYourBooking();
    return lesson;
  }

  /** The lessons of a person that are not over and have not failed; the next first. */
  upcoming(userId: string, now: Instant, limit: number): Promise<LessonRow[]> {
    const sql = `select ${columnsOf(lessons)} from ${viewOf(lessons)}
      where (student_id = $1 or tutor_id = $1) and ends_at > $2 and status in ('Initiated', 'Reserved', 'Confirmed', 'InProgress')
      order by starts_at, key limit $3`;
    return this.database.query<LessonRow>(sql, [userId, now, limit], 'lessons.upcoming');
  }

  async room(lessonId: string): Promise<LessonRoomRow | undefined> {
    const sql = `select ${columnsOf(lessonRooms)} from ${viewOf(lessonRooms)} where key = $1`;
    return (await this.database.query<LessonRoomRow>(sql, [lessonId], 'lessons.room'))[0];
  }

  /** The messages of a lesson after a number, in order. */
  messages(lessonId: string, after: number, limit: number): Promise<LessonMessageRow[]> {
    const sql = `select ${columnsOf(lessonMessages)} from ${viewOf(lessonMessages)}
      where lesson_id = $1 and number > $2 order by number limit $3`;
    return this.database.query<LessonMessageRow>(sql, [lessonId, after, limit], 'lessons.messages');
  }

  /** The files that were shared in a lesson. */
  files(lessonId: string): Promise<LessonFileRow[]> {
    const sql = `select ${columnsOf(lessonFiles)} from ${viewOf(lessonFiles)} where lesson_id = $1 and status = 'Shared' order by shared_at, key`;
    return this.database.query<LessonFileRow>(sql, [lessonId], 'lessons.files');
  }

  /** Figures by currency of the lessons that start from one moment until before another. */
  figures(from: Instant, to: Instant): Promise<LessonFigures[]> {
    const sql = `select currency, count(*) as "booked",
        count(*) filter (where status = 'Failed') as "failed",
        count(confirmed_at) as "confirmed",
        count(ended_at) as "completed",
        count(*) filter (where status = 'Disputed') as "disputed",
        coalesce(sum(amount_minor) filter (where ended_at is not null), 0)::bigint as "completedMinor",
        coalesce(sum(actual_seconds), 0)::bigint as "taughtSeconds",
        coalesce(sum(shortfall_seconds), 0)::bigint as "shortfallSeconds"
      from ${viewOf(lessons)} where starts_at >= $1 and starts_at < $2 group by currency order by currency`;
    return this.database.query<LessonFigures>(sql, [from, to], 'lessons.figures');
  }
}
