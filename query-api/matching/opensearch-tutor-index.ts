import type { Client } from '@opensearch-project/opensearch';
import { taughtAs, tutorDocuments, wordsIn, type TutorDocument } from '#projections/matching/tutor-documents.ts';
import { MOST_CANDIDATES, type FoundTutor, type FoundTutors, type SearchWish, type TutorIndex } from './tutor-index.ts';

/** Searches tutors in OpenSearch, as far as its index has come. */
export class OpenSearchTutorIndex implements TutorIndex {
  constructor(
    private readonly client: Client,
    private readonly alias: string = tutorDocuments.alias,
  ) {}

  async find({ subject, level, maximumRateMinor, currency, words }: SearchWish): Promise<FoundTutors> {
    const filter = [
      { term: { available: true } },
      { term: { subjects: subject } },
      ...(level === undefined ? [] : [{ term: { taught: taughtAs(subject, level) } }]),
      ...(maximumRateMinor === undefined ? [] : [{ range: { hourlyRateMinor: { lte: maximumRateMinor } } }]),
      ...(currency === undefined ? [] : [{ term: { currency } }]),
    ];
    const must = words === undefined ? [] : [{ match: { words: { query: wordsIn(words), operator: 'AND' as const } } }];
    const { body } = await this.client.search({
      index: this.alias,
      body: {
        size: MOST_CANDIDATES,
        query: { bool: { filter, must } },
        sort: [{ id: 'asc' }],
        track_scores: true,
        track_total_hits: false,
        _source: ['shown'],
      },
    });
    const tutors = body.hits.hits.map(({ _source, _score }) => {
      const { shown } = _source as unknown as Pick<TutorDocument, 'shown'>;
      return foundOf(shown, words === undefined ? 0 : Number(_score ?? 0));
    });
    return { tutors, servedBy: 'opensearch' };
  }
}

/** `score` has no upper end; halfway to a full match lies where OpenSearch says 1. */
function foundOf({ taught, ...shown }: TutorDocument['shown'], score: number): FoundTutor {
  const { hourlyRateMinor, currency } = shown;
  // Nobody is available before both are known.
  if (hourlyRateMinor === null || currency === null) throw new Error('The index has an available tutor without a price.');
  return { ...shown, subjects: taught, hourlyRateMinor, currency, ratingCount: 0, ratingSum: 0, wordsMatch: score / (score + 1) };
}
