import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { Lease } from '#infra/leases/lease.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import type { OpenFeed } from '#infra/subscriptions/open-feed.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { prepareMembers } from './members.ts';
import { fill } from './work.ts';

type Placed = { type: 'Placed'; data: { stone: string } };

const stones: ReadModel<{ place: number }, { Placed: Placed }> = {
  name: 'stones',
  context: 'quarry',
  version: 1,
  sentence: 'Stones.',
  columns: { place: 'integer' },
  indexes: [],
  on: { Placed: ({ data }) => put(data.stone, { place: 1 }) },
};

describe('catching up', () => {
  let postgres: DisposableServer;
  let database: Database;
  let log: MemoryLog;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    log = new MemoryLog();
  });

  function place(stones: number): void {
    for (let stone = 0; stone < stones; stone++) {
      const nth = log.events.length + 1;
      const event = recorded<Placed>({ type: 'Placed', data: { stone: `s${nth}` } }, { aggregateType: 'Stone', aggregateId: 's', nth });
      log.append({ ...event, position: BigInt(nth) });
    }
  }

  it('does not fail before what it is writing is written, or is not', async () => {
    const lease = (await Lease.take(database, 'spec'))!;
    const catchUp = async (openFeed: OpenFeed, onWritten: () => void): Promise<unknown> => {
      const members = (await prepareMembers(database, lease.token, [stones])).map(({ member }) => member);
      return fill({ database, openFeed, lease, members, onWritten, careful: false }, new AbortController().signal);
    };
    place(1);
    // From now on the rows that events touch are looked up.
    expect(await catchUp(log.feeds(), () => undefined)).toBe('caught up');
    place(60_000);

    const happened: string[] = [];
    const held = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    let holding: Promise<void> | undefined;
    const holdCheckpoint = (): Promise<void> => {
      holding = database.transaction(async (transaction) => {
        await transaction.query(`set local idle_in_transaction_session_timeout = '1min'`);
        await transaction.query('select 1 from engine.checkpoints for update');
        held.resolve();
        await letGo.promise;
      });
      return held.promise;
    };
    const open = log.feeds({ pageSize: 2_000 });
    const stopped = Promise.withResolvers<void>();
    let pages = 0;
    const filling = catchUp(
      (request) => {
        const feed = open({
          ...request,
          onPage: async (page) => {
            if (++pages === 1) await holdCheckpoint();
            // From the 25th page on there is enough to be written.
            if (pages === 28) await database.query('alter table quarry.stones_v1 rename to lost');
            await request.onPage(page);
          },
        });
        return {
          get caughtUp() {
            return feed.caughtUp;
          },
          lagSeconds: 0,
          stop: async () => {
            await feed.stop();
            stopped.resolve();
          },
        };
      },
      () => happened.push('written'),
    ).catch(() => happened.push('failed'));
    await stopped.promise;
    await turn();
    const atOnce = [...happened];
    await database.query('alter table quarry.lost rename to stones_v1');
    letGo.resolve();
    await Promise.all([holding, filling]);
    await lease.release();
    expect(atOnce).toEqual([]);
    expect(happened).toEqual(['written', 'failed']);
  });
});
