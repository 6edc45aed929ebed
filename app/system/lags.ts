import type { ProcessRole } from '#infra/config/variables.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import type { IndexFeeder } from '#infra/opensearch/index-feeder.ts';
import { loadCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import type { ProjectionEngine } from '#infra/projections/engine.ts';
import { consumerOf, servedVersions } from '#infra/projections/tables.ts';
import type { Check, PartReport } from '#infra/telemetry/health.ts';
import type { Metrics } from '#infra/telemetry/metrics.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';
import { BACKLOG_LIMIT, type BacklogReport, type ConsumerReport } from '../operations/report.ts';
import { countBacklog, type Reader } from './backlog.ts';
import type { Vitals } from './vitals.ts';

/** How far the read models may be behind before their process counts as not ready, in seconds. */
const MOST_BEHIND = 30;
/** Age in seconds of the oldest reaction that waits, from which on the outbox counts as degraded. */
const OLDEST_REACTION = 60;
/** For how long the search index may be behind its read model before it counts as degraded, in seconds. */
const SEARCH_BEHIND = 60;

interface Watched {
  readonly projections: ProjectionEngine;
  readonly managers: ProcessManagerEngine;
  readonly roles: ReadonlySet<ProcessRole>;
  readonly search: IndexFeeder | undefined;
  /** How far behind the frames are; undefined where the process makes none, and inside where another one does the work. */
  readonly realtime: { readonly lagSeconds: number | undefined } | undefined;
  readonly vitals: Vitals;
}

/**
 * Readiness of what this process runs. Only read models that are far behind make it not ready, as queries would show what is long past; those that are
 * being rebuilt do not count, since the ones they replace serve meanwhile. All else degrades: taking the process from its clients would mend nothing.
 */
export function lagChecks({ projections, managers, roles, search, realtime, vitals }: Watched): Record<string, Check> {
  const works = roles.has('projections') || roles.has('process-managers');
  return {
    ...(roles.has('projections') ? { projections: () => ofReadModels(projections) } : {}),
    ...(roles.has('process-managers') ? { processManagers: () => told(managers.lagSeconds, 'degraded') } : {}),
    ...(search === undefined ? {} : { search: () => judged((search.lagSeconds ?? 0) <= SEARCH_BEHIND, 'the index is behind') }),
    ...(realtime === undefined ? {} : { realtime: () => told(realtime.lagSeconds, 'degraded') }),
    ...(works || roles.has('internal')
      ? {
          leadership: () => judged(vitals.report?.groups.every(({ led }) => led) !== false, nobodyLeads(vitals)),
          heldBack: () =>
            judged(
              vitals.consumers.every(({ parked }) => parked === 0),
              heldBackBy(vitals.consumers),
            ),
          outbox: () =>
            judged(vitals.report?.outbox.every(({ oldestSeconds }) => oldestSeconds <= OLDEST_REACTION) !== false, oldestOf(vitals)),
        }
      : {}),
  };
}

function ofReadModels(projections: ProjectionEngine): Promise<PartReport> {
  const models = projections.report()?.models;
  if (models === undefined) return told(projections.idleLagSeconds, 'ok');
  const live = models.filter(({ state }) => state === 'live').map(({ lagSeconds }) => lagSeconds);
  return live.length === 0 ? judged(false, 'no read model is live') : told(Math.max(...live), 'ok');
}

function told(lagSeconds: number | undefined, what: 'ok' | 'degraded'): Promise<PartReport> {
  if (lagSeconds === undefined) return Promise.resolve({ ok: true, detail: 'another process does the work' });
  const behind = lagSeconds > MOST_BEHIND;
  return Promise.resolve(what === 'ok' ? { ok: !behind, lagSeconds } : { ok: true, ...(behind ? { degraded: true } : {}), lagSeconds });
}

function judged(fine: boolean, detail: string): Promise<PartReport> {
  return Promise.resolve(fine ? { ok: true } : { ok: true, degraded: true, detail });
}

function nobodyLeads({ report }: Vitals): string {
  const without = report?.groups.filter(({ led }) => !led).map(({ group }) => group) ?? [];
  return `nobody leads ${without.join(' and ')}`;
}

function heldBackBy(consumers: readonly ConsumerReport[]): string {
  return consumers
    .filter(({ parked }) => parked > 0)
    .map(({ consumer, parked }) => `${consumer} ${parked}`)
    .join(', ');
}

function oldestOf({ report }: Vitals): string {
  return (report?.outbox ?? [])
    .filter(({ oldestSeconds }) => oldestSeconds > OLDEST_REACTION)
    .map(({ manager, oldestSeconds }) => `${manager} ${Math.round(oldestSeconds)} s`)
    .join(', ');
}

/**
 * How the engines are doing as metrics. Lags are those of what this process leads; what stands in the database is the same in every process that
 * tells it. Labels are names that the code declares, so there are no more of them than consumers.
 */
export function lagMetrics(metrics: Metrics, { projections, managers, search, realtime, vitals }: Watched): void {
  metrics.gauge('projection_lag_seconds', 'How far a read model is behind the log.', ['model'], () => lagsOf(projections));
  metrics.gauge('policy_lag_seconds', 'How far the policies are behind the log.', ['engine'], () =>
    managers.lagSeconds === undefined ? [] : [[['process-managers'], managers.lagSeconds]],
  );
  metrics.gauge('search_index_lag_seconds', 'For how long the search index has been behind its read model.', ['index'], () =>
    search?.lagSeconds === undefined ? [] : [[['tutors'], search.lagSeconds]],
  );
  metrics.gauge('frame_lag_seconds', 'How far the frames to clients are behind the log.', ['engine'], () =>
    realtime?.lagSeconds === undefined ? [] : [[['realtime'], realtime.lagSeconds]],
  );
  metrics.counter('reaction_attempts_total', 'Attempts to carry a reaction out, by how they ended.', ['manager', 'outcome'], () =>
    [...managers.attempts].flatMap(([manager, counts]) => Object.entries(counts).map(([outcome, count]) => [[manager, outcome], count])),
  );
  const ofGroups = (value: (group: NonNullable<Vitals['report']>['groups'][number]) => number) => () =>
    (vitals.report?.groups ?? []).map((each): [string[], number] => [[each.group], value(each)]);
  metrics.gauge(
    'engine_led',
    'Whether a process leads the group, by its lease.',
    ['group'],
    ofGroups(({ led }) => (led ? 1 : 0)),
  );
  metrics.gauge(
    'engine_events_per_second',
    'Events that the group takes in.',
    ['group'],
    ofGroups(({ eventsPerSecond }) => eventsPerSecond),
  );
  const ofConsumers = (value: (consumer: ConsumerReport) => number | undefined) => () =>
    vitals.consumers.flatMap((each): [string[], number][] => {
      const number = value(each);
      return number === undefined ? [] : [[[each.consumer], number]];
    });
  metrics.gauge(
    'consumer_backlog_events',
    `Events that wait for a consumer, counted up to ${BACKLOG_LIMIT}.`,
    ['consumer'],
    ofConsumers(({ backlog }) => backlog),
  );
  metrics.gauge(
    'held_back',
    'Events or reactions that failed and wait for an operator.',
    ['consumer'],
    ofConsumers(({ parked }) => parked),
  );
  metrics.gauge(
    'parked_keys',
    'Keys of a read model, or instances of a process manager, that are held back.',
    ['consumer'],
    ofConsumers(({ parkedKeys }) => parkedKeys),
  );
  const ofOutbox = (value: (depth: NonNullable<Vitals['report']>['outbox'][number]) => number) => () =>
    (vitals.report?.outbox ?? []).map((each): [string[], number] => [[each.manager], value(each)]);
  metrics.gauge(
    'outbox_waiting',
    'Reactions to be carried out now.',
    ['manager'],
    ofOutbox(({ waiting }) => waiting),
  );
  metrics.gauge(
    'outbox_timers',
    'Reactions whose time has not come.',
    ['manager'],
    ofOutbox(({ timers }) => timers),
  );
  metrics.gauge(
    'outbox_retrying',
    'Reactions that failed and are tried again.',
    ['manager'],
    ofOutbox(({ retrying }) => retrying),
  );
  metrics.gauge(
    'outbox_oldest_seconds',
    'Age of the oldest reaction that waits to be carried out.',
    ['manager'],
    ofOutbox(({ oldestSeconds }) => oldestSeconds),
  );
}

/** Of each read model, where this process leads; while the work cannot begin, all of them are behind. */
function lagsOf(projections: ProjectionEngine): [string[], number][] {
  const models = projections.report()?.models;
  if (models !== undefined) return models.map(({ consumer, lagSeconds }) => [[consumer], lagSeconds]);
  const { idleLagSeconds } = projections;
  return idleLagSeconds === undefined ? [] : readModels.map((model) => [[consumerOf(model)], idleLagSeconds]);
}

/** Counts what waits for each consumer, in a process that leads read models or process managers. */
export function backlogCounter(
  { projections, managers }: Pick<Watched, 'projections' | 'managers'>,
  { database, eventStore }: { readonly database: Database; readonly eventStore: EventStoreClient },
): () => Promise<BacklogReport['backlog'] | undefined> {
  const types = new Map<string, readonly string[]>([
    ...readModels.map((model) => [consumerOf(model), Object.keys(model.on)] as const),
    ...processManagers.map((manager) => [`process-manager.${manager.name}`, Object.keys(manager.on)] as const),
  ]);
  return async () => {
    if (projections.report() === undefined && managers.lagSeconds === undefined) return undefined;
    const readers = new Map<string, Reader>();
    const served = await servedVersions(database);
    for (const { consumer, version, position } of await loadCheckpoints(database)) {
      const own = types.get(consumer.replace(/#next$/, ''));
      if (own !== undefined && version === served.get(consumer)) readers.set(consumer, { consumer, position, types: own });
    }
    return countBacklog(eventStore, [...readers.values()], BACKLOG_LIMIT);
  };
}
