import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deciders } from '#domain/deciders.ts';
import type { CommandMessage } from '#domain/kernel/command.ts';
import type { ColumnType } from '#domain/kernel/consumer.ts';
import { rowsAfter, reactionsTo } from '#domain/kernel/given-when-then.ts';
import { refusalCode } from '#domain/kernel/refusal.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { derive } from '#infra/process-managers/reactions.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { Rows } from '#infra/projections/rows.ts';
import { consumerOf, tableOf } from '#infra/projections/tables.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { MemoryLog, type MemoryFeedOptions } from '#infra/verify/memory-log.ts';
import { Storyteller } from '#infra/verify/story.ts';
import { effectDefinitions } from '#process-managers/effects/effects.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';

const leaseTimes = { lifetime: 2_000, beat: 100 };
const STORY = 1_500;
const seed = Number(process.env['VERIFY_SEED'] ?? 20_261_122);

function typesOf(consumers: readonly { on: object }[]): Set<string> {
  return new Set(consumers.flatMap(({ on }) => Object.keys(on)));
}

// Every consumer of the code is taken through this; a new one is covered by being in its list.
describe('every read model', () => {
  const story = new Storyteller(deciders, seed).tell(STORY, typesOf(readModels));
  let postgres: DisposableServer;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());

  async function run(database: Database, log: MemoryLog, feed: MemoryFeedOptions): Promise<void> {
    const errors: unknown[] = [];
    const engine = new ProjectionEngine({
      database,
      models: readModels,
      openFeed: log.feeds(feed),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: (error) => errors.push(error),
      leaseTimes,
    });
    engine.start();
    try {
      const there = await engine.positions.waitFor(readModels.map(consumerOf), log.head, 20_000);
      expect(errors).toEqual([]);
      expect(there).toBe(true);
    } finally {
      await engine.stop();
    }
  }

  async function expectRows(database: Database): Promise<void> {
    expect(await database.query('select consumer, event_type, error from engine.dead_letters')).toEqual([]);
    for (const model of readModels) {
      const expected = new Map(Object.entries(rowsAfter(model, ...story)).map(([key, row]) => [key, asRead(model.columns, row)]));
      const keys = await database.query<{ key: string }>(`select key from ${tableOf(model).sql}`);
      const rows = await new Rows(tableOf(model)).read(
        database,
        keys.map(({ key }) => key),
      );
      expect({ model: consumerOf(model), rows: Object.fromEntries(rows) }).toEqual({
        model: consumerOf(model),
        rows: Object.fromEntries(expected),
      });
    }
  }

  it('has the rows that its functions say, folded in one go from an empty database', async () => {
    const { database } = await postgres.create();
    const log = new MemoryLog();
    log.append(...story);
    await run(database, log, {});
    await expectRows(database);
  });

  it('has the same rows live, in small pages that come twice, with restarts from checkpoints on the way', async () => {
    const { database } = await postgres.create();
    const log = new MemoryLog();
    for (let from = 0; from < story.length; from += 250) {
      log.append(...story.slice(from, from + 250));
      await run(database, log, { everyPageTwice: true, pageSize: 37 });
    }
    await expectRows(database);
  });
});

/** A row as it comes back from its table. */
function asRead(columns: Readonly<Record<string, ColumnType | `${ColumnType}?`>>, row: object): object {
  return Object.fromEntries(
    Object.entries(columns).map(([field, type]) => {
      const value = (row as Record<string, unknown>)[field] ?? null;
      return [field, type.startsWith('instant') && typeof value === 'string' ? new Date(value).toISOString() : value];
    }),
  );
}

describe('every process manager', () => {
  const story = new Storyteller(deciders, seed + 1, { shortest: 1 }).tell(STORY, typesOf(processManagers));
  const commands = new Map(deciders.flatMap((decider) => decider.commands).map((definition) => [definition.type, definition.data]));
  const effects = new Map(effectDefinitions.map((definition) => [definition.type, definition.data]));
  const refusals = new Set(deciders.flatMap((decider) => decider.refusals).map(refusalCode));
  let postgres: DisposableServer;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());

  it('reacts with commands that exist, whose data fits, and names only refusals that exist', () => {
    const wrong = new Set<string>();
    const check = (manager: string, { type, data }: CommandMessage): void => {
      const schema = commands.get(type) ?? effects.get(type);
      const parsed = schema?.safeParse(data);
      if (parsed === undefined) wrong.add(`${manager}: ${type} does not exist`);
      else if (!parsed.success)
        wrong.add(`${manager}: ${type} ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join(', ')}`);
    };
    for (const manager of processManagers) {
      for (const event of story) {
        for (const reaction of reactionsTo(manager, event)) {
          check(manager.name, reaction.command);
          for (const [code, message] of Object.entries(reaction.otherwise ?? {})) {
            check(manager.name, message);
            if (!refusals.has(code)) wrong.add(`${manager.name}: otherwise ${code} is no refusal`);
          }
          for (const code of reaction.settledBy ?? [])
            if (!refusals.has(code)) wrong.add(`${manager.name}: settledBy ${code} is no refusal`);
        }
      }
    }
    expect([...wrong]).toEqual([]);
  });

  it('has only effects that say how they are undone, by something that exists, or why they cannot be', () => {
    for (const { type, undo } of effectDefinitions) {
      if ('by' in undo) expect({ type, known: commands.has(undo.by) || effects.has(undo.by) }).toEqual({ type, known: true });
      else expect(undo.irreversible.length).toBeGreaterThan(10);
    }
  });

  it('sends every reaction once, in order within its instance, though pages come twice and the engine restarts; timers when due', async () => {
    const { database } = await postgres.create();
    const log = new MemoryLog();
    const clock = new MovableClock();
    const sent: string[] = [];
    const expected = story.flatMap((event) => processManagers.flatMap((manager) => derive(manager, event)));
    const run = async (): Promise<void> => {
      const engine = new ProcessManagerEngine({
        database,
        managers: processManagers,
        openFeed: log.feeds({ everyPageTwice: true, pageSize: 41 }),
        clock,
        commands: {
          send: async (_message, { commandId }) => {
            sent.push(commandId);
            return { id: commandId, revision: 0, position: '0', events: [] };
          },
        },
        effects: [],
        load: () => Promise.reject(new Error('nothing to load')),
        readEvent: (stream, revision) => log.readEvent(stream, revision),
        onError: () => undefined,
        leaseTimes,
        pollMs: 50,
      });
      engine.start();
      try {
        for (;;) {
          const [left] = await database.query<{ rows: number; behind: number }>(
            `select (select count(*) from engine.outbox where state = 'pending' and (due is null or due <= $1)) as rows,
               (select count(*) from engine.checkpoints where position < $2) + (select case when count(*) = 0 then 1 else 0 end from engine.checkpoints) as behind`,
            [clock.now(), String(log.head)],
          );
          if (left!.rows === 0 && left!.behind === 0) break;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } finally {
        await engine.stop();
      }
    };
    for (let from = 0; from < story.length; from += 500) {
      log.append(...story.slice(from, from + 500));
      await run();
    }
    expect(await database.query(`select manager, last_error from engine.outbox where state = 'parked'`)).toEqual([]);
    const notYet = new Set(expected.filter(({ due }) => due !== null && due > clock.now()).map(({ id }) => id));
    expect(sent.filter((id) => notYet.has(id))).toEqual([]);
    clock.moveTo('2099-01-01T00:00:00.000Z');
    await run();
    expect(sent.toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
    const order = new Map(sent.map((id, place) => [id, place]));
    const last = new Map<string, number>();
    for (const { id, manager, instance, due } of expected) {
      if (due !== null) continue;
      const lane = `${manager} ${instance}`;
      expect(order.get(id)!).toBeGreaterThan(last.get(lane) ?? -1);
      last.set(lane, order.get(id)!);
    }
  }, 120_000);
});
