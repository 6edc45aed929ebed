import type { CheckpointState } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { readReports } from '#infra/postgres/reports.ts';
import { shownTables } from '#infra/projections/tables.ts';
import { OutboxOperations, type OutboxDepth } from '#infra/process-managers/operations.ts';

/** One consumer of the log as it stands. */
export interface ConsumerReport {
  readonly consumer: string;
  readonly version: number;
  /** `superseded`: queries see another version, and nothing keeps this one up. `stopped`: a rebuild that nobody goes on with at the moment. */
  readonly state: CheckpointState | 'superseded' | 'stopped';
  /** Commit position as a decimal string. */
  readonly position: string;
  readonly updatedAt: string;
  /** Age in seconds of the oldest event that waits for it, as its runner told last; undefined when no runner tells. */
  readonly lagSeconds: number | undefined;
  /** Events that are held back because they, or one before them, could not be taken in. */
  readonly parked: number;
}

/** How the engines are doing, seen from any process. */
export interface OperationsReport {
  readonly consumers: readonly ConsumerReport[];
  readonly outbox: readonly OutboxDepth[];
  /** Who works, by the leases: seconds until each ends unless it is renewed; not positive when nobody works. */
  readonly leases: readonly { readonly name: string; readonly secondsLeft: number; readonly fencingToken: number }[];
  /** Events per second that the read models take in at the moment. */
  readonly eventsPerSecond: number;
}

interface ToldModel {
  readonly consumer: string;
  readonly version: number;
  readonly lagSeconds: number;
}

/** A report older than this says nothing of now. */
const STALE_SECONDS = 10;

/** Asks the database how the engines are doing. */
export async function operations(database: Database): Promise<OperationsReport> {
  const [consumers, outbox, leases, reports, shown] = await Promise.all([
    database.query<Omit<ConsumerReport, 'lagSeconds' | 'state'> & { state: CheckpointState }>(
      `select consumer, version, state, position::text as position, updated_at as "updatedAt",
         (select count(*) from engine.dead_letters letter
          where letter.consumer = held.consumer and letter.version = held.version and not letter.skipped) as parked
       from engine.checkpoints held where consumer not like '%@%' order by consumer, version`,
    ),
    new OutboxOperations(database).depths(),
    database.query<{ name: string; secondsLeft: number; fencingToken: number }>(
      `select name, extract(epoch from expires_at - clock_timestamp())::float8 as "secondsLeft", fencing_token as "fencingToken"
       from engine.leases where expires_at > clock_timestamp() or name !~ '^(rebuild|copy) ' order by name`,
    ),
    readReports(database),
    shownTables(database),
  ]);
  const working = new Set(leases.filter(({ secondsLeft }) => secondsLeft > 0).map(({ name }) => name));
  const stateOf = ({
    consumer,
    version,
    state,
  }: {
    consumer: string;
    version: number;
    state: CheckpointState;
  }): ConsumerReport['state'] => {
    if (consumer.endsWith('#next')) return working.has(`rebuild ${consumer}`) ? state : 'stopped';
    const table = shown.get(consumer);
    return state !== 'building' && table !== undefined && table !== `${consumer}_v${version}` ? 'superseded' : state;
  };
  const told = reports.get('projections');
  const fresh = told !== undefined && told.ageSeconds < STALE_SECONDS;
  const { models, eventsPerSecond } = (fresh ? told.report : { models: [], eventsPerSecond: 0 }) as {
    models: readonly ToldModel[];
    eventsPerSecond: number;
  };
  const managers = reports.get('process-managers');
  const managersLag =
    managers !== undefined && managers.ageSeconds < STALE_SECONDS ? (managers.report as { lagSeconds: number }).lagSeconds : undefined;
  const lags = new Map(models.map(({ consumer, version, lagSeconds }) => [`${consumer} ${version}`, lagSeconds]));
  return {
    consumers: consumers.map((each) => ({
      ...each,
      state: stateOf(each),
      lagSeconds: each.consumer.startsWith('process-manager.') ? managersLag : lags.get(`${each.consumer} ${each.version}`),
    })),
    outbox,
    leases,
    eventsPerSecond,
  };
}
