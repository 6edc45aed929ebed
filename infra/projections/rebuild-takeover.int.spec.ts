import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { CheckpointMoved } from '#infra/postgres/checkpoints.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { Abacus, counters } from './counters.examples.ts';
import { NotRebuildable, type RebuildStage, RebuildStopped } from './rebuild.ts';

/** A rebuild opens its third feed after the tables were compared, and just before it holds the engine for the swap. */
const BEFORE_THE_SWAP = 3;
const raised = { ...counters, version: 2 };

describe('a rebuild beside which others are at work', () => {
  let postgres: DisposableServer;
  let database: Database;
  let abacus: Abacus;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    abacus = await Abacus.start(database);
  });
  afterEach(() => abacus.engine.stop());

  it.each([
    ['in the place of the serving one', counters, BEFORE_THE_SWAP],
    ['for code that is to come', raised, 1],
  ])('puts no table %s that another has taken over while it slept', async (_, model, heldFeed) => {
    const before = await abacus.rows();
    const stop = new AbortController();
    const filled = abacus.rebuild({ model, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(filled).rejects.toBeInstanceOf(RebuildStopped);
    const { openFeed, reached, release } = abacus.feedsOfWhichOneIsHeld(heldFeed);
    // One that sleeps does not renew its lease.
    const sleeper = abacus.rebuild({ model, openFeed, leaseTimes: { lifetime: 60_000, beat: 60_000 } });
    await reached;
    await database.query(`update engine.leases set expires_at = clock_timestamp() where name like 'rebuild %'`);
    await expect(abacus.rebuild({ model, fresh: true, signal: AbortSignal.abort() })).rejects.toBeInstanceOf(RebuildStopped);
    release();
    await expect(sleeper).rejects.toBeInstanceOf(CheckpointMoved);
    expect(await abacus.rows()).toEqual(before);
    expect(await abacus.rebuild({ model })).toMatchObject({ differences: [], after: { rows: 50 } });
  });

  it('finds what the serving table makes of events that the new one had taken in already', async () => {
    const ahead = new MemoryLog();
    const counted = { type: 'Counted', data: { counter: 'c1', by: 7 } } as const;
    const nth = Number(abacus.log.head) + 1;
    const event = { ...recorded<typeof counted>(counted, { aggregateType: 'Counter', aggregateId: 'c1', nth }), position: BigInt(nth) };
    ahead.append(...abacus.log.events, event);
    // The code that rebuilds leaves out what the code that serves counts.
    const on: typeof counters.on = { ...counters.on, Counted: (each) => (each.data.by === 7 ? [] : counters.on.Counted!(each)) };
    const onStage = (stage: RebuildStage): void => {
      if (stage === 'swapping' && abacus.log.head < event.position) abacus.log.append(event);
    };
    const outcome = await abacus.rebuild({ model: { ...counters, on }, openFeed: ahead.feeds(), onStage });
    expect(outcome).toMatchObject({ state: 'different', differences: [{ key: 'c1', before: { total: 17 }, after: { total: 10 } }] });
  });

  it('is refused for a version that is not what queries see any more', async () => {
    await abacus.deploy(raised);
    await abacus.deploy(counters);
    await expect(abacus.rebuild({ model: raised })).rejects.toBeInstanceOf(NotRebuildable);
    expect(await abacus.rebuild()).toMatchObject({ state: 'swapped', differences: [] });
  });

  it('ends when code of another version comes meanwhile, and leaves what that one shows', async () => {
    await abacus.deploy(raised);
    const { openFeed, reached, release } = abacus.feedsOfWhichOneIsHeld(BEFORE_THE_SWAP);
    const rebuilt = abacus.rebuild({ model: raised, openFeed });
    await reached;
    await abacus.deploy(counters);
    release();
    await expect(rebuilt).rejects.toThrow('no longer served in version 2');
    abacus.count('c1', 1);
    await abacus.caughtUp();
    expect((await abacus.rows()).c1).toMatchObject({ total: 11 });
  });
});
