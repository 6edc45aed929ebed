import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';

/** Stripe answered with an error of its own, and a look at what there is proves that nothing was done. The key is used up: it would repeat the error. */
export class ProvenAbsent extends Error {
  constructor(options?: ErrorOptions) {
    super('Stripe has done nothing of what it was asked for.', options);
    this.name = 'ProvenAbsent';
  }
}

/** A call to Stripe with its idempotency key, and how to find what it leaves behind. */
export interface StripeCall<T> {
  call(): Promise<T>;
  find(): Promise<T | undefined>;
}

/**
 * Carries a call out once, although its answer may be lost. Throws {@link ProvenAbsent} when only a new key can help, and
 * the adapter's errors: after `UpstreamUnsure` the same call with the same key is to be repeated later.
 */
export async function actOnce<T>({ call, find }: StripeCall<T>): Promise<T> {
  for (let asked = 1; ; asked++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof UpstreamUnsure) || error.certainlyNot) throw error;
      const done = await find();
      if (done !== undefined) return done;
      // No answer at all: the call may still be under way.
      if (!wasAnswered(error)) throw error;
      // The same key a second time got the answer that Stripe keeps: the first call is over.
      if (asked === 2) throw new ProvenAbsent({ cause: error });
    }
  }
}

/** As {@link actOnce}, but looks before it calls: for money, whatever the age of the key (Stripe forgets keys after a day). */
export async function findOrAct<T>(work: StripeCall<T>): Promise<T> {
  return (await work.find()) ?? actOnce(work);
}

function wasAnswered({ cause }: UpstreamUnsure): boolean {
  const status = typeof cause === 'object' && cause !== null && 'statusCode' in cause ? cause.statusCode : undefined;
  return typeof status === 'number' && status >= 500;
}

/** What a payment records when Stripe did nothing for an error of its own; a new key may help at once. */
export const NOTHING_DONE = 'nothing_done';

/** The code of a definite refusal (never the message, which may hold more); undefined when the same call is to be repeated with the same key. */
export function refusalCode(error: unknown): string | undefined {
  if (error instanceof UpstreamRefused) return error.code.slice(0, 100) || 'refused';
  return error instanceof ProvenAbsent ? NOTHING_DONE : undefined;
}
