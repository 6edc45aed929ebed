import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { advanceCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import { loadHeldBack, storeLetters } from './dead-letters.ts';
import type { Batch, Fold } from './fold.ts';
import { isUnstorable, type Rows } from './rows.ts';

/** A read model at work: where it is and the rows that it holds in memory. */
export interface Member {
  readonly model: ReadModel;
  readonly consumer: string;
  readonly version: number;
  readonly generation: number;
  readonly rows: Rows;
  readonly fold: Fold;
  /** Commit position up to which everything is in the table. */
  position: bigint;
}

export interface GroupOptions {
  readonly database: Database;
  /** Fencing token of the lease under which it writes. */
  readonly token: number;
  readonly members: readonly Member[];
  /** Catching up: pages are gathered and written together while the next are folded. Otherwise each page is written before the next. */
  readonly gather: boolean;
  readonly onWritten: (members: readonly Member[], position: bigint, events: number) => void;
}

/** Gathered events are folded when they are this many: the rows that they touch are looked up together. */
const FOLD_EVENTS = 2_000;
/** Gathered rows are written when they are this many, or this old: one that changes often is written the less often. */
const GATHER_ROWS = 50_000;
const GATHER_MS = 2_000;

/**
 * Read models that move along the log together: one feed, one transaction a page. A model that already has a page skips it. When a page
 * cannot be stored as a whole, each model is on its own, then each half of the page, and so on; the row that cannot be stored is parked.
 */
export class Group {
  #folded = -1n;
  #gathered: { events: RecordedEvent[]; position: bigint } = { events: [], position: -1n };
  #folding: Promise<void> = Promise.resolve();
  #eventsSince = 0;
  #writtenAt = performance.now();
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(private readonly options: GroupOptions) {}

  /**
   * Takes a page in. Rejects when it cannot be written, or, gathering, when an earlier one could not; then nothing of it counts and the
   * group is of no more use.
   */
  async take(page: FeedPage): Promise<void> {
    if (page.position <= this.#gathered.position) return;
    if (!this.options.gather) {
      this.#gathered = { events: [], position: page.position };
      return this.#foldAndWrite(page);
    }
    this.#gathered.events.push(...page.events);
    this.#gathered.position = page.position;
    if (this.#gathered.events.length < FOLD_EVENTS && !this.#isTimeToWrite()) return;
    // One transaction under way, one set of pages being folded, one being gathered.
    await this.#folding;
    this.#folding = this.#foldGathered();
    this.#folding.catch(() => undefined);
  }

  /** Writes what has been gathered. */
  async settle(): Promise<void> {
    await this.#folding;
    await this.#fold(this.#takeGathered());
    await this.#writing;
    const behind = this.#behind(this.#folded);
    if (behind.length > 0) await this.#write(behind, this.#folded);
  }

  /** Resolves when nothing is under way any more, whatever came of it; what has been gathered stays unwritten. */
  async rest(): Promise<void> {
    // What is being folded may begin to write.
    await Promise.allSettled([this.#folding]);
    await Promise.allSettled([this.#writing]);
  }

  #takeGathered(): FeedPage {
    const page = this.#gathered;
    this.#gathered = { events: [], position: page.position };
    return page;
  }

  async #foldGathered(): Promise<void> {
    await this.#fold(this.#takeGathered());
    if (this.#waiting() < GATHER_ROWS && !this.#isTimeToWrite()) return;
    await this.#writing;
    this.#isWriting = true;
    this.#writing = this.#write(this.#behind(this.#folded), this.#folded).finally(() => {
      this.#isWriting = false;
    });
    this.#writing.catch(() => undefined);
  }

  /** While a transaction is under way, folding goes on until there are too many rows. */
  #isTimeToWrite(): boolean {
    return !this.#isWriting && performance.now() - this.#writtenAt >= GATHER_MS;
  }

  /** Folds a page into the memory of the models that it is new to. */
  async #fold({ events, position }: FeedPage): Promise<void> {
    const folded = this.#folded;
    this.#folded = position;
    this.#eventsSince += events.length;
    await this.#foldInto(this.#behind(position), events, folded);
  }

  /** Folds those of the events that are new to each model and come after `folded`. */
  async #foldInto(members: readonly Member[], events: readonly RecordedEvent[], folded = -1n): Promise<void> {
    // All of them to their end: what goes on folding after a failure would meddle with whatever is done about it.
    const ends = await Promise.allSettled(
      members.map((member) => member.fold.take(this.options.database, after(folded > member.position ? folded : member.position, events))),
    );
    const failure = ends.find((end) => end.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  #behind(position: bigint): Member[] {
    return this.options.members.filter((member) => member.position < position);
  }

  #waiting(): number {
    return this.options.members.reduce((sum, { fold }) => sum + fold.waiting, 0);
  }

  async #write(members: readonly Member[], position: bigint): Promise<void> {
    const { database, token, onWritten } = this.options;
    const events = this.#eventsSince;
    this.#eventsSince = 0;
    this.#writtenAt = performance.now();
    const batches = members.map((member): [Member, Batch] => [member, member.fold.leave()]);
    await database.transaction(async (transaction) => {
      await advanceCheckpoints(transaction, token, members, position);
      for (const [member, { writes, letters }] of batches) {
        if (writes.length > 0) await member.rows.write(transaction, writes);
        await storeLetters(transaction, member, letters);
      }
    });
    for (const member of members) {
      member.fold.written();
      member.position = position;
    }
    onWritten(members, position, events);
  }

  async #foldAndWrite(page: FeedPage): Promise<void> {
    const behind = this.#behind(page.position);
    try {
      await this.#fold(page);
      await this.#write(behind, page.position);
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      await this.#narrow(behind, page.events, page.position);
    }
  }

  /**
   * Finds by halves, first of the models and then of the events, what cannot be stored, parks it, and stores all the rest. `position` is what the
   * events reach to.
   */
  async #narrow(all: readonly Member[], events: readonly RecordedEvent[], position: bigint): Promise<void> {
    const members = all.filter((member) => member.position < position);
    for (const member of members) await this.#forget(member);
    try {
      await this.#foldInto(members, events);
      if (members.length > 0) await this.#write(members, position);
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      const [member, another] = members;
      const [event, second] = events;
      if (another !== undefined) {
        const half = members.length >> 1;
        await this.#narrow(members.slice(0, half), events, position);
        await this.#narrow(members.slice(half), events, position);
      } else if (second !== undefined) {
        const half = events.length >> 1;
        await this.#narrow(members, events.slice(0, half), events[half - 1]!.position);
        await this.#narrow(members, events.slice(half), position);
      } else if (member !== undefined && event !== undefined) await this.#park(member, event, position, error);
      else throw error;
    }
  }

  /** Parks the rows that the table refuses as this event makes them; the others that it touches are stored. */
  async #park(member: Member, event: RecordedEvent, position: bigint, cause: unknown): Promise<void> {
    const { database } = this.options;
    await this.#forget(member);
    await member.fold.take(database, [event]);
    const refused = await member.rows.refused(database, member.fold.leave().writes);
    if (refused.size === 0) throw cause;
    await this.#forget(member);
    member.fold.refuse(event, refused);
    await member.fold.take(database, [event]);
    await this.#write([member], position);
  }

  async #forget(member: Member): Promise<void> {
    member.fold.forget(await loadHeldBack(this.options.database, member));
  }
}

function after(position: bigint, events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  const first = events[0];
  return first === undefined || first.position > position ? events : events.filter((event) => event.position > position);
}
