import type { CheckpointState } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { readReports } from '#infra/postgres/reports.ts';
import type { ProcessManagerReport } from '#infra/process-managers/engine.ts';
import { OutboxOperations, type OutboxDepth } from '#infra/process-managers/operations.ts';
import type { SessionReport } from '#infra/projections/session.ts';
import { servedVersions } from '#infra/projections/tables.ts';

export type ConsumerGroup = 'projections' | 'process-managers' | 'search' | 'realtime';

/** One consumer of the log as it stands. */
export interface ConsumerReport {
  readonly consumer: string;
  readonly group: ConsumerGroup;
  readonly version: number;
  /** Whether this is the version that queries see; where they see none, the newest. */
  readonly served: boolean;
  /** `superseded`: queries see another version, and nothing keeps this one up. `stopped`: a rebuild that nobody goes on with at the moment. */
  readonly state: CheckpointState | 'superseded' | 'stopped';
  /** Commit position as a decimal string. */
  readonly position: string;
  readonly updatedAt: string;
  /** Age in seconds of the oldest event that waits for it, as its runner told last; undefined when no runner tells. */
  readonly lagSeconds: number | undefined;
  /** Events that wait for it, counted up to {@link BACKLOG_LIMIT}; undefined when nobody counts. */
  readonly backlog: number | undefined;
  /** Events, or reactions, that are held back because they, or one before them, could not be taken in. */
  readonly parked: number;
  /** The keys, or instances, that they are of. */
  readonly parkedKeys: number;
  /** The most attempts that anything of it has had which is held back, or waits for its next one. */
  readonly attempts: number;
}

/** The consumers that one process leads together. */
export interface GroupReport {
  readonly group: 'projections' | 'process-managers';
  /** Whether a process leads it, by the lease. */
  readonly led: boolean;
  /** The worst of its consumers that are live; undefined when no runner tells. */
  readonly lagSeconds: number | undefined;
  /** Events that it takes in at the moment. */
  readonly eventsPerSecond: number;
}

/** How the engines are doing, seen from any process. */
export interface OperationsReport {
  readonly groups: readonly GroupReport[];
  readonly consumers: readonly ConsumerReport[];
  readonly outbox: readonly OutboxDepth[];
  /** Who works, by the leases: seconds until each ends unless it is renewed; not positive when nobody works. */
  readonly leases: readonly { readonly name: string; readonly secondsLeft: number; readonly fencingToken: number }[];
  /** Events per second that the read models take in at the moment. */
  readonly eventsPerSecond: number;
}

/** What waits for each consumer, told by a process that leads. */
export interface BacklogReport {
  readonly backlog: Readonly<Record<string, number>>;
}

/** Events that a backlog is counted up to: more are not looked at. */
export const BACKLOG_LIMIT = 10_000;
/** The name of the report of backlogs. */
export const BACKLOG = 'backlog';

/** A report older than this says nothing of now. */
const STALE_SECONDS = 10;
/** Backlogs are counted more rarely. */
const STALE_BACKLOG_SECONDS = 60;

type Told = Omit<ConsumerReport, 'group' | 'served' | 'state' | 'lagSeconds' | 'backlog'> & { readonly state: CheckpointState };

/** Asks the database how the engines are doing. */
export async function operations(database: Database): Promise<OperationsReport> {
  const [consumers, outbox, leases, reports, served] = await Promise.all([
    consumersOf(database),
    new OutboxOperations(database).depths(),
    database.query<{ name: string; secondsLeft: number; fencingToken: number }>(
      `select name, extract(epoch from expires_at - clock_timestamp())::float8 as "secondsLeft", fencing_token as "fencingToken"
       from engine.leases where expires_at > clock_timestamp() or name !~ '^(rebuild|copy) ' order by name`,
    ),
    readReports(database),
    servedVersions(database),
  ]);
  const working = new Set(leases.filter(({ secondsLeft }) => secondsLeft > 0).map(({ name }) => name));
  const isServed = ({ consumer, version }: Told): boolean => served.get(consumer) === version;
  const stateOf = (each: Told): ConsumerReport['state'] => {
    const { consumer, state } = each;
    if (consumer.endsWith('#next')) return working.has(`rebuild ${consumer}`) ? state : 'stopped';
    return state !== 'building' && !isServed(each) ? 'superseded' : state;
  };
  const told = <R extends object>(name: string, staleSeconds: number): R | undefined => {
    const found = reports.get(name);
    return found !== undefined && found.ageSeconds < staleSeconds ? (found.report as R) : undefined;
  };
  const projections = told<SessionReport>('projections', STALE_SECONDS);
  const managers = told<ProcessManagerReport>('process-managers', STALE_SECONDS);
  const backlog = told<BacklogReport>(BACKLOG, STALE_BACKLOG_SECONDS)?.backlog ?? {};
  const lags = new Map([
    ...(projections?.models ?? []).map(({ consumer, version, lagSeconds }) => [`${consumer} ${version}`, lagSeconds] as const),
    ...(managers?.managers ?? []).map(({ consumer, lagSeconds }) => [`${consumer} 1`, lagSeconds] as const),
  ]);
  const live = (projections?.models ?? []).filter(({ state }) => state === 'live').map(({ lagSeconds }) => lagSeconds);
  const isLed = (group: string): boolean => leases.some(({ name, secondsLeft }) => name === group && secondsLeft > 0);
  return {
    groups: [
      {
        group: 'projections',
        led: isLed('projections'),
        lagSeconds: projections === undefined ? undefined : Math.max(0, ...live),
        eventsPerSecond: projections?.eventsPerSecond ?? 0,
      },
      {
        group: 'process-managers',
        led: isLed('process-managers'),
        lagSeconds: managers?.lagSeconds,
        eventsPerSecond: managers?.eventsPerSecond ?? 0,
      },
    ],
    consumers: consumers.map((each) => ({
      ...each,
      served: isServed(each),
      state: stateOf(each),
      group: groupOf(each.consumer),
      lagSeconds: lags.get(`${each.consumer} ${each.version}`),
      backlog: backlog[each.consumer],
    })),
    outbox,
    leases,
    eventsPerSecond: projections?.eventsPerSecond ?? 0,
  };
}

/** Every consumer but the copies of read models, with what it holds back. */
function consumersOf(database: Database): Promise<Told[]> {
  return database.query<Told>(
    `select held.consumer, held.version, state, position::text as position, updated_at as "updatedAt",
       coalesce(letters.events, reactions.parked, 0) as parked, coalesce(letters.keys, reactions.instances, 0) as "parkedKeys",
       coalesce(letters.attempts, reactions.attempts, 0) as attempts
     from engine.checkpoints held
     left join (
       select consumer, version, count(*) as events, count(distinct (scope, key)) as keys, max(attempts) as attempts
       from engine.dead_letters where not skipped group by consumer, version
     ) letters on letters.consumer = held.consumer and letters.version = held.version
     left join (
       select 'process-manager.' || manager as consumer, count(*) filter (where state = 'parked') as parked,
         count(distinct instance) filter (where state = 'parked') as instances, max(attempts) as attempts
       from engine.outbox where state = 'parked' or (state = 'pending' and attempts > 0) group by manager
     ) reactions on reactions.consumer = held.consumer
     where held.consumer not like '%@%' order by held.consumer, held.version`,
  );
}

function groupOf(consumer: string): ConsumerGroup {
  if (consumer.startsWith('process-manager.')) return 'process-managers';
  if (consumer.startsWith('search.')) return 'search';
  return consumer.startsWith('realtime:') ? 'realtime' : 'projections';
}
