import { z } from 'zod';
import { uuid } from '../kernel/ids.ts';
import { MINUTE, plus, type Instant } from '../kernel/time.ts';

/** A claim whose request never came into being is free after this long: its sender died in between. */
const CLAIM_WITHOUT_REQUEST = MINUTE;

/** What became of the request that holds a claim. */
const holderFate = z.enum(['absent', 'open', 'ended']);
export type HolderFate = z.output<typeof holderFate>;

/** A place kept for a request. */
export interface Claim {
  readonly connectionRequestId: string;
  readonly claimedAt: Instant;
}

/** The facts of a claim: the fate of each request that holds one, by its id. */
export const holderFates = z.object({ holders: z.record(uuid, holderFate) });

/** Whether a claim still stands, given what became of its request. */
export function stands(claim: Claim, holders: Readonly<Record<string, HolderFate>>, at: Instant): boolean {
  const fate = holders[claim.connectionRequestId] ?? 'absent';
  return fate === 'open' || (fate === 'absent' && at <= plus(claim.claimedAt, CLAIM_WITHOUT_REQUEST));
}
