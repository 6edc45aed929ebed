/** An answer as it was sent, kept to be sent again. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type Admission =
  /** Nobody has used the key: go ahead, then `keep` or `release`. */
  | { readonly kind: 'first' }
  /** The request was answered before: send this. */
  | { readonly kind: 'answered'; readonly answer: KeptAnswer }
  /** The key belongs to another body. */
  | { readonly kind: 'reused' }
  /** The first request is still being worked on. */
  | { readonly kind: 'in_use' };

/**
 * Remembers answers by Idempotency-Key. It may forget everything at any time: command ids follow from the key,
 * so the aggregates themselves recognise a repeated command.
 */
export interface IdempotencyKeys {
  /**
   * Claims a key, waiting a little for a request that holds it.
   * @param id what the key means here: caller, route and key together
   * @param bodyHash SHA-256 of the body
   */
  claim(id: string, bodyHash: string): Promise<Admission>;
  /** Keeps the answer of the claimed key for 24 hours. */
  keep(id: string, answer: KeptAnswer): Promise<void>;
  /** Gives the key back without an answer, so that a retry runs again. */
  release(id: string): Promise<void>;
}
