import { z } from 'zod';

/** Currencies a lesson may be priced in, with the smallest amount that may be charged, in minor units. */
export const MINIMUM_CHARGE = { usd: 50, eur: 50, gbp: 30, jpy: 50 } as const;

export type Currency = keyof typeof MINIMUM_CHARGE;
export const currency = z.enum(Object.keys(MINIMUM_CHARGE) as [Currency, ...Currency[]]);

/** An amount in minor units (cents, pence; yen have none). Never a fraction, never negative. */
export const minorUnits = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Basis points: 2000 is 20 %. */
export const basisPoints = z.number().int().min(0).max(10_000);

/** numerator / denominator rounded to the nearest integer, ties to the even one; exact for safe integers. */
export function divideHalfEven(numerator: bigint, denominator: bigint): number {
  const quotient = numerator / denominator;
  const twiceRest = (numerator % denominator) * 2n;
  const up = twiceRest > denominator || (twiceRest === denominator && quotient % 2n === 1n);
  return Number(up ? quotient + 1n : quotient);
}

/** The platform's part of an amount: nearest, half-even. */
export function feeOf(amountMinor: number, feeBps: number): number {
  return divideHalfEven(BigInt(amountMinor) * BigInt(feeBps), 10_000n);
}

/** Price of a lesson: hourly rate x minutes / 60, half-even. All amounts in minor units. */
export function priceOf(hourlyRateMinor: number, minutes: number): number {
  return divideHalfEven(BigInt(hourlyRateMinor) * BigInt(minutes), 60n);
}
