import { Client } from '@opensearch-project/opensearch';

/** For searches, whose callers have somewhere else to go: one attempt, and not a long one. */
export function searchingClient(url: string): Client {
  return new Client({ node: url, maxRetries: 0, requestTimeout: 1_000 });
}

/** For feeding an index, where nobody waits; whoever feeds tries again by itself. */
export function feedingClient(url: string): Client {
  return new Client({ node: url, maxRetries: 0, requestTimeout: 30_000 });
}
