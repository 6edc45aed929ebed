import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { after, rank, scoreOf, WEIGHTS, type Candidate, type Wish } from './ranking.ts';

const okafor: Candidate = {
  tutorId: '01939a00-0000-7000-8000-0000000000b1',
  subjects: [{ subject: 'mathematics', level: 'gcse' }],
  languages: ['en', 'ig'],
  hourlyRateMinor: 4000,
  currency: 'eur',
  ratingCount: 5,
  ratingSum: 24,
  lessonsGiven: 20,
  wordsMatch: 0,
};
const wish: Wish = { subject: 'mathematics', level: 'gcse', withWords: false };
const pointsOf = (candidate: Candidate, asked: Wish = wish) =>
  Object.fromEntries(scoreOf(candidate, asked).reasons.map(({ feature, points }) => [feature, points]));

describe('The score of a tutor', () => {
  it('says what each feature gave', () =>
    expect(scoreOf(okafor, wish)).toEqual({
      candidate: okafor,
      score: 9050,
      reasons: [
        { feature: 'subject', weight: 3000, points: 3000, because: 'teaches mathematics' },
        { feature: 'level', weight: 2000, points: 2000, because: 'teaches mathematics at gcse' },
        { feature: 'rating', weight: 2000, points: 1700, because: '4.8 of 5 from 5 ratings' },
        { feature: 'words', weight: 1000, points: 1000, because: 'no words searched for' },
        { feature: 'price', weight: 800, points: 400, because: 'asks 4000 eur (minor units) an hour' },
        { feature: 'language', weight: 700, points: 700, because: 'any language' },
        { feature: 'experience', weight: 500, points: 250, because: 'has given 20 lessons here' },
      ],
    }));
  it('gives nothing for another subject', () =>
    expect(pointsOf(okafor, { ...wish, subject: 'physics' })).toMatchObject({ subject: 0, level: 500 }));
  it('gives nothing for another level', () => expect(pointsOf(okafor, { ...wish, level: 'a-level' }).level).toBe(0));
  it('gives points for a language that is spoken', () => {
    expect(pointsOf(okafor, { ...wish, language: 'ig' }).language).toBe(700);
    expect(pointsOf(okafor, { ...wish, language: 'fr' }).language).toBe(0);
  });
  it('puts many good ratings before one', () =>
    expect(pointsOf({ ...okafor, ratingCount: 1, ratingSum: 5 }).rating).toBeLessThan(
      pointsOf({ ...okafor, ratingCount: 50, ratingSum: 245 }).rating!,
    ));
  it('can reach ten thousand at most', () => expect(Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0)).toBe(10_000));
});

const candidates = fc.uniqueArray(
  fc
    .record({
      tutorId: fc.uuid(),
      subjects: fc.array(fc.record({ subject: fc.constantFrom('mathematics', 'physics'), level: fc.constantFrom('gcse', 'a-level') }), {
        maxLength: 4,
      }),
      languages: fc.subarray(['en', 'fr']),
      hourlyRateMinor: fc.integer({ min: 0, max: 50_000 }),
      currency: fc.constantFrom('usd' as const, 'eur' as const, 'gbp' as const, 'jpy' as const),
      rating: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 }),
      lessonsGiven: fc.integer({ min: 0, max: 500 }),
      wordsMatch: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ rating, ...rest }) => ({ ...rest, ratingCount: rating.length, ratingSum: rating.reduce((a, b) => a + b, 0) })),
  { selector: (candidate) => candidate.tutorId, maxLength: 30 },
);
const wishes = fc.record({
  subject: fc.constantFrom('mathematics', 'physics'),
  level: fc.constantFrom(undefined, 'gcse', 'a-level'),
  language: fc.constantFrom(undefined, 'en'),
  withWords: fc.boolean(),
});

describe('The order of any tutors', () => {
  it('does not depend on the order they come in', () => {
    fc.assert(
      fc.property(candidates, wishes, (some, asked) => {
        const ids = (list: readonly Candidate[]) => rank(list, asked).map(({ candidate }) => candidate.tutorId);
        expect(ids(some.toReversed())).toEqual(ids(some));
      }),
    );
  });
  it('is explained to the point, and stays within bounds', () => {
    fc.assert(
      fc.property(candidates, wishes, (some, asked) => {
        for (const { score, reasons } of rank(some, asked)) {
          expect(reasons.reduce((sum, { points }) => sum + points, 0)).toBe(score);
          for (const { points, weight } of reasons) expect(points >= 0 && points <= weight && Number.isInteger(points)).toBe(true);
        }
      }),
    );
  });
  it('falls into pages that hold each tutor once', () => {
    fc.assert(
      fc.property(candidates, wishes, fc.integer({ min: 1, max: 7 }), (some, asked, size) => {
        const ranked = rank(some, asked);
        const seen: string[] = [];
        for (let page = ranked.slice(0, size); page.length > 0;) {
          seen.push(...page.map(({ candidate }) => candidate.tutorId));
          const last = page.at(-1)!;
          page = after(ranked, { score: last.score, tutorId: last.candidate.tutorId }).slice(0, size);
        }
        expect(seen).toEqual(ranked.map(({ candidate }) => candidate.tutorId));
      }),
    );
  });
});
