import { expect } from '@jest/globals';
import { change, put, type ReadModel, remove } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { ProjectionEngine } from './engine.ts';
import { rebuild, type RebuildOptions } from './rebuild.ts';

type Counted = { type: 'Counted'; data: { counter: string; by: number } };
type Dropped = { type: 'Dropped'; data: { counter: string } };

/** A counter is begun by counting 0. */
export const counters: ReadModel<{ total: number; label: string }, { Counted: Counted; Dropped: Dropped }> = {
  name: 'counters',
  context: 'abacus',
  version: 1,
  sentence: 'Counters.',
  columns: { total: 'integer', label: 'text' },
  indexes: [['label', 'total']],
  on: {
    Counted: ({ data }) =>
      data.by === 0
        ? put(data.counter, { total: 0, label: 'new' })
        : change(data.counter, (row) => ({ ...row, total: row.total + data.by })),
    Dropped: ({ data }) => remove(data.counter),
  },
};

/** Fifty counters, each counted to ten, and an engine that serves them. */
export class Abacus {
  readonly log = new MemoryLog();
  readonly troubles: unknown[] = [];
  readonly record = memoryOperations().record;
  engine: ProjectionEngine;
  #nth = 0;

  private constructor(readonly database: Database) {
    for (let counter = 0; counter < 50; counter++) this.count(`c${counter}`, 0);
    for (let step = 0; step < 500; step++) this.count(`c${step % 50}`, 1);
    this.engine = this.#serve(counters);
  }

  #serve(model: ReadModel): ProjectionEngine {
    const engine = new ProjectionEngine({
      database: this.database,
      models: [model],
      openFeed: this.log.feeds(),
      readEvent: (stream, revision) => this.log.readEvent(stream, revision),
      onError: (error) => this.troubles.push(error),
      leaseTimes: { lifetime: 1_000, beat: 100 },
      record: this.record,
    });
    engine.start();
    return engine;
  }

  /** The process that serves goes, and one that runs other code comes. */
  async deploy(model: ReadModel): Promise<void> {
    await this.engine.stop();
    this.engine = this.#serve(model);
    await this.caughtUp();
  }

  static async start(database: Database): Promise<Abacus> {
    const abacus = new Abacus(database);
    await abacus.caughtUp();
    return abacus;
  }

  count(counter: string, by: number): void {
    this.#happens({ type: 'Counted', data: { counter, by } });
  }

  drop(counter: string): void {
    this.#happens({ type: 'Dropped', data: { counter } });
  }

  async caughtUp(): Promise<void> {
    expect(await this.engine.positions.waitFor(['counters'], this.log.head, 10_000)).toBe(true);
  }

  /** What queries see, by key. */
  async rows(): Promise<Record<string, { total: number; label: string }>> {
    const found = await this.database.query<{ key: string; total: number; label: string }>('select * from abacus.counters');
    return Object.fromEntries(found.map(({ key, ...row }) => [key, row]));
  }

  rebuild(more: Partial<RebuildOptions> = {}): ReturnType<typeof rebuild> {
    const openFeed = this.log.feeds({ pageSize: 50 });
    return rebuild({ database: this.database, openFeed, model: counters, accept: false, ...more });
  }

  /** Feeds whose pages wait for something; `nth` counts the feeds from 1 on. */
  feedsThatWait(wait: (nth: number, page: FeedPage) => Promise<void>): OpenFeed {
    const open = this.log.feeds({ pageSize: 50 });
    let opened = 0;
    return (request) => {
      const nth = ++opened;
      return open({
        ...request,
        onPage: async (page) => {
          await wait(nth, page);
          await request.onPage(page);
        },
      });
    };
  }

  /** Feeds of which the `held`th does not come to the end of the log before `release` is called; `reached` resolves when that one is open. */
  feedsOfWhichOneIsHeld(held: number): { openFeed: OpenFeed; reached: Promise<void>; release: () => void } {
    const open = this.log.feeds({ pageSize: 50 });
    const reached = Promise.withResolvers<void>();
    let opened = 0;
    let isHeld = true;
    const openFeed: OpenFeed = (request) => {
      const feed = open(request);
      if (++opened !== held) return feed;
      reached.resolve();
      return {
        get caughtUp() {
          return !isHeld && feed.caughtUp;
        },
        lagSeconds: 0,
        stop: () => feed.stop(),
      };
    };
    return { openFeed, reached: reached.promise, release: () => void (isHeld = false) };
  }

  #happens(event: Counted | Dropped): void {
    this.#nth++;
    const where = { aggregateType: 'Counter', aggregateId: event.data.counter, nth: this.#nth };
    const happened: RecordedEvent = { ...recorded<Counted | Dropped>(event, where), position: BigInt(this.#nth) };
    this.log.append(happened);
  }
}
