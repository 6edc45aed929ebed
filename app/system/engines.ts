import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { CommandSender } from '#infra/cqrs/commands.ts';
import { AliasedIndex } from '#infra/opensearch/aliased-index.ts';
import { feedingClient } from '#infra/opensearch/client.ts';
import { IndexFeeder } from '#infra/opensearch/index-feeder.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { tutorDocument, tutorDocuments } from '#projections/matching/tutor-documents.ts';
import { tutorSearch } from '#projections/matching/tutor-search.ts';
import { readModels } from '#projections/read-models.ts';
import { effectHandlers } from './effects.ts';
import type { Foundation } from './foundation.ts';

/** One event of the log by its place; throws when there is none. */
function eventReader({ eventStore, codec }: Foundation): (stream: string, revision: number) => Promise<RecordedEvent> {
  return async (stream, revision) => {
    const [event] = await codec.decode(await eventStore.read(stream, { from: revision, limit: 1 }));
    if (event === undefined) throw new Error(`There is no event ${revision} of ${stream}.`);
    return event;
  };
}

/** The engine of all read models. Every process makes one, to ask how far they have come; those with the role start it. */
export function projectionEngine(foundation: Foundation): ProjectionEngine {
  const { config, database, openFeed, log } = foundation;
  return new ProjectionEngine({
    database,
    models: readModels,
    openFeed,
    readEvent: eventReader(foundation),
    record: foundation.record,
    leaseTimes: config.leaseTimes,
    onError: (error) => log.error({ err: error, engine: 'projections' }, 'the projection engine met an error'),
  });
}

/** What fills OpenSearch, when there is one: the index of tutors. */
export function tutorIndexFeeder({ config, database, log }: Foundation): { feeder: IndexFeeder; close(): Promise<void> } | undefined {
  if (config.openSearchUrl === undefined) return undefined;
  const client = feedingClient(config.openSearchUrl);
  const feeder = new IndexFeeder({
    database,
    index: new AliasedIndex(client, tutorDocuments),
    model: tutorSearch,
    consumer: tutorDocuments.consumer,
    documentOf: tutorDocument,
    leaseTimes: config.leaseTimes,
    onError: (error) => log.warn({ err: error, engine: 'search' }, 'the search index could not be fed'),
  });
  return {
    feeder,
    close: async () => {
      await feeder.stop();
      await client.close();
    },
  };
}

/** The engine of all policies, with the effects. */
export function processManagerEngine(
  foundation: Foundation,
  commands: CommandSender,
  listeningFor: () => number | Promise<number>,
): ProcessManagerEngine {
  const { config, database, openFeed, log, clock, aggregates } = foundation;
  return new ProcessManagerEngine({
    database,
    openFeed,
    clock,
    commands,
    effects: effectHandlers(foundation, listeningFor),
    load: (decider, id) => aggregates.load(decider, id),
    managers: processManagers,
    readEvent: eventReader(foundation),
    record: foundation.record,
    leaseTimes: config.leaseTimes,
    onError: (error) => log.error({ err: error, engine: 'process-managers' }, 'the process-manager engine met an error'),
  });
}
