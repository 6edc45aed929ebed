import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';
import { byId, type ById, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { CLOCK } from '#infra/http/injection.ts';
import { Problem } from '#infra/http/problems.ts';
import type { Clock } from '#infra/time/clock.ts';
import { availabilityExceptions, tutorAvailability } from '#projections/lessons/tutor-availability.ts';
import { tutorSlots } from '#projections/lessons/tutor-slots.ts';
import { SlotsQueries } from './slots.queries.ts';

const LONGEST = 31 * DAY;
const instant = z.iso.datetime({ offset: true }).transform((moment) => new Date(moment).toISOString());
const wanted = z.object({
  from: instant.optional().describe('Default: now.'),
  to: instant.optional().describe('Default: two weeks later; 31 days at most.'),
  minutes: z.coerce.number().int().min(15).max(240).multipleOf(15).default(60),
});
const answer = z.object({
  tutorId: z.string(),
  timeZone: z.string(),
  slots: z
    .array(z.object({ startsAt: z.iso.datetime(), endsAt: z.iso.datetime() }))
    .describe('When such a lesson can be, in UTC; in order.'),
});

@Controller('tutors')
export class SlotsController {
  constructor(
    @Inject(SlotsQueries) private readonly slots: SlotsQueries,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get(':id/slots')
  @Endpoint({
    summary: 'The free times of a tutor.',
    actors: 'anyone',
    params: byId,
    query: wanted,
    response: answer,
    reads: [tutorAvailability.name, availabilityExceptions.name, tutorSlots.name],
  })
  async free(@Params() { id }: ById, @Query() asked: z.output<typeof wanted>): Promise<z.output<typeof answer>> {
    const now = this.clock.now();
    const from = asked.from ?? now;
    const last = plus(from, LONGEST);
    const to = asked.to ?? plus(from, 14 * DAY);
    const found = await this.slots.free(id, { from, to: to < last ? to : last, minutes: asked.minutes, now });
    if (found === undefined) throw new Problem('not_found');
    const slots = found.starts.map((startsAt) => ({ startsAt, endsAt: plus(startsAt, asked.minutes * MINUTE) }));
    return { tutorId: id, timeZone: found.timeZone, slots };
  }
}
