import { Controller, Get, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { byId, type ById, Caller, Endpoint, Params } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { adminReviews } from '#projections/tutoring/admin-reviews.ts';
import { qualifications } from '#projections/tutoring/qualifications.ts';
import { tutorProfiles } from '#projections/tutoring/tutor-profiles.ts';
import { ownProfile, publicTutor, publicTutorOf, tutorStanding } from './answers.ts';
import { TutorsQueries } from './tutors.queries.ts';

@Controller('tutors')
export class TutorsQueriesController {
  constructor(@Inject(TutorsQueries) private readonly tutors: TutorsQueries) {}

  @Get('status')
  @Endpoint({
    summary: 'Where one stands with the platform, and the latest review.',
    actors: ['tutor'],
    response: tutorStanding,
    reads: [tutorProfiles.name, adminReviews.name],
  })
  async status(@Caller() caller: Caller): Promise<object> {
    const tutorId = caller.actor.userId!;
    const [tutor, review] = await Promise.all([this.tutors.tutor(tutorId), this.tutors.lastReview(tutorId)]);
    if (tutor === undefined) throw new Problem('not_found');
    return { ...tutor, review: review ?? null };
  }

  @Get('profile')
  @Endpoint({
    summary: 'One’s own tutor profile with all qualifications.',
    actors: ['tutor'],
    response: ownProfile,
    reads: [tutorProfiles.name, qualifications.name],
  })
  async profile(@Caller() caller: Caller): Promise<object> {
    const tutorId = caller.actor.userId!;
    const [tutor, qualifications] = await Promise.all([this.tutors.tutor(tutorId), this.tutors.qualifications(tutorId)]);
    if (tutor === undefined) throw new Problem('not_found');
    return { ...tutor, qualifications };
  }

  // After the words above, which it would take for ids.
  @Get(':id')
  @Endpoint({
    summary: 'The public page of a tutor: only what was reviewed.',
    actors: 'anyone',
    params: byId,
    response: publicTutor,
    reads: [tutorProfiles.name],
  })
  async show(@Params() { id }: ById): Promise<z.output<typeof publicTutor>> {
    const tutor = await this.tutors.tutor(id);
    if (tutor === undefined || (tutor.status !== 'Available' && tutor.status !== 'Paused')) throw new Problem('not_found');
    return publicTutorOf(tutor);
  }
}
