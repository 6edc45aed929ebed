import type { ProcessRole } from '#infra/config/variables.ts';
import type { IndexFeeder } from '#infra/opensearch/index-feeder.ts';
import type { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import type { ProjectionEngine } from '#infra/projections/engine.ts';
import type { Check, PartReport } from '#infra/telemetry/health.ts';
import type { Metrics } from '#infra/telemetry/metrics.ts';
import type { HeldBack } from './held-back.ts';

/** How far a consumer may be behind before its process counts as not ready, in seconds. */
const MOST_BEHIND = 30;

interface Watched {
  readonly projections: ProjectionEngine;
  readonly managers: ProcessManagerEngine;
  readonly roles: ReadonlySet<ProcessRole>;
}

/** Readiness of the consumers that this process runs. Read models that are being rebuilt do not count: the ones they replace serve meanwhile. */
export function lagChecks({ projections, managers, roles }: Watched): Record<string, Check> {
  const live = () => projections.report()?.models.flatMap(({ state, lagSeconds }) => (state === 'live' ? [lagSeconds] : [])) ?? [];
  return {
    ...(roles.has('projections') ? { projections: () => judge(live().length === 0 ? undefined : Math.max(...live())) } : {}),
    ...(roles.has('process-managers') ? { processManagers: () => judge(managers.lagSeconds) } : {}),
  };
}

function judge(lagSeconds: number | undefined): Promise<PartReport> {
  return Promise.resolve(
    lagSeconds === undefined ? { ok: true, detail: 'another process does the work' } : { ok: lagSeconds <= MOST_BEHIND, lagSeconds },
  );
}

/** Lags as metrics, in seconds: of each read model, of the policies, and of the search index behind its read model; and how much is held back. */
export function lagMetrics(
  metrics: Metrics,
  { projections, managers, search, heldBack }: Watched & { readonly search: IndexFeeder | undefined; readonly heldBack: HeldBack },
): void {
  metrics.gauge('projection_lag_seconds', 'How far a read model is behind the log.', 'model', () =>
    (projections.report()?.models ?? []).map(({ consumer, lagSeconds }) => [consumer, lagSeconds] as const),
  );
  metrics.gauge('policy_lag_seconds', 'How far the policies are behind the log.', 'engine', () =>
    managers.lagSeconds === undefined ? [] : [['process-managers', managers.lagSeconds] as const],
  );
  metrics.gauge('held_back', 'Events or reactions that failed and wait for an operator.', 'consumer', () => heldBack.counts);
  metrics.gauge('search_index_lag_seconds', 'For how long the search index has been behind its read model.', 'index', () =>
    search?.lagSeconds === undefined ? [] : [['tutors', search.lagSeconds] as const],
  );
}
