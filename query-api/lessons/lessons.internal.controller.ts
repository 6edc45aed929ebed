import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { byId, type ById, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { lessonRooms } from '#projections/lessons/lesson-rooms.ts';
import { lessons } from '#projections/lessons/lessons.ts';
import { attendance } from './answers.ts';
import { LessonsQueries } from './lessons.queries.ts';

const participants = z.object({ bookingId: z.string(), channel: z.string().nullable(), participants: z.array(attendance) });
const period = z.object({ from: z.iso.datetime().describe('Included.'), to: z.iso.datetime().describe('Not included.') });
const count = z.number().int();
const figures = period.extend({
  byCurrency: z.array(
    z.object({
      currency: z.string(),
      booked: count,
      failed: count,
      confirmed: count,
      completed: count,
      disputed: count,
      completedMinor: count.describe('What completed lessons cost, in minor units.'),
      taughtSeconds: count,
      shortfallSeconds: count,
    }),
  ),
});

@Controller('internal/lessons')
export class InternalLessonsQueriesController {
  constructor(@Inject(LessonsQueries) private readonly lessons: LessonsQueries) {}

  // Before `:id`, which would take the word for an id.
  @Get('analytics-data')
  @Endpoint({
    summary: 'What became of the lessons that start in a time.',
    actors: ['internal', 'admin'],
    query: period,
    response: figures,
    reads: [lessons.name],
  })
  async analytics(@Query() { from, to }: z.output<typeof period>): Promise<z.output<typeof figures>> {
    return { from, to, byCurrency: await this.lessons.figures(from, to) };
  }

  @Get(':id/participants')
  @Endpoint({
    summary: 'Who takes part in a lesson, and who was there for how long.',
    actors: ['internal', 'admin'],
    params: byId,
    response: participants,
    reads: [lessons.name, lessonRooms.name],
  })
  async participants(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof participants>> {
    const { studentId, tutorId } = await this.lessons.lesson(id, caller.actor);
    const room = await this.lessons.room(id);
    const seen = (side: 'student' | 'tutor', userId: string): z.output<typeof attendance> => {
      const { since = null, firstJoinedAt = null, lastLeftAt = null, seconds = 0 } = room?.[side] ?? {};
      return { userId, side, present: since !== null, firstJoinedAt, lastLeftAt, seconds };
    };
    return { bookingId: id, channel: room?.channel ?? null, participants: [seen('student', studentId), seen('tutor', tutorId)] };
  }
}
