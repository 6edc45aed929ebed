import type { Candidate } from '#domain/matching/ranking.ts';

/** What a search asks for. All but the subject may be left out. */
export interface SearchWish {
  readonly subject: string;
  readonly level?: string | undefined;
  readonly language?: string | undefined;
  /** Minor units an hour. */
  readonly maximumRateMinor?: number | undefined;
  readonly currency?: string | undefined;
  readonly words?: string | undefined;
}

/** A tutor who fits a search: what ranking looks at, and what the searcher sees. */
export interface FoundTutor extends Candidate {
  readonly displayName: string | null;
  readonly headline: string | null;
  readonly timeZone: string;
}

export interface FoundTutors {
  readonly tutors: readonly FoundTutor[];
  /** Which index has answered. */
  readonly servedBy: 'postgres' | 'opensearch';
}

/** Where tutors are searched: Postgres by default, OpenSearch where there is one. Both find the same; the ranking is not theirs. */
export interface TutorIndex {
  /**
   * Available tutors of the subject and level who fit every other wish but the language, by id; `MOST_CANDIDATES` at most. Of words, each
   * must occur in the name, headline or description, in whatever order and case. The answer knows of every change up to the log's position
   * `atLeast`, provided that the read model does. Throws when the index cannot answer.
   */
  find(wish: SearchWish, atLeast?: bigint): Promise<FoundTutors>;
}

/** So many tutors are ranked for one search. */
export const MOST_CANDIDATES = 2000;

/** Under which Nest injects the index. */
export const TUTOR_INDEX = Symbol('TutorIndex');
