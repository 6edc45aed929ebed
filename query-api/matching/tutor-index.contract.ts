import { expect, it } from '@jest/globals';
import { event } from '#domain/kernel/event.ts';
import * as tutor from '#domain/tutoring/tutor-profile.messages.ts';
import type { Happened } from '../projected-database.ts';
import type { FoundTutors, SearchWish, TutorIndex } from './tutor-index.ts';

const id = (nth: number): string => `01939a00-0000-7000-8000-0000000000b${nth}`;
export const [calm, physicist, paused, irish] = [id(1), id(2), id(3), id(4)] as const;

type Published = (typeof tutor.tutorAvailableForMatching)['schema']['_output'];
/** The events of one tutor who can be found. */
export function published(
  tutorId: string,
  texts: { displayName?: string; headline?: string; bio?: string },
  change: Partial<Published> = {},
) {
  return [
    event(tutor.tutorProfileCreated, { tutorId, timeZone: 'Europe/London', displayName: 'A tutor', ...texts }),
    event(tutor.tutorAvailableForMatching, {
      tutorId,
      subjects: [{ subject: 'mathematics', level: 'gcse' }],
      hourlyRateMinor: 4000,
      currency: 'eur',
      timeZone: 'Europe/London',
      languages: ['en'],
      ...change,
    }),
  ].map((one): Happened => ({ stream: ['TutorProfile', tutorId], event: one }));
}

/** What the contract finds. */
export const tutors: readonly Happened[] = [
  ...published(calm, { headline: 'Numbers, calmly', bio: 'Twenty years of A-level teaching in München.' }),
  ...published(
    physicist,
    { headline: 'Physics and more' },
    {
      subjects: [
        { subject: 'physics', level: 'gcse' },
        { subject: 'mathematics', level: 'a-level' },
      ],
      hourlyRateMinor: 6000,
    },
  ),
  ...published(paused, { headline: 'Numbers too' }),
  { stream: ['TutorProfile', paused], event: event(tutor.tutorPaused, { tutorId: paused }) },
  ...published(irish, { displayName: "Niamh O'Brien" }, { subjects: [{ subject: 'history', level: 'gcse' }], currency: 'gbp' }),
];

/** What every index must do once it knows of {@link tutors}. */
export function tutorIndexContract(servedBy: FoundTutors['servedBy'], index: () => TutorIndex): void {
  const found = async (wish: SearchWish) => (await index().find(wish)).tutors.map(({ tutorId }) => tutorId);

  it('finds available tutors of a subject', async () => {
    expect(await found({ subject: 'mathematics' })).toEqual([calm, physicist]);
    expect(await found({ subject: 'latin' })).toEqual([]);
  });
  it.each<[string, Omit<SearchWish, 'subject'>, string[]]>([
    ['a level', { level: 'gcse' }, [calm]],
    ['a level that is taught in another subject only', { level: 'ib' }, []],
    ['the rate, itself included', { maximumRateMinor: 6000 }, [calm, physicist]],
    ['a rate that is too low for one', { maximumRateMinor: 5999 }, [calm]],
    ['a currency', { currency: 'eur' }, [calm, physicist]],
    ['a currency that nobody takes', { currency: 'usd' }, []],
    ['a language, which only ranks', { language: 'fr' }, [calm, physicist]],
    ['all at once', { level: 'a-level', maximumRateMinor: 6000, currency: 'eur', words: 'physics' }, [physicist]],
  ])('heeds %s', async (_what, wish, expected) => expect(await found({ subject: 'mathematics', ...wish })).toEqual(expected));
  it.each([
    ['in another case', 'mathematics', 'CALMLY', [calm]],
    ['in another order and from several texts', 'mathematics', 'teaching numbers', [calm]],
    ['all of which must occur', 'mathematics', 'numbers physics', []],
    ['with a hyphen', 'mathematics', 'a-level', [calm]],
    ['with letters beyond English', 'mathematics', 'münchen', [calm]],
    ['with an apostrophe', 'history', "o'brien", [irish]],
    ['after an apostrophe', 'history', 'brien', [irish]],
    ['that are none', 'mathematics', `"'()&|!`, []],
    ['that look like a command', 'mathematics', `"'); drop table`, []],
    ['that look like an operator', 'mathematics', '-calmly', [calm]],
  ])('finds words %s', async (_what, subject, words, expected) => expect(await found({ subject, words })).toEqual(expected));
  it('gives what ranking and searchers look at, how well words fit between 0 and 1, and its own name', async () => {
    const answer = await index().find({ subject: 'mathematics', words: 'calmly' });
    expect(answer).toEqual({
      servedBy,
      tutors: [
        {
          tutorId: calm,
          displayName: 'A tutor',
          headline: 'Numbers, calmly',
          subjects: [{ subject: 'mathematics', level: 'gcse' }],
          languages: ['en'],
          hourlyRateMinor: 4000,
          currency: 'eur',
          timeZone: 'Europe/London',
          lessonsGiven: 0,
          ratingCount: 0,
          ratingSum: 0,
          wordsMatch: expect.any(Number),
        },
      ],
    });
    const wordsMatch = answer.tutors[0]?.wordsMatch;
    expect(wordsMatch).toBeGreaterThan(0);
    expect(wordsMatch).toBeLessThan(1);
    expect((await index().find({ subject: 'history' })).tutors).toMatchObject([{ wordsMatch: 0 }]);
  });
}
