import type { Currency } from '../kernel/money.ts';

/** Raised whenever the same tutors would come out differently; it is part of every recorded search. */
export const ALGORITHM_VERSION = 'weighted-1';

/** What is known of a tutor when searched for. */
export interface Candidate {
  readonly tutorId: string;
  readonly subjects: readonly { readonly subject: string; readonly level: string }[];
  readonly languages: readonly string[];
  readonly hourlyRateMinor: number;
  readonly currency: Currency;
  readonly ratingCount: number;
  /** Sum of all ratings from 1 to 5. */
  readonly ratingSum: number;
  readonly lessonsGiven: number;
  /** How well the profile fits the words searched for, 0 to 1. */
  readonly wordsMatch: number;
}

/** What is wished for. What is left out counts for nobody and against nobody. */
export interface Wish {
  readonly subject: string;
  readonly level?: string | undefined;
  readonly language?: string | undefined;
  readonly withWords: boolean;
}

export type Feature = keyof typeof WEIGHTS;

/** One part of a score: `points` of at most `weight`, and why. */
export interface Reason {
  readonly feature: Feature;
  readonly points: number;
  readonly weight: number;
  readonly because: string;
}

export interface Ranked<C extends Candidate = Candidate> {
  readonly candidate: C;
  /** 0 to 10,000. */
  readonly score: number;
  readonly reasons: readonly Reason[];
}

/** Points at most for each feature; together 10,000. */
export const WEIGHTS = { subject: 3000, level: 2000, rating: 2000, words: 1000, price: 800, language: 700, experience: 500 } as const;

/** Ratings that an unrated tutor is taken to have: few ratings say little. */
const ASSUMED = { count: 5, average: 4 };
/** The hourly rate that earns half of the points for price, in minor units. */
const MIDDLE_RATE: Readonly<Record<Currency, number>> = { usd: 4000, eur: 4000, gbp: 3500, jpy: 5000 };
/** How many lessons earn half of the points for experience. */
const MIDDLE_LESSONS = 20;

type Judged = readonly [value: number, because: string];

const judges: { readonly [F in Feature]: (candidate: Candidate, wish: Wish) => Judged } = {
  subject: ({ subjects }, { subject }) =>
    subjects.some((taught) => taught.subject === subject) ? [1, `teaches ${subject}`] : [0, `does not teach ${subject}`],
  level: ({ subjects }, { subject, level }) => {
    if (level === undefined) return [1, 'any level'];
    if (subjects.some((taught) => taught.subject === subject && taught.level === level)) return [1, `teaches ${subject} at ${level}`];
    return subjects.some((taught) => taught.level === level) ? [0.25, `teaches others at ${level}`] : [0, `does not teach at ${level}`];
  },
  rating: ({ ratingCount, ratingSum }) => {
    const average = (ratingSum + ASSUMED.count * ASSUMED.average) / (ratingCount + ASSUMED.count);
    return [
      (average - 1) / 4,
      ratingCount === 0 ? 'not rated yet' : `${(ratingSum / ratingCount).toFixed(1)} of 5 from ${ratingCount} ratings`,
    ];
  },
  words: ({ wordsMatch }, { withWords }) =>
    withWords ? [wordsMatch, `fits the words by ${Math.round(wordsMatch * 100)} %`] : [1, 'no words searched for'],
  price: ({ hourlyRateMinor, currency }) => [
    MIDDLE_RATE[currency] / (MIDDLE_RATE[currency] + hourlyRateMinor),
    `asks ${hourlyRateMinor} ${currency} (minor units) an hour`,
  ],
  language: ({ languages }, { language }) => {
    if (language === undefined) return [1, 'any language'];
    return languages.includes(language) ? [1, `speaks ${language}`] : [0, `does not speak ${language}`];
  },
  experience: ({ lessonsGiven }) => [lessonsGiven / (lessonsGiven + MIDDLE_LESSONS), `has given ${lessonsGiven} lessons here`],
};

const features = Object.keys(WEIGHTS) as readonly Feature[];

/** The score of one tutor, with what each feature gave; whole points, so the parts add up to the score exactly. */
export function scoreOf<C extends Candidate>(candidate: C, wish: Wish): Ranked<C> {
  const reasons = features.map((feature) => {
    const [value, because] = judges[feature](candidate, wish);
    return { feature, weight: WEIGHTS[feature], points: Math.round(WEIGHTS[feature] * Math.min(1, Math.max(0, value))), because };
  });
  return { candidate, score: reasons.reduce((sum, reason) => sum + reason.points, 0), reasons };
}

/** Best first; equal scores by id, so that the order is the same every time and pages do not overlap. */
export function rank<C extends Candidate>(candidates: readonly C[], wish: Wish): readonly Ranked<C>[] {
  return candidates.map((candidate) => scoreOf(candidate, wish)).sort(byScoreThenId);
}

function byScoreThenId(a: Ranked, b: Ranked): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.candidate.tutorId < b.candidate.tutorId ? -1 : a.candidate.tutorId > b.candidate.tutorId ? 1 : 0;
}

/** What follows a place in the order: everything below its score, and of the same score the later ids. */
export function after<C extends Candidate>(ranked: readonly Ranked<C>[], place: { score: number; tutorId: string }): readonly Ranked<C>[] {
  return ranked.filter(({ score, candidate }) => score < place.score || (score === place.score && candidate.tutorId > place.tutorId));
}
