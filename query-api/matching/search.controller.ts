import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { currency, minorUnits } from '#domain/kernel/money.ts';
import type { Ranked } from '#domain/matching/ranking.ts';
import { taught } from '#domain/tutoring/tutor-profile.messages.ts';
import { Caller, Endpoint, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { searchGate } from '#projections/matching/search-gate.ts';
import { tutorSearch } from '#projections/matching/tutor-search.ts';
import { cursorOf, writeCursor } from '../cursor.ts';
import { foundTutor } from './answers.ts';
import { Searching } from './searching.ts';
import type { FoundTutor } from './tutor-index.ts';

const wanted = z.object({
  subject: taught.shape.subject,
  level: taught.shape.level.optional(),
  language: z.string().trim().toLowerCase().min(1).max(20).optional().describe('Preferred; tutors without it come later.'),
  maximumRateMinor: z.coerce.number().pipe(minorUnits).optional(),
  currency: currency.optional(),
  words: z.string().trim().min(1).max(100).optional().describe('Looked for in names and descriptions.'),
  after: cursorOf([z.number().int(), uuid]).optional(),
  limit: z.coerce.number().int().min(1).max(50).default(20),
  explain: z.literal('1').optional().describe('For administrators: why each tutor has the place.'),
});
const answer = z.object({
  searchId: z.string(),
  total: z.number().int(),
  tutors: z.array(foundTutor),
  next: z.string().nullable().describe('Send it as `after` for the next page.'),
  servedBy: z.enum(['postgres', 'opensearch']).describe('Which index has answered: Postgres also while OpenSearch is away or behind.'),
});

@Controller('search')
export class SearchController {
  constructor(@Inject(Searching) private readonly searching: Searching) {}

  @Get('tutors')
  @Endpoint({
    summary: 'Find tutors of a subject, the best first.',
    actors: ['student', 'tutor', 'parent', 'admin'],
    query: wanted,
    response: answer,
    reads: [tutorSearch.name, searchGate.name],
    rate: 'strict',
  })
  async search(
    @Query() { after, limit, explain, ...wish }: z.output<typeof wanted>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof answer>> {
    if (explain !== undefined && caller.actor.role !== 'admin') throw new Problem('forbidden');
    const { searchId, page, total, more, servedBy } = await this.searching.search(wish, { after, limit }, caller);
    const last = page.at(-1);
    return {
      searchId,
      total,
      tutors: page.map((ranked) => shown(ranked, explain !== undefined)),
      servedBy,
      next: more && last !== undefined ? writeCursor([last.score, last.candidate.tutorId]) : null,
    };
  }
}

function shown({ candidate, score, reasons }: Ranked<FoundTutor>, explained: boolean): z.output<typeof foundTutor> {
  const { subjects, languages, ...tutor } = candidate;
  return {
    ...tutor,
    subjects: [...subjects],
    languages: [...languages],
    score,
    ...(explained ? { reasons: [...reasons] } : {}),
  };
}
