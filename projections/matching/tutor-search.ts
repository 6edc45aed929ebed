import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';
import type { Currency } from '#domain/kernel/money.ts';

export interface TutorSearchRow {
  readonly tutorId: string;
  /** Whether search may show the tutor. */
  readonly available: boolean;
  readonly taught: readonly { readonly subject: string; readonly level: string }[];
  readonly subjects: readonly string[];
  readonly hourlyRateMinor: number | null;
  readonly currency: Currency | null;
  readonly timeZone: string;
  readonly languages: readonly string[];
  readonly displayName: string | null;
  readonly headline: string | null;
  readonly bio: string | null;
  readonly lessonsGiven: number;
}

const hidden = ({ aggregateId }: { aggregateId: string }): Change<TutorSearchRow> =>
  change(aggregateId, (row: TutorSearchRow) => ({ ...row, available: false }));

export const tutorSearch: ReadModel<TutorSearchRow, Events> = {
  name: 'tutor-search',
  context: 'matching',
  version: 2,
  sentence: 'What the search for tutors looks at.',
  columns: {
    tutorId: 'uuid',
    available: 'boolean',
    taught: 'json',
    subjects: 'text[]',
    hourlyRateMinor: 'bigint?',
    currency: 'text?',
    timeZone: 'text',
    languages: 'text[]',
    displayName: 'text?',
    headline: 'text?',
    bio: 'text?',
    lessonsGiven: 'integer',
  },
  indexes: [
    'using gin (subjects) where available',
    // For the search index, which follows the rows that have changed.
    'using btree (_position)',
    "using gin (to_tsvector('simple', coalesce(display_name, '') || ' ' || coalesce(headline, '') || ' ' || coalesce(bio, ''))) where available",
  ],
  on: {
    TutorProfileCreated: ({ data: { tutorId, timeZone, displayName, headline, bio } }) =>
      put(tutorId, {
        tutorId,
        available: false,
        taught: [],
        subjects: [],
        hourlyRateMinor: null,
        currency: null,
        timeZone,
        languages: [],
        displayName: displayName ?? null,
        headline: headline ?? null,
        bio: bio ?? null,
        lessonsGiven: 0,
      }),
    TutorProfileUpdated: ({ data: { tutorId, displayName, headline, bio } }) =>
      change(tutorId, (row: TutorSearchRow) => ({
        ...row,
        displayName: displayName ?? row.displayName,
        headline: headline ?? row.headline,
        bio: bio ?? row.bio,
      })),
    TutorAvailableForMatching: ({ data: { tutorId, subjects, hourlyRateMinor, currency, timeZone, languages } }) =>
      change(tutorId, (row: TutorSearchRow) => ({
        ...row,
        available: true,
        taught: subjects,
        subjects: [...new Set(subjects.map(({ subject }) => subject))],
        hourlyRateMinor,
        currency,
        timeZone,
        languages,
      })),
    TutorPaused: hidden,
    TutorSuspended: hidden,
    TutorReinstated: ({ data: { tutorId, status } }) =>
      change(tutorId, (row: TutorSearchRow) => ({ ...row, available: status === 'Available' })),
    AccountErased: ({ data: { userId } }) =>
      change(userId, (row: TutorSearchRow) => ({ ...row, available: false, displayName: null, headline: null, bio: null })),
    LessonCompleted: ({ data }) => change(data.tutorId, (row: TutorSearchRow) => ({ ...row, lessonsGiven: row.lessonsGiven + 1 })),
  },
};
