import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deciders } from '#domain/deciders.ts';
import type { CommandSender } from '#infra/cqrs/commands.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { OutboxOperations, ReactionActs } from '#infra/process-managers/operations.ts';
import { askFor } from '#infra/projections/acts.ts';
import { listLetters } from '#infra/projections/dead-letters.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { Storyteller } from '#infra/verify/story.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';
import { startStoredLog, type StoredLog } from './stored-log.ts';

const seed = Number(process.env['VERIFY_SEED'] ?? 20_261_122);
const PATIENCE_MS = 20_000;
const operator = { who: 'ada', why: 'the cause is mended' };

/** An event that read models and process managers of the code react to. */
const type = deciders
  .flatMap((decider) => decider.events.map((definition) => definition.type))
  .find((each) => readModels.some(({ on }) => on[each] !== undefined) && processManagers.some(({ on }) => on[each] !== undefined))!;
const models = readModels.filter(({ on }) => on[type] !== undefined);
const managers = processManagers.filter(({ on }) => on[type] !== undefined);

describe('An event that cannot be read', () => {
  let postgres: DisposableServer;
  let log: StoredLog;
  let mended = false;
  beforeAll(async () => {
    postgres = await disposableServer();
    const upcast = (data: object): object => {
      if (!mended) throw new TypeError(`no way from ${JSON.stringify(data)}`);
      return data;
    };
    log = await startStoredLog([{ type, from: '0.1', to: '1.0', upcast }]);
  });
  afterAll(async () => {
    await log.stop();
    await postgres.dispose();
  });

  async function tablesOf(database: Database): Promise<unknown[]> {
    return Promise.all(readModels.map((model) => database.query(`select * from ${consumerOf(model)} order by key`)));
  }

  it('holds back its stream with those who react to it, and stops nobody; it is taken in once it can be read', async () => {
    const { database } = await postgres.create();
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    const { openFeed, readEvent } = log;
    const { record } = memoryOperations();
    const send: CommandSender['send'] = async () => ({ id: 'x', revision: 0, position: '0', events: [] });
    const projections = new ProjectionEngine({ database, models: readModels, openFeed, readEvent, record, onError });
    const policies = new ProcessManagerEngine({
      database,
      managers: processManagers,
      openFeed,
      readEvent,
      onError,
      clock: new MovableClock(),
      commands: { send },
      effects: [],
      load: () => Promise.reject(new Error('nothing to load')),
      retry: { attempts: 2, firstWaitMs: 5, longestWaitMs: 20 },
      pollMs: 100,
      record,
    });
    projections.start();
    policies.start();
    const seen = async (): Promise<void> => {
      const head = await log.head();
      expect(await projections.positions.waitFor(readModels.map(consumerOf), head, PATIENCE_MS)).toBe(true);
      for (;;) {
        const behind = await database.query('select 1 from engine.checkpoints where position < $1', [String(head)]);
        const moving = await database.query(
          `select 1 from engine.outbox row where state = 'pending' and due is null and not exists (
             select from engine.outbox held where held.state = 'parked' and held.manager = row.manager and held.instance = row.instance)`,
        );
        if (behind.length + moving.length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    try {
      const teller = new Storyteller(deciders, seed, { ids: 4, shortest: 1 });
      const types = new Set([...readModels, ...processManagers].flatMap(({ on }) => Object.keys(on)));
      await log.append(teller.tellAll(1, types));
      const [old, broken] = [...teller.tell(1, new Set([type])), ...teller.tell(1, new Set([type]))] as const;
      await log.appendAs(old!, { version: '0.1' });
      await log.appendAs({ ...broken!, stream: `${broken!.aggregateType}-broken` }, { text: 'not even { JSON' });
      await seen();
      await log.append(teller.tellAll(1, types));
      await seen();

      const letters = (await listLetters(database)).filter(({ error }) => error !== null);

      expect(letters.map(({ consumer, eventId }) => `${consumer} ${eventId}`).toSorted()).toEqual(
        models.flatMap((model) => [old!, broken!].map(({ id }) => `${consumerOf(model)} ${id}`)).toSorted(),
      );
      for (const { eventId, error, stream } of letters) {
        expect(error).toContain(`UndecodableEvent: Event ${eventId} (${type}`);
        expect(error).toMatch(eventId === old!.id ? /its upcaster failed with TypeError$/ : /it does not have our form$/);
        expect(stream).toBe(eventId === old!.id ? old!.stream : `${broken!.aggregateType}-broken`);
      }
      const troubled = await new OutboxOperations(database).troubled();
      expect(troubled.map(({ manager, eventId }) => `${manager} ${eventId}`).toSorted()).toEqual(
        managers.flatMap((manager) => [old!, broken!].map(({ id }) => `${manager.name} ${id}`)).toSorted(),
      );

      mended = true;
      const operations = new OutboxOperations(database);
      const acts = new ReactionActs({ database, record, subjectOf: () => Promise.resolve(undefined) });
      for (const { id, eventId } of troubled) {
        const act = await (eventId === old!.id ? acts.retry(id, operator) : acts.skip(id, operator));
        expect(await record.outcomeOf(act, PATIENCE_MS)).toMatchObject({ state: 'done' });
      }
      for (const { consumer, scope, key, eventId } of letters) {
        const act = eventId === old!.id ? ('retry' as const) : ('skip' as const);
        const id = await askFor({ database, record }, { act, consumer, place: { scope, key } }, operator);
        expect(await record.outcomeOf(id, PATIENCE_MS)).toMatchObject({ state: 'done' });
      }
      await seen();
      expect(await operations.troubled()).toEqual([]);
      expect((await listLetters(database)).filter(({ skipped }) => !skipped)).toEqual([]);

      const { database: fresh } = await postgres.create();
      const replay = new ProjectionEngine({ database: fresh, models: readModels, openFeed, readEvent, onError });
      replay.start();
      expect(await replay.positions.waitFor(readModels.map(consumerOf), await log.head(), PATIENCE_MS)).toBe(true);
      await replay.stop();
      expect(await tablesOf(database)).toEqual(await tablesOf(fresh));
      expect([...errors, ...log.troubles]).toEqual([]);
    } finally {
      await policies.stop();
      await projections.stop();
    }
  }, 90_000);
});
