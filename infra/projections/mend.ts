import type { RecordedEvent } from '#domain/kernel/event.ts';
import { UndecodableEvent } from '#infra/event-store/codec.ts';
import { reasonFor } from '#infra/event-store/unreadable.ts';
import { advanceCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import {
  firstLetters,
  giveUp,
  heldBackPlaces,
  isGivenUp,
  type LetterPlace,
  loadHeldBack,
  noteFailure,
  replaceLetters,
  takeBack,
} from './dead-letters.ts';
import { changesOf, type DeadLetter, type HeldBack, type Parked } from './fold.ts';
import type { Member } from './group.ts';
import { PassStopped, Refold } from './refold.ts';
import { isUnstorable, type RowWrite } from './rows.ts';

export interface MendParts {
  readonly database: Database;
  readonly token: number;
  readonly openFeed: OpenFeed;
  readonly readEvent: (stream: string, revision: number) => Promise<RecordedEvent>;
  readonly member: Member;
  /** Takes the member out of the live ones, which go on without it: from then on it stays where it is. */
  readonly hold: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** What is asked for: to try again; to give up the event at this position, which failed; to take back in what was given up. */
export type Mending = 'retry' | 'take back' | { readonly skip: bigint };

/**
 * Takes in what is held back under a key: its rows are folded anew from the start of the log, so that they come out as in a fresh replay,
 * and written in place of the old. When another event fails behind the one that is given up, that one and what follows stay held back. What has been
 * done already is not done again. Throws why, when the first fails again; then all stays as it was.
 */
export async function mend(parts: MendParts, place: Parked, mending: Mending): Promise<string> {
  const { database, member } = parts;
  if (mending !== 'take back') return mendOnce(parts, place, mending);
  const takenBack = await takeBack(database, member, place);
  try {
    return await mendOnce(parts, place, 'retry');
  } catch (error) {
    // Cut short, it is gone on with by whoever is next; what fails is given up as it was before.
    if (!(error instanceof PassStopped)) for (const position of takenBack) await giveUp(database, member, { ...place, position });
    throw error;
  }
}

async function mendOnce(parts: MendParts, place: Parked, mending: Exclude<Mending, 'take back'>): Promise<string> {
  const { database, member } = parts;
  const { first, failed } = await firstLetters(database, member, place);
  const skipped = mending === 'retry' ? undefined : mending.skip;
  if (skipped !== undefined && skipped !== failed?.position) {
    if (await isGivenUp(database, member, { ...place, position: skipped })) return 'given up already';
    throw new Error(`${member.consumer} has not failed at ${skipped} under ${place.scope} ${place.key}.`);
  }
  if (first === undefined) return 'nothing is held back there any more';
  try {
    return await new Mend(parts, place, { failed, skipped }).run();
  } catch (error) {
    // Whatever else went wrong says nothing about the event.
    if (failed !== undefined && (error instanceof FailedAgain || isUnstorable(error)))
      await noteFailure(database, member, { ...place, position: failed.position }, reasonOf(error));
    throw error;
  }
}

/** The very event that failed first under the key has failed once more. */
class FailedAgain extends Error {}

/** Events whose rows are looked up at once. */
const AT_ONCE = 100;

class Mend {
  readonly #parts: MendParts;
  readonly #place: Parked;
  readonly #failed: LetterPlace | undefined;
  readonly #skipped: bigint | undefined;
  /** Up to where what is held back has been looked at for the rows that it touches. */
  #looked = -1n;
  /** A later event fails too: from it on everything stays held back. */
  #failsLater = false;

  constructor(parts: MendParts, place: Parked, which: { failed: LetterPlace | undefined; skipped: bigint | undefined }) {
    this.#parts = parts;
    this.#place = place;
    this.#failed = which.failed;
    this.#skipped = which.skipped;
  }

  async run(): Promise<string> {
    const { member, hold } = this.#parts;
    const keys = await this.#touched(new Set());
    const before = await this.#heldBack();
    const refold = this.#refold(keys, before);
    // The long way is gone while the member goes on; what is left then is short.
    await refold.reach(member.position);
    await hold();
    // More may have been held back meanwhile. It is in the rows already folded; rows that it alone touches are folded now.
    const heldBack = await this.#heldBack();
    const added = await this.#touched(keys);
    await refold.reach(member.position);
    const results = [refold.result()];
    if (added.size > 0) {
      const further = this.#refold(added, heldBack);
      await further.reach(member.position);
      results.push(further.result());
    }
    const failures = this.#failures(
      results.flatMap(({ letters }) => letters),
      heldBack,
    );
    return this.#store(
      [...keys, ...added],
      results.flatMap(({ writes }) => writes),
      failures,
    );
  }

  #refold(keys: ReadonlySet<string>, { skipped }: HeldBack): Refold {
    const { member } = this.#parts;
    const given = this.#skipped === undefined ? [] : [{ ...this.#place, position: this.#skipped }];
    return new Refold({
      ...this.#parts,
      model: member.model,
      rows: member.rows,
      keys,
      heldBack: { parked: [], skipped: [...skipped, ...given] },
    });
  }

  #heldBack(): Promise<HeldBack> {
    return loadHeldBack(this.#parts.database, this.#parts.member);
  }

  /** The rows, beside those known, that events held back touch which have not been looked at. Throws when the first of them fails again. */
  async #touched(known: ReadonlySet<string>): Promise<Set<string>> {
    const { database, member, readEvent } = this.#parts;
    const place = this.#place;
    const touched = new Set<string>();
    if (place.scope === 'row') return known.has(place.key) ? touched : touched.add(place.key);
    while (!this.#failsLater) {
      const letters = await heldBackPlaces(database, member, place, { after: this.#looked, limit: AT_ONCE });
      if (letters.length === 0) break;
      const events = await Promise.all(letters.map((letter) => this.#read(letter, readEvent)));
      for (const [nth, event] of events.entries()) {
        const { position } = letters[nth]!;
        if (position === this.#skipped) continue;
        try {
          if (!('data' in event)) throw event.error;
          for (const { key } of changesOf(member.model, event)) if (!known.has(key)) touched.add(key);
        } catch (error) {
          if (position === this.#failed?.position)
            throw new FailedAgain(describe(this.#failed, 'data' in event ? reasonFor(event, error) : reasonOf(error)));
          this.#failsLater = true;
          break;
        }
      }
      this.#looked = letters.at(-1)!.position;
    }
    return touched;
  }

  /** An event, or why there is none: one that cannot be read fails in its turn. */
  async #read({ stream, revision }: LetterPlace, readEvent: MendParts['readEvent']): Promise<RecordedEvent | { readonly error: unknown }> {
    return readEvent(stream, revision).catch((error: unknown) => {
      if (error instanceof UndecodableEvent) return { error };
      throw error;
    });
  }

  /** What stays held back. Throws when the first fails again, or something that was not held back. */
  #failures(letters: readonly DeadLetter[], { parked }: HeldBack): DeadLetter[] {
    const { scope, key } = this.#place;
    const known = new Set(parked.map((each) => `${each.scope} ${each.key}`));
    const failures = new Map<string, DeadLetter>();
    for (const letter of letters) {
      const isOurs = letter.scope === 'row' || (letter.scope === scope && letter.key === key);
      const isFirst = letter.scope === scope && letter.key === key && letter.event.position === this.#failed?.position;
      if (letter.error !== undefined && (isFirst || (!isOurs && !known.has(`${letter.scope} ${letter.key}`))))
        throw new (isFirst ? FailedAgain : Error)(describe(letter.event, letter.error));
      if (isOurs) failures.set(`${letter.scope} ${letter.key} ${letter.event.position}`, letter);
    }
    return [...failures.values()];
  }

  async #store(keys: readonly string[], writes: readonly RowWrite[], failures: readonly DeadLetter[]): Promise<string> {
    const { database, token, member } = this.#parts;
    const given = this.#skipped;
    const freed = await database.transaction(async (transaction) => {
      await advanceCheckpoints(transaction, token, [member], member.position);
      await member.rows.write(transaction, await this.#newer(transaction, writes));
      return replaceLetters(transaction, member, { place: this.#place, keys, failures, skipped: given });
    });
    const done = `${keys.length} rows are as the log says, ${freed} events no longer held back`;
    const next = failures.find(({ error }) => error !== undefined);
    return next === undefined ? done : `${done}; ${failures.length} still are: ${describe(next.event, next.error)}`;
  }

  /**
   * The rows as changed after whatever changed them before: what follows the table by position, such as an index for searching, takes no row again that
   * claims to be as old as the one it has.
   */
  async #newer(transaction: Queryable, writes: readonly RowWrite[]): Promise<RowWrite[]> {
    const { member } = this.#parts;
    const latest = await member.rows.latestPosition(
      transaction,
      writes.map(({ key }) => key),
    );
    const position = (latest > member.position ? latest : member.position) + 1n;
    return writes.map((write) => ({ ...write, position }));
  }
}

function describe({ id, type }: { readonly id: string; readonly type: string }, error: string | undefined): string {
  return `Event ${id} (${type}): ${error ?? 'held back'}`;
}
