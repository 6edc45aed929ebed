import type { Logger } from 'pino';
import type { Config } from '#infra/config/config.ts';
import { searchingClient } from '#infra/opensearch/client.ts';
import { indexedPosition } from '#infra/opensearch/index-feeder.ts';
import type { Database } from '#infra/postgres/database.ts';
import { tutorDocuments } from '#projections/matching/tutor-documents.ts';
import { FallbackTutorIndex } from './fallback-tutor-index.ts';
import { OpenSearchTutorIndex } from './opensearch-tutor-index.ts';
import { PostgresTutorIndex } from './postgres-tutor-index.ts';
import type { TutorIndex } from './tutor-index.ts';

/** The index that the configuration asks for: OpenSearch with Postgres behind it, or Postgres alone. */
export function tutorIndex({ openSearchUrl }: Pick<Config, 'openSearchUrl'>, database: Database, log: Logger): TutorIndex {
  const fallback = new PostgresTutorIndex(database);
  if (openSearchUrl === undefined) return fallback;
  const client = searchingClient(openSearchUrl);
  return new FallbackTutorIndex({
    preferred: new OpenSearchTutorIndex(client),
    fallback,
    preferredPosition: () => indexedPosition(database, tutorDocuments.consumer),
    onTrouble: (error) => log.warn({ err: error }, 'OpenSearch did not answer a search: Postgres does'),
    close: () => client.close(),
  });
}
