import { feeOf } from '../kernel/money.ts';

/** How what is kept of a payment divides. All amounts in minor units. */
export interface Split {
  readonly feeKept: number;
  readonly tutorOwed: number;
}

/** What a refund or a lost chargeback takes from each side. */
export interface Shares {
  readonly tutorShare: number;
  readonly feeShare: number;
}

/**
 * Divides what is kept after `returned` went back to the payer. Always computed from the whole that is kept: rounding each refund alone
 * would drift by up to two units.
 */
export function splitOf(gross: number, returned: number, feeBps: number): Split {
  const kept = gross - returned;
  const feeKept = feeOf(kept, feeBps);
  return { feeKept, tutorOwed: kept - feeKept };
}

/** Who bears `amount` more going back to the payer: the difference between the split before and after. Shares add up to `amount`. */
export function sharesOf(gross: number, returnedBefore: number, amount: number, feeBps: number): Shares {
  const before = splitOf(gross, returnedBefore, feeBps);
  const after = splitOf(gross, returnedBefore + amount, feeBps);
  return { tutorShare: before.tutorOwed - after.tutorOwed, feeShare: before.feeKept - after.feeKept };
}
