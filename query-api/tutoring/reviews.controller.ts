import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { FileStore } from '#infra/adapters/s3/file-store.ts';
import { byId, type ById, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { adminReviews } from '#projections/tutoring/admin-reviews.ts';
import { qualifications } from '#projections/tutoring/qualifications.ts';
import { tutorProfiles } from '#projections/tutoring/tutor-profiles.ts';
import { ownProfile, qualification, review, reviewStatuses } from './answers.ts';
import { TutorsQueries } from './tutors.queries.ts';

const filter = z.object({
  status: reviewStatuses.optional().describe('Default: all that are open.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const list = z.object({ reviews: z.array(review) });
const reviewed = review.extend({
  tutor: ownProfile.omit({ qualifications: true }),
  qualifications: z.array(
    qualification.extend({ documentUrl: z.string().nullable().describe('Downloads the document, for five minutes.') }),
  ),
});
const OPEN = ['Queued', 'InReview', 'Assessed', 'WaitingTutor'] as const;
const DOWNLOAD_SECONDS = 300;

/** The administrators' view of the review queue. */
@Controller('admin/reviews')
export class ReviewsQueriesController {
  constructor(
    @Inject(TutorsQueries) private readonly tutors: TutorsQueries,
    @Inject(FileStore) private readonly files: FileStore,
  ) {}

  @Get()
  @Endpoint({
    summary: 'The review queue, those due first.',
    actors: ['admin'],
    query: filter,
    response: list,
    reads: [adminReviews.name],
  })
  async queue(@Query() { status, limit }: z.output<typeof filter>): Promise<object> {
    return { reviews: await this.tutors.reviews(status === undefined ? OPEN : [status], limit) };
  }

  @Get(':id')
  @Endpoint({
    summary: 'A review with the tutor’s profile and links to the documents.',
    actors: ['admin'],
    params: byId,
    response: reviewed,
    reads: [adminReviews.name, tutorProfiles.name, qualifications.name],
    secretAnswer: true,
  })
  async show(@Params() { id }: ById): Promise<object> {
    const found = await this.tutors.review(id);
    if (found === undefined) throw new Problem('not_found');
    const [tutor, items] = await Promise.all([this.tutors.tutor(found.tutorId), this.tutors.qualifications(found.tutorId)]);
    if (tutor === undefined) throw new Problem('not_found');
    const shown = items.map(async (item) => ({
      ...item,
      documentUrl: item.documentKey === null ? null : await this.files.downloadUrl(item.documentKey, DOWNLOAD_SECONDS),
    }));
    return { ...found, tutor, qualifications: await Promise.all(shown) };
  }
}
