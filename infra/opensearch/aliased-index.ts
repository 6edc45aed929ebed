import { randomUUID } from 'node:crypto';
import { type Client, errors } from '@opensearch-project/opensearch';

/** What becomes of one document. `document` undefined: it goes. `version` only grows: what is older than what is there is left out. */
export interface DocumentWrite {
  readonly id: string;
  readonly version: bigint;
  readonly document: object | undefined;
}

/** How an alias's indexes are made: raise `version` when documents or fields would come out differently. */
export interface IndexDeclaration {
  /** The name that searches use. */
  readonly alias: string;
  readonly version: number;
  readonly fields: Readonly<Record<string, object>>;
}

/** How many documents an index holds, and the sum of their check numbers. */
export interface IndexSummary {
  readonly documents: number;
  readonly checks: number;
}

/** OpenSearch took the request and did not store a document. */
export class DocumentRefused extends Error {
  constructor(index: string, reason: string) {
    super(`${index} has refused a document: ${reason}`);
    this.name = 'DocumentRefused';
  }
}

/** Two sets of documents with the same sum of check numbers are taken to be the same; the prime keeps the sum exact in a double. */
const CHECK_PRIME = 1_000_003;
const PAGE = 5_000;

/**
 * Indexes of one alias, of which searches see one. Each is filled under a name of its own and shown by moving the alias, so that no search
 * ever sees one that is half filled. Every method throws what the client throws when OpenSearch is not there.
 */
export class AliasedIndex {
  constructor(
    private readonly client: Client,
    private readonly declaration: IndexDeclaration,
  ) {}

  /** The index that searches see, with what it was said to be filled from; undefined when there is none of this declaration's version. */
  async shown(): Promise<{ readonly name: string; readonly source: string } | undefined> {
    const { alias, version } = this.declaration;
    try {
      const { body } = await this.client.indices.get({ index: alias });
      const [entry] = Object.entries(body);
      const meta: unknown = entry?.[1].mappings?._meta;
      if (entry === undefined || !isMeta(meta) || meta.version !== version) return undefined;
      return { name: entry[0], source: meta.source };
    } catch (error) {
      if (error instanceof errors.ResponseError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  /** Makes an empty index that nobody sees yet; its name. */
  async create(source: string): Promise<string> {
    const { alias, version, fields } = this.declaration;
    const index = `${alias}-${randomUUID()}`;
    await this.client.indices.create({
      index,
      body: {
        settings: { number_of_shards: 1, auto_expand_replicas: '0-1' },
        mappings: {
          dynamic: 'strict',
          _meta: { version, source },
          properties: { ...fields, id: { type: 'keyword' }, position: { type: 'long' }, check: { type: 'integer' } },
        },
      },
    });
    return index;
  }

  /** Stores documents, unless what is there is newer. When it resolves they are kept and found. */
  async write(index: string, writes: readonly DocumentWrite[]): Promise<void> {
    if (writes.length === 0) return;
    const lines = writes.flatMap(({ id, version, document }): object[] => {
      const place = { _id: id, version: Number(version), version_type: 'external_gte' as const };
      if (document === undefined) return [{ delete: place }];
      const position = Number(version);
      return [{ index: place }, { ...document, id, position, check: position % CHECK_PRIME }];
    });
    const { body } = await this.client.bulk({ index, refresh: true, body: lines });
    for (const item of body.items) {
      const done = item.index ?? item.delete;
      // 409: something newer is there. 404: what was to go is not there.
      if (done?.error && done.status !== 409) throw new DocumentRefused(index, done.error.type);
    }
  }

  /** Removes an index that nobody sees. */
  async drop(index: string): Promise<void> {
    await this.client.indices.delete({ index });
  }

  /** Lets searches see this index, and removes all others of the alias. */
  async show(index: string): Promise<void> {
    const { alias } = this.declaration;
    const { body } = await this.client.indices.get({ index: `${alias}-*` });
    const others = Object.keys(body).filter((name) => name !== index && isOwn(alias, name));
    const remove = others.map((other) => ({ remove_index: { index: other } }));
    await this.client.indices.updateAliases({ body: { actions: [{ add: { index, alias } }, ...remove] } });
  }

  async summary(index: string): Promise<IndexSummary> {
    const { body } = await this.client.search({
      index,
      body: { size: 0, track_total_hits: true, aggs: { checks: { sum: { field: 'check' } } } },
    });
    const { total } = body.hits;
    const sum = body.aggregations?.['checks'] as { readonly value?: number } | undefined;
    return { documents: typeof total === 'number' ? total : (total?.value ?? 0), checks: sum?.value ?? 0 };
  }

  /** The version of every document, by id. */
  async versions(index: string): Promise<Map<string, bigint>> {
    const found = new Map<string, bigint>();
    let after: string | undefined;
    do {
      const { body } = await this.client.search({
        index,
        body: {
          size: PAGE,
          _source: ['id', 'position'],
          sort: [{ id: 'asc' }],
          ...(after === undefined ? {} : { search_after: [after] }),
        },
      });
      const page = body.hits.hits.map(({ _source }) => _source as { readonly id: string; readonly position: number });
      for (const { id, position } of page) found.set(id, BigInt(position));
      after = page.length === PAGE ? page.at(-1)!.id : undefined;
    } while (after !== undefined);
    return found;
  }
}

/** SQL for the sum of check numbers of a table whose rows carry their version in `column`. */
export function checksSql(column: string): string {
  return `coalesce(sum(${column} % ${CHECK_PRIME}), 0)::float8`;
}

function isOwn(alias: string, name: string): boolean {
  return /^-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name.slice(alias.length));
}

function isMeta(meta: unknown): meta is { readonly version: number; readonly source: string } {
  return typeof meta === 'object' && meta !== null && 'version' in meta && 'source' in meta;
}
