import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { Lease } from '#infra/leases/lease.ts';
import type { LeasedWork } from '#infra/leases/leadership.ts';
import type { CheckpointState } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { Group, isUnstorable, type Member } from './group.ts';
import { prepareMembers } from './members.ts';
import type { Positions } from './positions.ts';
import { createIndexes, showTable, viewedTable } from './tables.ts';

export interface SessionOptions {
  readonly database: Database;
  readonly models: readonly ReadModel[];
  readonly openFeed: OpenFeed;
  readonly onError: (error: unknown) => void;
  readonly lease: Lease;
  readonly positions: Positions;
}

/** One read model, as it is at the moment. */
export interface ModelReport {
  readonly consumer: string;
  readonly version: number;
  readonly state: CheckpointState;
  readonly position: bigint;
  /** Age in seconds of the oldest event that waits for it. */
  readonly lagSeconds: number;
}

export interface SessionReport {
  readonly models: readonly ModelReport[];
  /** Events taken in since this process began, by all models together. */
  readonly events: number;
}

/** How often a model that is catching up is looked at. */
const LOOK_MS = 25;
const CATCH_UP_PAGE = 2_000;

/**
 * The work of one lease: a feed for the models that are live and, while there are any, another for those that are catching up. When these
 * have reached the end of the log, their indexes are made, their views switched, and they join the live ones.
 */
export class Session implements LeasedWork {
  readonly failed: Promise<never>;
  #fail!: (error: unknown) => void;
  readonly #options: SessionOptions;
  #stopped = false;
  #live: Member[] = [];
  #building: Member[] = [];
  #paused: Member[] = [];
  #liveFeed: OpenedFeed | undefined;
  #buildFeed: OpenedFeed | undefined;
  #joining: Promise<void> = Promise.resolve();
  #events = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever leads listens from when the session is open; a failure before that is thrown by open itself.
    this.failed.catch(() => undefined);
  }

  /** Takes the read models over and starts. */
  async open(): Promise<void> {
    const { database, lease, models, positions } = this.#options;
    const prepared = await prepareMembers(database, lease.token, models);
    const inState = (state: CheckpointState): Member[] => prepared.filter((each) => each.state === state).map(({ member }) => member);
    this.#live = inState('live');
    this.#building = inState('building');
    this.#paused = inState('paused');
    for (const { consumer, position } of this.#live) positions.advance([consumer], position);
    this.#openLive();
    if (this.#building.length > 0) this.#joining = this.#build(this.#building).catch((error: unknown) => this.#fail(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#liveFeed?.stop(), this.#buildFeed?.stop(), this.#joining]);
  }

  report(): SessionReport {
    const of = (members: readonly Member[], state: CheckpointState, feed: OpenedFeed | undefined): ModelReport[] =>
      members.map(({ consumer, version, position }) => ({ consumer, version, position, state, lagSeconds: feed?.lagSeconds ?? 0 }));
    return {
      models: [
        ...of(this.#live, 'live', this.#liveFeed),
        ...of(this.#building, 'building', this.#buildFeed),
        ...of(this.#paused, 'paused', undefined),
      ],
      events: this.#events,
    };
  }

  #openLive(): void {
    if (this.#live.length === 0) return;
    const group = this.#group(this.#live, { gather: false, serving: true });
    this.#liveFeed = this.#feed(this.#live, (page) => group.take(page));
  }

  /** Fills tables up to the end of the log, then lets their models join. */
  async #build(members: readonly Member[], gather = true): Promise<void> {
    const group = this.#group(members, { gather, serving: false });
    let refused = false;
    const feed = this.#feed(
      members,
      async (page) => {
        try {
          await group.take(page);
        } catch (error) {
          refused = gather && isUnstorable(error);
          throw error;
        }
      },
      (error) => !refused && this.#fail(error),
    );
    this.#buildFeed = feed;
    while (!feed.caughtUp && !refused && !this.#stopped) await pause(LOOK_MS);
    await feed.stop();
    if (!refused && !this.#stopped) {
      try {
        await group.settle();
      } catch (error) {
        if (!gather || !isUnstorable(error)) throw error;
        refused = true;
      }
    }
    if (this.#stopped) return;
    // Something in what was gathered cannot be stored: from the checkpoint on, page by page, to find out what.
    if (refused) return this.#build(await this.#reload(members), false);
    await this.#join(members);
  }

  async #reload(members: readonly Member[]): Promise<Member[]> {
    const { database, lease } = this.#options;
    const prepared = await prepareMembers(
      database,
      lease.token,
      members.map(({ model }) => model),
    );
    this.#building = prepared.map(({ member }) => member);
    return this.#building;
  }

  async #join(members: readonly Member[]): Promise<void> {
    const { database, lease, positions } = this.#options;
    for (const { model, rows } of members) await createIndexes(database, model, rows.table);
    await database.transaction(async (transaction) => {
      for (const { model, consumer, version, generation, rows } of members) {
        const moved = await transaction.execute(
          `update engine.checkpoints set state = 'live'
           where consumer = $1 and version = $2 and fencing_token = $3 and generation = $4`,
          [consumer, version, lease.token, generation],
        );
        if (moved !== 1) throw new Error(`${consumer}: another process has taken it over.`);
        if ((await viewedTable(transaction, model)) !== rows.table.name) await showTable(transaction, model, rows.table);
      }
    });
    if (this.#stopped) return;
    await this.#liveFeed?.stop();
    this.#live = [...this.#live, ...members];
    this.#building = [];
    this.#buildFeed = undefined;
    for (const { consumer, position } of members) positions.advance([consumer], position);
    if (!this.#stopped) this.#openLive();
  }

  #group(members: readonly Member[], { gather, serving }: { gather: boolean; serving: boolean }): Group {
    const { database, lease, positions } = this.#options;
    return new Group({
      database,
      token: lease.token,
      members,
      gather,
      onWritten: (written, position, events) => {
        this.#events += events;
        if (serving)
          positions.advance(
            written.map(({ consumer }) => consumer),
            position,
          );
      },
    });
  }

  #feed(
    members: readonly Member[],
    take: (page: FeedPage) => Promise<void>,
    onRejected: (error: unknown) => void = this.#fail,
  ): OpenedFeed {
    let broken: unknown;
    const from = members.reduce((least, { position }) => (position < least ? position : least), members[0]!.position);
    return this.#options.openFeed({
      types: [...new Set(members.flatMap(({ model }) => Object.keys(model.on)))],
      from: from < 0n ? undefined : from,
      pageSize: CATCH_UP_PAGE,
      onPage: async (page) => {
        // What a group has folded but could not write is lost to it: the same page again would count twice.
        if (broken !== undefined) throw broken;
        try {
          this.#options.lease.assertHeld();
          await take(page);
        } catch (error) {
          broken = error;
          onRejected(error);
          throw error;
        }
      },
      onFailure: this.#fail,
    });
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
