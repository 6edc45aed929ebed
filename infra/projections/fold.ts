import type { Change, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { reasonFor } from '#infra/event-store/unreadable.ts';
import type { Queryable } from '#infra/postgres/database.ts';
import { RecentlyUsed, SeenKeys } from './row-cache.ts';
import type { Row, Rows, RowWrite } from './rows.ts';

/** What is held back together: all of a stream when a model's function failed on an event, one row when the row could not be changed or stored. */
export interface Parked {
  readonly scope: 'stream' | 'row';
  readonly key: string;
}

/** An event held back, with why; no reason for those that only stand behind another. */
export interface DeadLetter extends Parked {
  readonly event: Pick<RecordedEvent, 'id' | 'type' | 'stream' | 'revision' | 'position'>;
  readonly error: string | undefined;
}

/** What a model leaves out at the moment: what is parked from its first failure on, and the single events that an operator gave up. */
export interface HeldBack {
  readonly parked: readonly Parked[];
  readonly skipped: readonly (Parked & { readonly position: bigint })[];
}

interface Entry {
  readonly row: Row | undefined;
  readonly position: bigint;
  readonly stored: boolean;
}

interface Step {
  readonly event: RecordedEvent;
  readonly change: Change<Row>;
}

/** What one model's part of a transaction writes. */
export interface Batch {
  readonly writes: readonly RowWrite[];
  readonly letters: readonly DeadLetter[];
}

const ABSENT: unique symbol = Symbol('absent');
/** So long may the key of a row be, in characters: Postgres refuses to index much longer texts. */
const LONGEST_KEY = 500;

/**
 * Folds events into the rows of one read model, in memory: changed rows wait here until they are taken and written, rows used lately are
 * remembered. Only the process that alone writes the table may use it.
 */
export class Fold {
  #changed = new Map<string, Entry>();
  #leaving = new Map<string, Entry>();
  #letters: DeadLetter[] = [];
  readonly #known: RecentlyUsed<Row | typeof ABSENT>;
  /** The keys that the table may hold; undefined when nobody has kept count from its beginning. */
  #seen: SeenKeys | undefined;
  #parked = new Set<string>();
  #skipped = new Set<string>();
  /** Why the table refused what an event makes of a row, by row and event. */
  readonly #refused = new Map<string, string>();

  /** `isEmpty`: the table is known to hold nothing, so that only what this has put there itself is ever read. */
  constructor(
    private readonly model: ReadModel,
    private readonly rows: Pick<Rows, 'read' | 'table'>,
    cacheRows: number,
    heldBack: HeldBack = { parked: [], skipped: [] },
    isEmpty = false,
  ) {
    this.#known = new RecentlyUsed(cacheRows);
    this.#seen = isEmpty ? new SeenKeys() : undefined;
    this.#holdBack(heldBack);
  }

  /** How many rows wait to be written. */
  get waiting(): number {
    return this.#changed.size + this.#letters.length;
  }

  /** Takes in events in the order of the log. Reads the rows that they touch, once. */
  async take(database: Queryable, events: readonly RecordedEvent[]): Promise<void> {
    const steps = this.#steps(events);
    if (steps.length === 0) return;
    // What the rows were before this page. The cache may forget while it is being filled, and what is being written may have been by then.
    const before = new Map<string, Row | undefined>();
    const missing = new Set<string>();
    for (const { change } of steps) {
      const { key } = change;
      if (this.#changed.has(key) || before.has(key)) continue;
      const leaving = this.#leaving.get(key);
      if (leaving !== undefined) before.set(key, leaving.row);
      else if (this.#seen?.has(key) === false) before.set(key, undefined);
      else {
        const known = this.#known.get(key);
        if (known === undefined) missing.add(key);
        else before.set(key, known === ABSENT ? undefined : known);
      }
    }
    if (missing.size > 0) {
      const found = await this.rows.read(database, [...missing]);
      for (const key of missing) {
        const row = found.get(key);
        before.set(key, row);
        this.#known.set(key, row ?? ABSENT);
      }
    }
    for (const step of steps) this.#apply(step, before);
  }

  /** What is to be written now. Folding may go on meanwhile; {@link written} says that it is done. */
  leave(): Batch {
    this.#leaving = this.#changed;
    this.#changed = new Map();
    const letters = this.#letters;
    this.#letters = [];
    const writes: RowWrite[] = [];
    for (const [key, { row, position, stored }] of this.#leaving) {
      if (row !== undefined || stored) writes.push({ key, row, position, isNew: !stored });
    }
    return { writes, letters };
  }

  /** What left has been committed. */
  written(): void {
    for (const [key, { row }] of this.#leaving) {
      this.#known.set(key, row ?? ABSENT);
    }
    this.#leaving = new Map();
  }

  /** Forgets everything that is not in the table, what was read from it and what it may hold: others may have written to it. */
  forget(heldBack: HeldBack): void {
    this.#seen = undefined;
    this.#changed = new Map();
    this.#leaving = new Map();
    this.#letters = [];
    this.#refused.clear();
    this.#known.clear();
    this.#holdBack(heldBack);
  }

  #holdBack({ parked, skipped }: HeldBack): void {
    this.#parked = new Set(parked.map(parkingKey));
    this.#skipped = new Set(skipped.map((each) => placeOfEvent(each, each.position)));
  }

  /** Notes that the table refuses what this event makes of some rows, and why: taken in again, it is parked for these, and for no others. */
  refuse(event: RecordedEvent, reasons: ReadonlyMap<string, unknown>): void {
    for (const [key, error] of reasons) this.#refused.set(placeOfEvent({ scope: 'row', key }, event.position), reasonFor(event, error));
  }

  #steps(events: readonly RecordedEvent[]): Step[] {
    const steps: Step[] = [];
    for (const event of events) {
      if (this.model.on[event.type] === undefined) continue;
      const stream: Parked = { scope: 'stream', key: event.stream };
      if (this.#isSkipped(stream, event)) continue;
      if (this.#isParked(stream)) {
        this.#park(stream, event, undefined);
        continue;
      }
      try {
        for (const change of changesOf(this.model, event)) steps.push({ event, change });
      } catch (error) {
        this.#park(stream, event, reasonFor(event, error));
      }
    }
    return steps;
  }

  #apply({ event, change }: Step, before: ReadonlyMap<string, Row | undefined>): void {
    const { key } = change;
    const place: Parked = { scope: 'row', key };
    if (this.#isSkipped(place, event)) return;
    if (this.#isParked(place)) {
      this.#park(place, event, undefined);
      return;
    }
    const refused = this.#refused.size === 0 ? undefined : this.#refused.get(placeOfEvent(place, event.position));
    if (refused !== undefined) {
      this.#park(place, event, refused);
      return;
    }
    const { row: old, stored } = this.#waitingOr(key, before.get(key));
    try {
      let row: Row | undefined;
      if (change.kind === 'put') row = this.#complete(change.row);
      else if (change.kind === 'change') {
        if (old === undefined) return;
        row = this.#complete(change.apply(old));
      }
      this.#changed.set(key, { row, position: event.position, stored });
      if (row !== undefined) this.#seen?.add(key);
    } catch (error) {
      this.#park(place, event, reasonFor(event, error));
    }
  }

  #park(where: Parked, event: RecordedEvent, error: string | undefined): void {
    this.#parked.add(parkingKey(where));
    const { id, type, stream, revision, position } = event;
    this.#letters.push({ ...where, event: { id, type, stream, revision, position }, error });
  }

  #isParked(place: Parked): boolean {
    return this.#parked.size > 0 && this.#parked.has(parkingKey(place));
  }

  #isSkipped(place: Parked, event: RecordedEvent): boolean {
    return this.#skipped.size > 0 && this.#skipped.has(placeOfEvent(place, event.position));
  }

  /** A row as it would be read back: a field left out of a nullable column is null. Throws when a column that must have a value has none. */
  #complete(row: Row): Row {
    let complete = row;
    for (const { field, nullable } of this.rows.table.columns) {
      const value = row[field];
      if (value !== undefined && (value !== null || nullable)) continue;
      if (!nullable) throw new TypeError(`${this.model.name} has no value for ${field}.`);
      if (complete === row) complete = { ...row };
      (complete as Record<string, unknown>)[field] = null;
    }
    return complete;
  }

  #waitingOr(key: string, read: Row | undefined): { row: Row | undefined; stored: boolean } {
    const changed = this.#changed.get(key);
    if (changed !== undefined) return changed;
    // What is being written will be in the table before whatever is folded now.
    return { row: read, stored: read !== undefined };
  }
}

/**
 * What a read model makes of an event. Throws what its function throws, and when the answer is not changes of rows under keys that can be kept:
 * such a key could not even be looked up.
 */
export function changesOf(model: ReadModel, event: RecordedEvent): readonly Change<Row>[] {
  const handle = model.on[event.type];
  if (handle === undefined) return NONE;
  const answer = handle(event);
  const changes = Array.isArray(answer) ? (answer as readonly Change<Row>[]) : [answer as Change<Row>];
  for (const { key } of changes) {
    if (typeof key !== 'string' || key.length > LONGEST_KEY || key.includes('\u0000'))
      throw new TypeError(`${model.name} names a row of ${event.type} by what cannot be a key.`);
  }
  return changes;
}

const NONE: readonly Change<Row>[] = [];

function placeOfEvent(place: Parked, position: bigint): string {
  return `${parkingKey(place)} ${position}`;
}

function parkingKey({ scope, key }: Parked): string {
  return `${scope} ${key}`;
}
