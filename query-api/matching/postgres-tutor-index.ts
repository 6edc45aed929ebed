import type { Database } from '#infra/postgres/database.ts';
import { tutorSearch } from '#projections/matching/tutor-search.ts';
import { viewOf } from '../rows.ts';
import { MOST_CANDIDATES, type FoundTutor, type FoundTutors, type SearchWish, type TutorIndex } from './tutor-index.ts';

const WORDS = `to_tsvector('simple', coalesce(display_name, '') || ' ' || coalesce(headline, '') || ' ' || coalesce(bio, ''))`;

/** Searches tutors in their read model, words by Postgres' own full text. */
export class PostgresTutorIndex implements TutorIndex {
  constructor(private readonly database: Database) {}

  async find({ subject, level, maximumRateMinor, currency, words }: SearchWish): Promise<FoundTutors> {
    const sql = `select tutor_id as "tutorId", taught as "subjects", languages, hourly_rate_minor as "hourlyRateMinor", currency,
        0 as "ratingCount", 0 as "ratingSum", lessons_given as "lessonsGiven", display_name as "displayName", headline,
        time_zone as "timeZone",
        case when $5::text is null then 0 else ts_rank(${WORDS}, plainto_tsquery('simple', $5), 32)::float8 end as "wordsMatch"
      from ${viewOf(tutorSearch)}
      where available and subjects @> array[$1::text] and taught @> $2::jsonb
        and ($3::bigint is null or hourly_rate_minor <= $3) and ($4::text is null or currency = $4)
        and ($5::text is null or ${WORDS} @@ plainto_tsquery('simple', $5))
      order by key collate "C" limit ${MOST_CANDIDATES}`;
    const taught = JSON.stringify([{ subject, ...(level === undefined ? {} : { level }) }]);
    const params = [subject, taught, maximumRateMinor ?? null, currency ?? null, words ?? null];
    return { tutors: await this.database.query<FoundTutor>(sql, params, 'matching.search_tutors'), servedBy: 'postgres' };
  }
}
