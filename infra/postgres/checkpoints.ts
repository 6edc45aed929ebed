import type { Queryable } from './database.ts';

/** A consumer of the log: its name and the version of what it makes. */
export interface Consumer {
  readonly consumer: string;
  readonly version: number;
}

export type CheckpointState = 'building' | 'live' | 'paused';

export interface Checkpoint extends Consumer {
  /** Commit position up to which everything has been taken in; -1 before the first. */
  readonly position: bigint;
  readonly generation: number;
  readonly state: CheckpointState;
  readonly fingerprint: string;
  readonly updatedAt: string;
}

/** Somebody else moved a checkpoint that this process believed to be its own: a successor's token, or a swap of tables. */
export class CheckpointMoved extends Error {
  constructor(consumers: readonly Consumer[]) {
    super(`A checkpoint has moved under ${consumers.map(({ consumer }) => consumer).join(', ')}.`);
    this.name = 'CheckpointMoved';
  }
}

/** Every checkpoint that there is. */
export async function loadCheckpoints(database: Queryable): Promise<Checkpoint[]> {
  const rows = await database.query<Omit<Checkpoint, 'position'> & { position: string }>(
    `select consumer, version, position::text as position, generation, state, fingerprint, updated_at as "updatedAt" from engine.checkpoints`,
  );
  return rows.map((row) => ({ ...row, position: BigInt(row.position) }));
}

/**
 * Makes checkpoints ours: from here on a predecessor that still writes finds its token outdated. Waits for its transaction under way.
 * Consumers without a checkpoint get one at the very start, in `state`.
 */
export async function claimCheckpoints(
  database: Queryable,
  token: number,
  consumers: readonly Consumer[],
  state: CheckpointState,
): Promise<void> {
  await database.execute(
    `insert into engine.checkpoints as mine (consumer, version, fencing_token, state)
     select consumer, version, $3, $4 from unnest($1::text[], $2::int[]) as ours (consumer, version) order by consumer, version
     on conflict (consumer, version) do update set fencing_token = excluded.fencing_token where mine.fencing_token < excluded.fencing_token`,
    [consumers.map((each) => each.consumer), consumers.map((each) => each.version), token, state],
  );
}

/** Moves checkpoints forward together. Throws {@link CheckpointMoved} unless each is as this process left it. */
export async function advanceCheckpoints(
  transaction: Queryable,
  token: number,
  consumers: readonly (Consumer & { generation: number })[],
  position: bigint,
): Promise<void> {
  const moved = await transaction.execute(
    `update engine.checkpoints as held set position = $4, updated_at = clock_timestamp()
     from unnest($1::text[], $2::int[], $3::int[]) as ours (consumer, version, generation)
     where held.consumer = ours.consumer and held.version = ours.version and held.generation = ours.generation
       and held.fencing_token = $5 and held.position <= $4`,
    [
      consumers.map((each) => each.consumer),
      consumers.map((each) => each.version),
      consumers.map((each) => each.generation),
      String(position),
      token,
    ],
    'advance-checkpoints',
  );
  if (moved !== consumers.length) throw new CheckpointMoved(consumers);
}
