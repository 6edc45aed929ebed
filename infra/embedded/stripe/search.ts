import { invalid } from './errors.ts';
import type { Resource } from './store.ts';
import type { Reply, World } from './world.ts';

const CLAUSE =
  /^\s*(?:metadata\[(?<quote>['"])(?<name>[^'"]+)\k<quote>\]|(?<field>[a-z_]+))\s*[:=]\s*(?:(?<valueQuote>['"])(?<text>(?:[^'"\\]|\\.)*)\k<valueQuote>|(?<number>\d+))\s*$/;

/** The fields and values that a query in Stripe's search language asks for; clauses of equality joined by AND are understood. */
function conditions(query: string): Record<string, string | number> {
  const found: Record<string, string | number> = {};
  for (const clause of query.split(/\s+AND\s+/i)) {
    const groups = CLAUSE.exec(clause)?.groups;
    if (!groups) throw invalid(`We were unable to parse your search query: ${clause}`, 'query');
    const field = groups['name'] === undefined ? (groups['field'] ?? '') : `metadata."${groups['name']}"`;
    if (!/^[\w."-]+$/.test(field)) throw invalid(`Field ${field} is not searchable`, 'query');
    found[field] = groups['number'] === undefined ? (groups['text'] ?? '').replaceAll(/\\(.)/g, '$1') : Number(groups['number']);
  }
  return found;
}

/** The answer to a search. Unlike Stripe's, which lags by up to a minute, it always sees the last write. */
export function search(
  world: World,
  kind: string,
  url: string,
  { query, limit, page }: { query: string; limit?: number | undefined; page?: string | undefined },
): Reply {
  const { data, hasMore } = world.store.page<Resource>(kind, { limit, starting_after: page, where: conditions(query) });
  return { body: { object: 'search_result', data, has_more: hasMore, next_page: hasMore ? (data.at(-1)?.id ?? null) : null, url } };
}
