import type { TutorSearchRow } from './tutor-search.ts';

/** A tutor in OpenSearch. */
export interface TutorDocument {
  readonly available: boolean;
  readonly subjects: readonly string[];
  /** Subject and level together, by {@link taughtAs}. */
  readonly taught: readonly string[];
  readonly hourlyRateMinor: number | null;
  readonly currency: string | null;
  readonly words: string;
  /** What a searcher sees; not searched. */
  readonly shown: Omit<TutorSearchRow, 'available' | 'subjects' | 'bio'>;
}

/** The index of tutors. Raise `version` when documents or fields would come out differently: it is then filled anew. */
export const tutorDocuments = {
  alias: 'tutors',
  version: 1,
  /** The name of its checkpoint. */
  consumer: 'search.tutors',
  fields: {
    available: { type: 'boolean' },
    subjects: { type: 'keyword' },
    taught: { type: 'keyword' },
    hourlyRateMinor: { type: 'long' },
    currency: { type: 'keyword' },
    words: { type: 'text', analyzer: 'whitespace' },
    shown: { type: 'object', enabled: false },
  },
} as const;

export function tutorDocument({ available, subjects, bio, ...shown }: TutorSearchRow): TutorDocument {
  const { taught, hourlyRateMinor, currency, displayName, headline } = shown;
  const words = wordsIn([displayName, headline, bio].filter((text) => text !== null).join(' '));
  return {
    available,
    subjects,
    taught: taught.map(({ subject, level }) => taughtAs(subject, level)),
    hourlyRateMinor,
    currency,
    words,
    shown,
  };
}

/** A subject at a level as one term. */
export function taughtAs(subject: string, level: string): string {
  return JSON.stringify([subject, level]);
}

/** The words of a text, in lower case with a space between each: letters and digits, as Postgres' simple full text takes them apart. */
export function wordsIn(text: string): string {
  return (
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  ).join(' ');
}
