import { jsonEvent } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { command } from '#domain/kernel/command.ts';
import { ERASED } from '#domain/kernel/event.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { InvalidCommand, UnknownCommand } from '#infra/cqrs/commands.ts';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault, type Vault } from '#infra/vault/vault.ts';
import { Aggregates, type AggregatesOptions } from './aggregates.ts';
import { EventStoreClient } from './client.ts';
import { Codec } from './codec.ts';
import {
  add,
  addOneByOne,
  ANNA,
  close,
  contextOf,
  follow,
  NothingToFollow,
  tally,
  tallyDeciders,
  tallyFacts,
  TallyIsClosed,
} from './tally.examples.ts';

let dir: string;
let server: LaunchedEventStore;
const clients: EventStoreClient[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'aggregates-'));
  server = await launchEventStore({ dir });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The command side as one process of the system has it: its own client and its own memory. */
function process(
  options: AggregatesOptions = {},
  vault: Vault = new InMemoryVault(),
): { aggregates: Aggregates; client: EventStoreClient; reads: () => number } {
  let reads = 0;
  const client = new (class extends EventStoreClient {
    override read(...parameters: Parameters<EventStoreClient['read']>) {
      reads++;
      return super.read(...parameters);
    }
  })({ connectionString: server.connectionString });
  clients.push(client);
  const codec = new Codec({ deciders: tallyDeciders, vault });
  const aggregates = new Aggregates({
    deciders: tallyDeciders,
    factProviders: tallyFacts,
    client,
    codec,
    vault,
    clock: new SystemClock(),
    options,
  });
  return { aggregates, client, reads: () => reads };
}

const adding = (tallyId: string, amount = 1) => command(add, { tallyId, amount });

describe('A command', () => {
  it('appends its events with all that is to be known of them', async () => {
    const { aggregates } = process();
    const tallyId = newId();
    const result = await aggregates.execute(adding(tallyId, 5), contextOf(tallyId, { at: '2026-11-23T12:00:00.000Z', reason: 'spec' }));
    const [recorded] = await aggregates.history('Tally', tallyId);
    const { commandId, correlationId } = contextOf(tallyId);
    expect(recorded).toEqual({
      id: followUpId('event', commandId, '0', '2026-11-23T12:00:00.000Z'),
      type: 'TallyAdded',
      data: { tallyId, amount: 5 },
      version: '1.0',
      stream: `Tally-${tallyId}`,
      aggregateType: 'Tally',
      aggregateId: tallyId,
      revision: 0,
      position: BigInt(result.position),
      at: '2026-11-23T12:00:00.000Z',
      metadata: {
        eventVersion: '1.0',
        aggregateType: 'Tally',
        aggregateId: tallyId,
        timestamp: '2026-11-23T12:00:00.000Z',
        source: 'spec',
        commandId,
        commandType: 'AddToTally',
        correlationId,
        causationId: commandId,
        role: 'student',
        userId: ANNA.userId,
        reason: 'spec',
      },
    });
    expect(result).toEqual({ id: tallyId, revision: 0, position: result.position, events: [recorded] });
  });

  it('costs no read after the first one', async () => {
    const { aggregates, reads } = process();
    const tallyId = newId();
    await aggregates.execute(adding(tallyId), contextOf(newId()));
    const before = reads();
    for (let i = 0; i < 5; i++) await aggregates.execute(adding(tallyId), contextOf(newId()));
    expect(reads()).toBe(before);
    expect(await aggregates.load(tally, tallyId)).toEqual({ state: { total: 6, closed: false, notes: [] }, revision: 5 });
  });

  it('shares its read with others at once', async () => {
    const tallyId = newId();
    await process().aggregates.execute(adding(tallyId), contextOf(newId()));
    const { aggregates, reads } = process();
    await Promise.all(Array.from({ length: 20 }, () => aggregates.load(tally, tallyId)));
    // One that is under way may have missed what the later callers must see: they share a second one.
    expect(reads()).toBe(2);
  });

  it('that begins an aggregate costs no read either, once that is known of it', async () => {
    const { aggregates, reads } = process();
    await aggregates.execute(adding(newId()), contextOf(newId()));
    const before = reads();
    const tallyId = newId();
    await aggregates.execute(adding(tallyId), contextOf(newId()));
    expect(reads()).toBe(before);
    expect((await aggregates.load(tally, tallyId)).state.total).toBe(1);
  });

  it('that was taken for a beginning, but is none, is decided on what there is', async () => {
    const [one, two] = [process().aggregates, process().aggregates];
    const tallyId = newId();
    await one.execute(adding(tallyId, 5), contextOf(newId()));
    await two.execute(adding(newId()), contextOf(newId()));
    expect((await two.execute(adding(tallyId), contextOf(newId()))).revision).toBe(1);
    await one.execute(command(close, { tallyId }), contextOf(newId()));
    const three = process().aggregates;
    await three.execute(adding(newId()), contextOf(newId()));
    await expect(three.execute(adding(tallyId), contextOf(newId()))).rejects.toThrow(TallyIsClosed);
  });

  it('is refused with nothing written', async () => {
    const { aggregates } = process();
    const tallyId = newId();
    await aggregates.execute(command(close, { tallyId }), contextOf(newId()));
    await expect(aggregates.execute(adding(tallyId), contextOf(newId()))).rejects.toThrow(TallyIsClosed);
    expect(await aggregates.history('Tally', tallyId)).toHaveLength(1);
  });

  it('that finds it so already says where the aggregate is', async () => {
    const { aggregates } = process();
    const tallyId = newId();
    const first = await aggregates.execute(command(close, { tallyId }), contextOf(newId()));
    expect(await aggregates.execute(command(close, { tallyId }), contextOf(newId()))).toEqual({ ...first, events: [] });
  });

  it('is checked against its schema, and its values are not repeated', async () => {
    const { aggregates } = process();
    const sent = aggregates.execute(adding(newId(), 12345), contextOf(newId()));
    await expect(sent).rejects.toThrow(InvalidCommand);
    await expect(sent.catch((error: InvalidCommand) => JSON.stringify(error.details))).resolves.not.toContain('12345');
  });

  it('of an unknown type is a mistake', async () => {
    await expect(process().aggregates.execute({ type: 'Sing', data: {} }, contextOf(newId()))).rejects.toThrow(UnknownCommand);
  });
});

describe('A repeated command', () => {
  it('appends nothing and gets the first result', async () => {
    const { aggregates } = process();
    const tallyId = newId();
    const first = await aggregates.execute(command(addOneByOne, { tallyId, times: 3 }), contextOf(tallyId));
    await aggregates.execute(adding(tallyId), contextOf(newId()));
    const again = await aggregates.execute(command(addOneByOne, { tallyId, times: 3 }), contextOf(tallyId));
    expect({ ...again, events: again.events.map(({ id }) => id) }).toEqual({ ...first, events: first.events.map(({ id }) => id) });
    expect((await aggregates.load(tally, tallyId)).state.total).toBe(4);
  });

  it('does so in another process and when the rule would refuse it by now', async () => {
    const tallyId = newId();
    const [one, two] = [process().aggregates, process().aggregates];
    await two.execute(adding(tallyId), contextOf(newId()));
    const first = await one.execute(adding(tallyId), contextOf(tallyId));
    await one.execute(command(close, { tallyId }), contextOf(newId()));
    expect((await two.execute(adding(tallyId), contextOf(tallyId))).revision).toBe(first.revision);
    expect(await one.history('Tally', tallyId)).toHaveLength(3);
  });
});

describe('A command repeated after a restart', () => {
  const executed = async (tallyId: string) => {
    const { aggregates } = process();
    await aggregates.execute(adding(tallyId, 5), contextOf(tallyId, { at: '2026-11-23T12:00:00.000Z' }));
    await aggregates.execute(command(close, { tallyId }), contextOf(newId()));
    return aggregates.history('Tally', tallyId);
  };
  const restarted = async () => {
    const { aggregates } = process();
    await aggregates.execute(adding(newId()), contextOf(newId()));
    return aggregates;
  };

  it('gets what was recorded then, not what would be decided now', async () => {
    const tallyId = newId();
    const [first] = await executed(tallyId);
    const again = await (await restarted()).execute(adding(tallyId, 6), contextOf(tallyId, { at: '2026-11-24T12:00:00.000Z' }));
    expect(again.events).toEqual([first]);
  });

  it('and recognised by the store does not hide what came after it', async () => {
    const tallyId = newId();
    await executed(tallyId);
    const aggregates = await restarted();
    const again = await aggregates.execute(adding(tallyId, 5), contextOf(tallyId, { at: '2026-11-23T12:00:00.000Z' }));
    expect(again.revision).toBe(0);
    expect(await aggregates.load(tally, tallyId)).toMatchObject({ state: { total: 5, closed: true }, revision: 1 });
    await expect(aggregates.execute(adding(tallyId), contextOf(newId()))).rejects.toThrow(TallyIsClosed);
  });
});

describe('What another process appended', () => {
  it('is seen when a decision loses the race', async () => {
    const tallyId = newId();
    const [one, two] = [process().aggregates, process().aggregates];
    await one.execute(adding(tallyId), contextOf(newId()));
    await two.execute(adding(tallyId), contextOf(newId()));
    expect((await one.execute(adding(tallyId), contextOf(newId()))).revision).toBe(2);
  });

  it('is seen before a refusal', async () => {
    const [tallyId, otherId] = [newId(), newId()];
    const [one, two] = [process().aggregates, process().aggregates];
    const following = command(follow, { tallyId, otherId });
    await expect(one.execute(following, contextOf(newId()))).rejects.toThrow(NothingToFollow);
    await two.execute(adding(otherId, 7), contextOf(newId()));
    expect((await one.execute(following, contextOf(newId()))).events[0]?.data).toEqual({ tallyId, amount: 7 });
  });

  it('is seen before the answer that nothing is to be done', async () => {
    const tallyId = newId();
    const [one, two] = [process().aggregates, process().aggregates];
    await one.execute(command(close, { tallyId }), contextOf(newId()));
    await expect(two.execute(adding(tallyId), contextOf(newId()))).rejects.toThrow(TallyIsClosed);
    const again = await two.execute(command(close, { tallyId }), contextOf(newId()));
    expect(again).toMatchObject({ revision: 0, events: [] });
  });
});

describe('Forgetting a person', () => {
  it('erases their words from history and from memory, and the stream goes on', async () => {
    const vault = new InMemoryVault();
    const { aggregates, client } = process({}, vault);
    const [tallyId, authorId] = [newId(), newId()];
    const noted = command(add, { tallyId, amount: 1, authorId, note: 'my secret' });
    const { events } = await aggregates.execute(noted, contextOf(newId()));
    expect(events[0]?.data).toMatchObject({ note: 'my secret' });
    expect(JSON.stringify((await client.read(`Tally-${tallyId}`))[0]?.data)).not.toContain('secret');
    await vault.destroy(authorId);
    expect((await aggregates.load(tally, tallyId)).state.notes).toEqual([ERASED]);
    await aggregates.execute(noted, contextOf(newId()));
    expect((await aggregates.history('Tally', tallyId)).map(({ data }) => data)).toEqual([
      { tallyId, amount: 1, authorId, note: ERASED },
      { tallyId, amount: 1, authorId, note: ERASED },
    ]);
  });
});

describe('A long stream', () => {
  const grown = async (vault: Vault, authorId: string) => {
    const { aggregates, client } = process({}, vault);
    const tallyId = newId();
    await aggregates.execute(command(add, { tallyId, amount: 1, authorId, note: 'a word' }), contextOf(tallyId));
    for (let i = 0; i < 5; i++) await aggregates.execute(command(addOneByOne, { tallyId, times: 100 }), contextOf(newId()));
    const stored = async (): Promise<number> => (await client.read(`Snapshot-Tally-${tallyId}`)).length;
    while ((await stored()) === 0) await new Promise(setImmediate);
    return { tallyId, client };
  };

  it('is read from its snapshot, which knows the commands of old', async () => {
    const vault = new InMemoryVault();
    const { tallyId, client } = await grown(vault, newId());
    expect(JSON.stringify((await client.read(`Snapshot-Tally-${tallyId}`))[0]?.data)).not.toContain('word');
    const other = process({}, vault);
    const again = await other.aggregates.execute(adding(tallyId), contextOf(tallyId));
    expect(again.revision).toBe(0);
    expect(await other.aggregates.load(tally, tallyId)).toEqual({ state: { total: 501, closed: false, notes: ['a word'] }, revision: 500 });
  });

  it('is folded anew when its snapshot cannot be opened, and that is told', async () => {
    const vault = new InMemoryVault();
    const { tallyId, client } = await grown(vault, newId());
    const [snapshot] = await client.read(`Snapshot-Tally-${tallyId}`);
    const damaged = { ...(snapshot?.data as { sealed: string }), sealed: 'AAAA' };
    await client.append(`Snapshot-Tally-${tallyId}`, [jsonEvent({ type: 'Snapshot', data: damaged })], 'any');
    const told: string[] = [];
    const { aggregates } = process({ onSnapshotFailure: (_error, stream) => told.push(stream) }, vault);
    expect(await aggregates.load(tally, tallyId)).toMatchObject({ state: { total: 501, notes: ['a word'] }, revision: 500 });
    expect(told).toEqual([`Tally-${tallyId}`]);
  });

  it('is folded anew once somebody in it is forgotten', async () => {
    const vault = new InMemoryVault();
    const authorId = newId();
    const { tallyId } = await grown(vault, authorId);
    await vault.destroy(authorId);
    const { state } = await process({}, vault).aggregates.load(tally, tallyId);
    expect(state).toEqual({ total: 501, closed: false, notes: [ERASED] });
  });
});

describe('Commands at once', () => {
  it('from two processes lose nothing, leave no gap and are never doubled', async () => {
    const step = fc.record({
      who: fc.nat(1),
      what: fc.constantFrom('add', 'three', 'repeat', 'follow'),
      tally: fc.nat(1),
      amount: fc.integer({ min: 1, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
        const both = [process().aggregates, process().aggregates] as const;
        const ids = [newId(), newId()] as const;
        const run = newId();
        const outcomes = await Promise.all(
          steps.map(async ({ who, what, tally: nth, amount }, i) => {
            const tallyId = ids[nth as 0 | 1];
            const name = what === 'repeat' ? `${run} ${nth} repeated` : `${run} ${i}`;
            const message =
              what === 'three'
                ? command(addOneByOne, { tallyId, times: 3 })
                : what === 'follow'
                  ? command(follow, { tallyId, otherId: ids[nth === 0 ? 1 : 0] })
                  : adding(tallyId, what === 'repeat' ? 1 : amount);
            const result = await both[who as 0 | 1].execute(message, contextOf(name)).catch((error: unknown) => {
              if (error instanceof NothingToFollow) return undefined;
              throw error;
            });
            return { name, nth, result };
          }),
        );
        for (const [nth, tallyId] of ids.entries()) {
          const history = await both[0].history('Tally', tallyId, { limit: 1_000 });
          expect(history.map(({ revision }) => revision)).toEqual(history.map((_, i) => i));
          expect(new Set(history.map(({ id }) => id)).size).toBe(history.length);
          const succeeded = outcomes.filter((outcome) => outcome.nth === nth && outcome.result !== undefined);
          const written = new Set(history.map(({ metadata }) => metadata.commandId));
          expect(written).toEqual(new Set(succeeded.map(({ name }) => contextOf(name).commandId)));
          for (const { name, result } of succeeded)
            expect(result?.events.map(({ revision }) => revision)).toEqual(
              history.filter(({ metadata }) => metadata.commandId === contextOf(name).commandId).map(({ revision }) => revision),
            );
          const total = history.reduce((sum, { data }) => sum + (data as { amount: number }).amount, 0);
          for (const aggregates of both) expect((await aggregates.load(tally, tallyId)).state.total).toBe(total);
        }
        await Promise.all(clients.splice(0).map((client) => client.close()));
      }),
      { numRuns: 25 },
    );
  });
});
