/** What to look for in an index. Conditions that are left out hold for every document. */
export interface SearchQuery {
  /** Words as a person writes them; documents without any of them are left out. */
  readonly words?: string;
  /** Each field holds the value, or has it among its values. */
  readonly equal?: Readonly<Record<string, string | number | boolean>>;
  /** Each field lies between the two, both included. */
  readonly between?: Readonly<Record<string, { readonly from?: number; readonly to?: number }>>;
  /** Most documents to give: candidates for the ranking, not a page. */
  readonly limit: number;
}

/** A document that was found. */
export interface Found<D extends object> {
  readonly id: string;
  readonly document: D;
  /** How well the words fit, from 0 to 1; 0 when none were given. */
  readonly wordsMatch: number;
}

/**
 * Finds documents; it never ranks them for people, that is a pure function of the domain. Two adapters answer alike: Postgres
 * (full text and trigrams over a read model) and OpenSearch.
 */
export interface SearchIndex<D extends object> {
  /** The best fits for the words first, then by id. Throws when the index cannot be reached. */
  find(query: SearchQuery): Promise<readonly Found<D>[]>;
}
