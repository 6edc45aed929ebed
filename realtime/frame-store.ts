import { advanceCheckpoints, claimCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { type FrameId, type StoredFrame } from './frame.ts';

/** The consumer under which the checkpoint of frames is kept. */
const CONSUMER = { consumer: 'realtime:frames', version: 1, generation: 0 };

/** Frames that one person may have waiting; who missed more starts afresh. */
const MOST_KEPT = 1_000;
/** Hours for which a frame is kept. */
const KEPT_FOR_HOURS = 24;

/** What a person who comes back has missed; `too_late` when some of it is gone. */
export type Missed = { readonly kind: 'frames'; readonly frames: readonly StoredFrame[] } | { readonly kind: 'too_late' };

interface Row {
  readonly position: number | bigint;
  readonly index: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly at: string;
}

/** The frames of the last hours, per person, with the checkpoint of their consumer. */
export class FrameStore {
  constructor(private readonly database: Database) {}

  /** Makes the checkpoint ours; where the frames have come, -1 before the first event. */
  async claim(fencingToken: number): Promise<bigint> {
    await claimCheckpoints(this.database, fencingToken, [CONSUMER], 'live');
    return this.position();
  }

  /** Commit position up to which every event has been made into frames. */
  async position(): Promise<bigint> {
    const [row] = await this.database.query<{ position: string }>(
      `select position::text as position from engine.checkpoints where consumer = $1 and version = $2`,
      [CONSUMER.consumer, CONSUMER.version],
      'frames_position',
    );
    return BigInt(row?.position ?? -1);
  }

  /**
   * Stores the frames of a page and moves the checkpoint with them; forgets every frame to or about people who were erased in it.
   * Throws `CheckpointMoved` when another process has taken over.
   */
  async append(frames: readonly StoredFrame[], position: bigint, fencingToken: number, erased: readonly string[] = []): Promise<void> {
    await this.database.transaction(async (transaction) => {
      if (frames.length > 0) await insert(transaction, frames);
      for (const userId of erased) await forget(transaction, userId);
      await advanceCheckpoints(transaction, fencingToken, [CONSUMER], position);
    });
  }

  /** What a person missed after a frame, oldest first. */
  async missed(recipient: string, after: FrameId): Promise<Missed> {
    const [floor] = await this.database.query<{ position: string | null }>(
      `select max(position)::text as position from engine.frame_floors where recipient in ('*', $1)`,
      [recipient],
      'frames_floor',
    );
    if (BigInt(floor?.position ?? -1) > after.position) return { kind: 'too_late' };
    const rows = await this.database.query<Row>(
      `select position, index, type, data, at from engine.frames
       where recipient = $1 and (position, index) > ($2, $3) order by position, index limit ${MOST_KEPT + 1}`,
      [recipient, String(after.position), after.index],
      'frames_missed',
    );
    if (rows.length > MOST_KEPT) return { kind: 'too_late' };
    return {
      kind: 'frames',
      frames: rows.map(({ position, index, ...frame }) => ({ recipient, id: { position: BigInt(position), index }, ...frame })),
    };
  }

  /** Forgets frames older than a day and all but the newest thousand of a person; says up to where in the floors. */
  async trim(): Promise<void> {
    await this.database.execute(
      `with gone as (
         delete from engine.frames where stored_at < now() - interval '${KEPT_FOR_HOURS} hours' returning position)
       insert into engine.frame_floors as floor (recipient, position)
       select '*', max(position) from gone having count(*) > 0
       on conflict (recipient) do update set position = greatest(floor.position, excluded.position)`,
    );
    await this.database.execute(
      `with numbered as (
         select recipient, position, index, row_number() over (partition by recipient order by position desc, index desc) as nth from engine.frames),
       gone as (
         delete from engine.frames f using numbered n
         where n.nth > ${MOST_KEPT} and (f.recipient, f.position, f.index) = (n.recipient, n.position, n.index)
         returning f.recipient, f.position)
       insert into engine.frame_floors as floor (recipient, position)
       select recipient, max(position) from gone group by recipient
       on conflict (recipient) do update set position = greatest(floor.position, excluded.position)`,
    );
  }
}

/** What others wrote stays; what the person wrote, shared or did is told by frames that name the person. */
async function forget(transaction: Queryable, userId: string): Promise<void> {
  await transaction.execute(
    `delete from engine.frames
     where recipient = $1 or jsonb_path_exists(data, '$.* ? (@ == $who)', jsonb_build_object('who', $1::text))`,
    [userId],
  );
}

async function insert(transaction: Queryable, frames: readonly StoredFrame[]): Promise<void> {
  await transaction.execute(
    `insert into engine.frames (recipient, position, index, type, data, at)
     select * from unnest($1::text[], $2::bigint[], $3::int[], $4::text[], $5::jsonb[], $6::timestamptz[])
     on conflict do nothing`,
    [
      frames.map(({ recipient }) => recipient),
      frames.map(({ id }) => String(id.position)),
      frames.map(({ id }) => id.index),
      frames.map(({ type }) => type),
      frames.map(({ data }) => JSON.stringify(data)),
      frames.map(({ at }) => at),
    ],
    'frames_insert',
  );
}
