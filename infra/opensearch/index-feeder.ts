import { setTimeout as delay } from 'node:timers/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { Leadership } from '#infra/leases/leadership.ts';
import type { Lease, LeaseTimes } from '#infra/leases/lease.ts';
import type { Level } from '#infra/leases/level.ts';
import { CheckpointMoved, claimCheckpoints } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { consumerOf, quoted, tableOf } from '#infra/projections/tables.ts';
import { type AliasedIndex, checksSql, type DocumentWrite } from './aliased-index.ts';

export interface IndexFeederOptions {
  readonly database: Database;
  readonly index: AliasedIndex;
  readonly model: ReadModel;
  /** Under which name the index's checkpoint is kept: `search.<what>`. */
  readonly consumer: string;
  /** The document of a row. Pure. */
  readonly documentOf: (row: never) => object;
  /** Hears of every failure; the feeder goes on by itself. */
  readonly onError: (error: unknown) => void;
  /** Between two comparisons of the whole index with the whole table, in milliseconds. Default: a minute. */
  readonly compareEveryMs?: number;
  readonly leaseTimes?: LeaseTimes;
}

/**
 * Keeps an index of OpenSearch as the rows of a read model are. One process at a time does it, under a lease. It follows the rows that have
 * changed; now and then, and whenever it begins, it compares the whole, so that nothing stays wrong: a row that was mended late, a row
 * that has gone, documents that OpenSearch has lost. A read model that was rebuilt gets a new index, shown when it is complete.
 */
export class IndexFeeder {
  readonly #leadership: Leadership;
  #feeding: Feeding | undefined;

  constructor(options: IndexFeederOptions) {
    this.#leadership = new Leadership({
      database: options.database,
      name: options.consumer,
      begin: async (lease, level) => {
        const feeding = await Feeding.begin(options, lease, level);
        this.#feeding = feeding;
        return {
          failed: feeding.failed,
          stop: () => {
            this.#feeding = undefined;
            return feeding.stop();
          },
        };
      },
      onError: options.onError,
      ...(options.leaseTimes === undefined ? {} : { times: options.leaseTimes }),
    });
  }

  start(): void {
    this.#leadership.start();
  }

  async stop(): Promise<void> {
    await this.#leadership.stop();
  }

  /** Seconds since the index was last level with the read model; undefined in a process that does not feed it. */
  get lagSeconds(): number | undefined {
    return this.#feeding?.isLevel === true ? 0 : this.#leadership.level?.secondsAgo;
  }
}

/** Up to which position of the log an index has every row; -1 when it has none yet. */
export async function indexedPosition(database: Database, consumer: string): Promise<bigint> {
  const [row] = await database.query<{ position: string }>(
    'select position::text as position from engine.checkpoints where consumer = $1 and version = $2',
    [consumer, CHECKPOINT_VERSION],
    'indexed-position',
  );
  return BigInt(row?.position ?? -1);
}

const CHECKPOINT_VERSION = 1;
const PAGE = 500;
const LOOK_MS = 100;
const COMPARE_EVERY_MS = 60_000;

/** How far the read model is, and which of its tables. */
interface Source {
  readonly table: string;
  readonly position: bigint;
  readonly state: string;
}

class Feeding {
  readonly failed: Promise<never>;
  readonly #options: IndexFeederOptions;
  readonly #lease: Lease;
  readonly #level: Level;
  readonly #stopping = new AbortController();
  readonly #work: Promise<void>;
  readonly #columns: string;
  readonly #table: string;
  #index: string | undefined;
  #source: string | undefined;
  #position = -1n;
  #isLevel = false;

  private constructor(options: IndexFeederOptions, lease: Lease, level: Level) {
    this.#options = options;
    this.#lease = lease;
    this.#level = level;
    const table = tableOf(options.model);
    this.#table = table.sql;
    this.#columns = table.columns.map(({ name, field }) => `${quoted(name)} as ${quoted(field)}`).join(', ');
    this.#work = this.#run();
    this.failed = this.#work.then(() => new Promise<never>(() => undefined));
    // Whoever leads listens from when the work has begun.
    this.failed.catch(() => undefined);
  }

  static async begin(options: IndexFeederOptions, lease: Lease, level: Level): Promise<Feeding> {
    await claimCheckpoints(options.database, lease.token, [{ consumer: options.consumer, version: CHECKPOINT_VERSION }], 'live');
    return new Feeding(options, lease, level);
  }

  /** Whether the index is as the read model was when that was last looked at. */
  get isLevel(): boolean {
    return this.#isLevel;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    // A failure has been heard through `failed`.
    await this.#work.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { compareEveryMs = COMPARE_EVERY_MS } = this.#options;
    let comparedAt = -Infinity;
    while (!signal.aborted) {
      const source = await this.#lookAtSource();
      if (source !== undefined) {
        const due = performance.now() - comparedAt >= compareEveryMs;
        if (due) {
          comparedAt = performance.now();
          await this.#lookAtIndex();
        }
        this.#isLevel = source.position === this.#position && this.#source === source.table;
        if (this.#isLevel) this.#level.reached();
        if (this.#source !== source.table) {
          // A table that is being filled is not worth an index yet; the old one serves on.
          if (source.state !== 'building') await this.#fillAnew(source);
        } else if (source.position > this.#position) await this.#follow(source);
        if (due && this.#source === source.table) await this.#compare();
      }
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #lookAtSource(): Promise<Source | undefined> {
    const { database, model } = this.#options;
    const [row] = await database.query<{ position: string; generation: number; fingerprint: string; state: string }>(
      'select position::text as position, generation, fingerprint, state from engine.checkpoints where consumer = $1 and version = $2',
      [consumerOf(model), model.version],
      'index-source',
    );
    if (row === undefined) return undefined;
    const { state, position } = row;
    return { table: `${consumerOf(model)} ${model.version} ${row.generation} ${row.fingerprint}`, position: BigInt(position), state };
  }

  /** Which index is shown, and how far it is; one that this database knows nothing of does not count. */
  async #lookAtIndex(): Promise<void> {
    const { database, consumer, index } = this.#options;
    const shown = await index.shown();
    const [row] = await database.query<{ position: string; fingerprint: string }>(
      'select position::text as position, fingerprint from engine.checkpoints where consumer = $1 and version = $2',
      [consumer, CHECKPOINT_VERSION],
    );
    const known = shown !== undefined && row !== undefined && row.fingerprint === shown.name;
    this.#index = known ? shown.name : undefined;
    this.#source = known ? shown.source : undefined;
    this.#position = known ? BigInt(row.position) : -1n;
  }

  async #fillAnew(source: Source): Promise<void> {
    const { index } = this.#options;
    const name = await index.create(source.table);
    try {
      await this.#writeChanged(name, -1n);
      this.#lease.assertHeld();
    } catch (error) {
      await index.drop(name).catch(this.#options.onError);
      throw error;
    }
    await index.show(name);
    this.#index = name;
    this.#source = source.table;
    await this.#levelWith(source.position);
  }

  async #follow({ position }: Source): Promise<void> {
    await this.#writeChanged(this.#index!, this.#position);
    await this.#levelWith(position);
  }

  /** Writes every row whose last change came after a position. Rows that change meanwhile come again. */
  async #writeChanged(index: string, after: bigint): Promise<void> {
    const { signal } = this.#stopping;
    let place: readonly [string, string | null] = [String(after), null];
    for (;;) {
      const page = await this.#options.database.query<{ _key: string; _position: string }>(
        `select key as "_key", _position::text as "_position", ${this.#columns} from ${this.#table} as held
         where held._position > $1 or (held._position = $1 and key collate "C" > $2) order by held._position, key collate "C" limit ${PAGE}`,
        [...place],
      );
      this.#lease.assertHeld();
      await this.#options.index.write(
        index,
        page.map((line) => this.#writeOf(line)),
      );
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      signal.throwIfAborted();
      place = [last._position, last._key];
    }
  }

  /** Only after the documents are known to be kept. */
  async #levelWith(position: bigint): Promise<void> {
    const { database, consumer } = this.#options;
    const moved = await database.execute(
      `update engine.checkpoints set position = $3, fingerprint = $4, updated_at = clock_timestamp()
       where consumer = $1 and version = $2 and fencing_token = $5`,
      [consumer, CHECKPOINT_VERSION, String(position), this.#index, this.#lease.token],
    );
    if (moved !== 1) throw new CheckpointMoved([{ consumer, version: CHECKPOINT_VERSION }]);
    this.#position = position;
    this.#isLevel = true;
    this.#level.reached();
  }

  /** Makes the index equal to the table where it is not. */
  async #compare(): Promise<void> {
    const { database, index } = this.#options;
    const name = this.#index!;
    const [table] = await database.query<{ documents: number; checks: number }>(
      `select count(*)::int as documents, ${checksSql('_position')} as checks from ${this.#table}`,
    );
    const held = await index.summary(name);
    if (held.documents === table!.documents && held.checks === table!.checks) return;
    const versions = await index.versions(name);
    const rows = await database.query<{ key: string; position: string }>(`select key, _position::text as position from ${this.#table}`);
    const stale = rows.filter(({ key, position }) => versions.get(key) !== BigInt(position)).map(({ key }) => key);
    for (const { key } of rows) versions.delete(key);
    const gone = [...versions].map(([id, version]): DocumentWrite => ({ id, version, document: undefined }));
    this.#lease.assertHeld();
    for (let from = 0; from < gone.length; from += PAGE) await index.write(name, gone.slice(from, from + PAGE));
    for (let from = 0; from < stale.length; from += PAGE) await this.#writeKeys(name, stale.slice(from, from + PAGE));
  }

  async #writeKeys(index: string, keys: readonly string[]): Promise<void> {
    const rows = await this.#options.database.query<{ _key: string; _position: string }>(
      `select key as "_key", _position::text as "_position", ${this.#columns} from ${this.#table} where key = any($1::text[])`,
      [keys],
    );
    await this.#options.index.write(
      index,
      rows.map((line) => this.#writeOf(line)),
    );
  }

  #writeOf({ _key, _position, ...row }: { _key: string; _position: string }): DocumentWrite {
    return { id: _key, version: BigInt(_position), document: this.#options.documentOf(row as never) };
  }
}
