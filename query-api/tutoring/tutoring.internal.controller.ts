import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { taught } from '#domain/tutoring/tutor-profile.messages.ts';
import { byId, type ById, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { adminReviews } from '#projections/tutoring/admin-reviews.ts';
import { qualifications } from '#projections/tutoring/qualifications.ts';
import { tutorProfiles } from '#projections/tutoring/tutor-profiles.ts';
import { publicTutorOf, qualification, tutorPage, tutorStanding } from './answers.ts';
import { TutorsQueries, type Page } from './tutors.queries.ts';

const page = z.object({ after: uuid.optional(), limit: z.coerce.number().int().min(1).max(500).default(100) });
const search = page.extend({ subject: taught.shape.subject.optional(), level: taught.shape.level.optional() });
const verification = tutorStanding.extend({ verified: z.boolean(), qualifications: z.array(qualification) });
type TutorPage = z.output<typeof tutorPage>;

@Controller('internal/tutors')
export class TutoringInternalQueriesController {
  constructor(@Inject(TutorsQueries) private readonly tutors: TutorsQueries) {}

  @Get('available-for-matching')
  @Endpoint({
    summary: 'Every tutor whom students can find, by id.',
    actors: ['internal', 'admin'],
    query: page,
    response: tutorPage,
    reads: [tutorProfiles.name],
  })
  available(@Query() wanted: z.output<typeof page>): Promise<TutorPage> {
    return this.#page({}, wanted);
  }

  @Get('search')
  @Endpoint({
    summary: 'Tutors of a subject and level, by id; unranked.',
    actors: ['internal', 'admin'],
    query: search,
    response: tutorPage,
    reads: [tutorProfiles.name],
  })
  search(@Query() wanted: z.output<typeof search>): Promise<TutorPage> {
    return this.#page(wanted, wanted);
  }

  @Get(':id/verification-status')
  @Endpoint({
    summary: 'Where a tutor stands, with the latest review and every qualification.',
    actors: ['internal', 'admin'],
    params: byId,
    response: verification,
    reads: [tutorProfiles.name, adminReviews.name, qualifications.name],
  })
  async verification(@Params() { id }: ById): Promise<object> {
    const [tutor, review, items] = await Promise.all([this.tutors.tutor(id), this.tutors.lastReview(id), this.tutors.qualifications(id)]);
    if (tutor === undefined) throw new Problem('not_found');
    const verified = tutor.status === 'Approved' || tutor.status === 'Available' || tutor.status === 'Paused';
    return { ...tutor, verified, review: review ?? null, qualifications: items };
  }

  async #page(wanted: { subject?: string | undefined; level?: string | undefined }, page: Page): Promise<TutorPage> {
    const rows = await this.tutors.available(wanted, page);
    return { tutors: rows.map(publicTutorOf), next: rows.length < page.limit ? null : (rows.at(-1)?.tutorId ?? null) };
  }
}
