import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { currency, divideHalfEven, feeOf, MINIMUM_CHARGE, minorUnits, priceOf } from './money.ts';

const amount = fc.integer({ min: 0, max: 1_000_000_000 });
const bps = fc.integer({ min: 0, max: 10_000 });

describe('Rounding', () => {
  it.each([
    [1n, 2n, 0],
    [3n, 2n, 2],
    [5n, 2n, 2],
    [7n, 2n, 4],
    [10n, 4n, 2],
    [11n, 4n, 3],
    [0n, 60n, 0],
  ])('%s / %s is %s: ties go to the even one', (numerator, denominator, expected) =>
    expect(divideHalfEven(numerator, denominator)).toBe(expected),
  );

  it('is never further away than a half, and even at exactly a half', () =>
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 15n), fc.bigInt(1n, 100_000n), (numerator, denominator) => {
        const twiceError = (BigInt(divideHalfEven(numerator, denominator)) * denominator - numerator) * 2n;
        const distance = twiceError < 0n ? -twiceError : twiceError;
        expect(distance <= denominator).toBe(true);
        if (distance === denominator) expect(divideHalfEven(numerator, denominator) % 2).toBe(0);
      }),
    ));
});

describe('The platform’s fee', () => {
  it('is 20 % to the cent', () =>
    expect([feeOf(4000, 2000), feeOf(4001, 2000), feeOf(4003, 2000), feeOf(1, 2000)]).toEqual([800, 800, 801, 0]));
  it('rounds ties to the even cent', () => expect([feeOf(1, 5000), feeOf(3, 5000)]).toEqual([0, 2]));
  it('leaves tutor and platform with exactly what was paid, both never negative', () =>
    fc.assert(
      fc.property(amount, bps, (gross, feeBps) => {
        const fee = feeOf(gross, feeBps);
        expect(fee).toBeGreaterThanOrEqual(0);
        expect(gross - fee).toBeGreaterThanOrEqual(0);
        expect(Math.abs(fee - (gross * feeBps) / 10_000)).toBeLessThanOrEqual(0.5);
      }),
    ));
  it('never falls when the amount rises', () =>
    fc.assert(
      fc.property(amount, amount, bps, (one, more, feeBps) => expect(feeOf(one + more, feeBps)).toBeGreaterThanOrEqual(feeOf(one, feeBps))),
    ));
  it('recomputed from what is kept stays within a cent of the exact share after any refunds', () =>
    fc.assert(
      fc.property(amount, fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 30 }), (gross, refunds) => {
        let kept = gross;
        for (const refund of refunds) kept -= Math.min(refund, kept);
        expect(Math.abs(feeOf(kept, 2000) - kept * 0.2)).toBeLessThanOrEqual(0.5);
      }),
    ));
});

describe('The price of a lesson', () => {
  it.each([
    [4000, 60, 4000],
    [4000, 45, 3000],
    [3999, 30, 2000],
    [4001, 30, 2000],
    [4003, 30, 2002],
  ])('is %s per hour for %s minutes: %s', (rate, minutes, price) => expect(priceOf(rate, minutes)).toBe(price));
  it('of an hour is the rate', () => fc.assert(fc.property(amount, (rate) => expect(priceOf(rate, 60)).toBe(rate))));
  it('is exact where Number would not be', () => expect(priceOf(9_007_199_254_740_991, 60)).toBe(9_007_199_254_740_991));
});

describe('Amounts', () => {
  it.each([-1, 0.5, Number.NaN, 2 ** 53])('do not allow %s', (value) => expect(minorUnits.safeParse(value).success).toBe(false));
  it('know the currencies that have a least charge', () => {
    expect(currency.options).toEqual(Object.keys(MINIMUM_CHARGE));
    expect(currency.safeParse('kwd').success).toBe(false);
  });
});
