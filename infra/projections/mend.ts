import type { RecordedEvent } from '#domain/kernel/event.ts';
import { advanceCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { listLetters, loadHeldBack, type StoredLetter } from './dead-letters.ts';
import type { Parked } from './fold.ts';
import type { Member } from './group.ts';
import { concerns, Refold } from './refold.ts';

export interface MendParts {
  readonly database: Database;
  readonly token: number;
  readonly openFeed: OpenFeed;
  readonly readEvent: (stream: string, revision: number) => Promise<RecordedEvent>;
  readonly member: Member;
  /** Holds the live feed; from then on the member stays where it is. */
  readonly pauseLive: () => Promise<void>;
}

const LETTERS = 10_000;

/**
 * Takes in what is held back under a key: its rows are folded anew from the start of the log, so that they come out as in a fresh replay,
 * and written in place of the old. `skip` first gives up the event that failed. Throws why, when it fails again; then all stays as it was.
 */
export async function mend(parts: MendParts, place: Parked, act: 'retry' | 'skip'): Promise<string> {
  const { database, member, pauseLive } = parts;
  const { consumer, version } = member;
  const letters = (await listLetters(database, { consumer, parked: place }, LETTERS)).filter(
    (each) => each.version === version && !each.skipped,
  );
  if (letters.length === 0) throw new Error(`${consumer} holds nothing back under ${place.scope} ${place.key}.`);
  const failed = letters.find(({ error }) => error !== null);
  if (act === 'skip' && failed !== undefined) await setSkipped(database, failed, true);
  try {
    const kept = act === 'skip' ? letters.filter((each) => each !== failed) : letters;
    const rows = await refolded(parts, place, kept);
    // What live pages parked meanwhile under the same key is in these rows too: they reach to the same position.
    return `${rows} rows are as the log says, ${letters.length} events no longer held back`;
  } catch (error) {
    if (act === 'skip' && failed !== undefined) await setSkipped(database, failed, false);
    await database.execute(
      `update engine.dead_letters set attempts = attempts + 1, error = $5
       where consumer = $1 and version = $2 and scope = $3 and key = $4 and error is not null`,
      [consumer, version, place.scope, place.key, reasonOf(error)],
    );
    throw error;
  } finally {
    await pauseLive();
    member.fold.forget(await loadHeldBack(database, member));
  }
}

async function refolded(parts: MendParts, place: Parked, letters: readonly StoredLetter[]): Promise<number> {
  const { database, token, openFeed, member, pauseLive } = parts;
  const keys = await keysOf(parts, place, letters);
  const heldBack = await loadHeldBack(database, member);
  const others = heldBack.parked.filter(({ scope, key }) => scope === 'stream' && (place.scope !== scope || place.key !== key));
  const refold = new Refold({
    database,
    openFeed,
    model: member.model,
    rows: member.rows,
    keys,
    heldBack: { parked: [], skipped: heldBack.skipped },
  });
  await refold.reach(member.position);
  await pauseLive();
  await refold.reach(member.position);
  const { writes, letters: again } = refold.result();
  const failure = again.find(concerns(place, others));
  if (failure !== undefined) throw new Error(`Event ${failure.event.id} (${failure.event.type}): ${failure.error}`);
  await database.transaction(async (transaction) => {
    await advanceCheckpoints(transaction, token, [member], member.position);
    await member.rows.write(transaction, writes);
    await transaction.execute(
      `delete from engine.dead_letters where consumer = $1 and version = $2 and not skipped
       and ((scope = $3 and key = $4) or (scope = 'row' and key = any($5)))`,
      [member.consumer, member.version, place.scope, place.key, [...keys]],
    );
  });
  return keys.size;
}

async function keysOf({ member, readEvent }: MendParts, place: Parked, letters: readonly StoredLetter[]): Promise<Set<string>> {
  if (place.scope === 'row') return new Set([place.key]);
  const keys = new Set<string>();
  for (const { stream, revision } of letters) for (const key of member.fold.keysOf(await readEvent(stream, revision))) keys.add(key);
  return keys;
}

async function setSkipped(database: Database, { consumer, version, scope, key, position }: StoredLetter, skipped: boolean): Promise<void> {
  await database.execute(
    `update engine.dead_letters set skipped = $6 where consumer = $1 and version = $2 and scope = $3 and key = $4 and position = $5`,
    [consumer, version, scope, key, position, skipped],
  );
}
