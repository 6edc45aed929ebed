import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { addRows, Outbox } from '#infra/process-managers/outbox.ts';
import { rowsFor } from '#infra/process-managers/reactions.ts';
import { Vitals } from './vitals.ts';

const greeting: ProcessManager = {
  name: 'greet-guests',
  context: 'hotel',
  sentence: 'Greets.',
  on: { GuestCame: ({ aggregateId }) => now({ type: 'Greet', data: { guest: aggregateId } }) },
};

describe('What is held back', () => {
  let postgres: DisposableServer;
  let database: Database;
  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database } = await postgres.create());
  });
  afterAll(() => postgres.dispose());

  /** A reaction that has failed for the last time; its id. */
  async function parkedReaction(guest: string): Promise<string> {
    const [row] = rowsFor(greeting, recorded({ type: 'GuestCame', data: {} }, { aggregateType: 'Guest', aggregateId: guest }));
    await addRows(database, 1, [row!]);
    await new Outbox(database, 1).failed(row!.id, 'Error: no', undefined);
    return row!.id;
  }

  /** A checkpoint, so that there is a consumer to be told of. */
  const consumer = (name: string, version = 1) =>
    database.execute('insert into engine.checkpoints (consumer, version) values ($1, $2)', [name, version]);

  it('is said once, and again when it becomes more; and is counted', async () => {
    const said: Record<string, unknown>[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => said.push(JSON.parse(line) as Record<string, unknown>) });
    const vitals = new Vitals({ database, log });
    const parked = () => vitals.consumers.map(({ consumer: name, parked: count, parkedKeys }) => [name, count, parkedKeys]);
    await consumer('process-manager.greet-guests');
    await vitals.look();
    expect(parked()).toEqual([['process-manager.greet-guests', 0, 0]]);
    const id = await parkedReaction('ada');
    await vitals.look();
    await vitals.look();
    await parkedReaction('ben');
    await vitals.look();
    expect(parked()).toEqual([['process-manager.greet-guests', 2, 2]]);
    await database.execute(`update engine.outbox set state = 'skipped' where id = $1`, [id]);
    await vitals.look();
    expect(parked()).toEqual([['process-manager.greet-guests', 1, 1]]);
    expect(said).toMatchObject([
      { consumer: 'process-manager.greet-guests', heldBack: 1, command: 'npm run dead-letters -- list', msg: 'something is held back' },
      { consumer: 'process-manager.greet-guests', heldBack: 2 },
    ]);
  });

  it('counts for the version of a read model that queries see, without what was given up', async () => {
    await consumer('hotel.guests', 1);
    await consumer('hotel.guests', 2);
    for (const [version, position, skipped] of [
      [1, 10, false],
      [2, 20, false],
      [2, 25, false],
      [2, 30, true],
    ])
      await database.execute(
        `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, skipped)
         values ('hotel.guests', $1, 'stream', 'Guest-ada', $2, '01a202b8-bc5a-726a-9b30-b85a8c55a615', 'GuestCame', 'Guest-ada', 0, $3)`,
        [version, position, skipped],
      );
    const vitals = new Vitals({ database, log: pino({ level: 'silent' }) });
    const told = async () => {
      await vitals.look();
      return vitals.consumers.filter(({ consumer: name }) => name === 'hotel.guests');
    };
    expect(await told()).toMatchObject([{ version: 2, parked: 2, parkedKeys: 1 }]);
    await database.query(
      'create schema hotel; create table hotel.guests_v1 (); create view hotel.guests as select from hotel.guests_v1 as held',
    );
    expect(await told()).toMatchObject([{ version: 1, parked: 1, parkedKeys: 1 }]);
  });

  it('comes with what waits, as whoever leads has counted it, in every process', async () => {
    const log = pino({ level: 'silent' });
    const counting = new Vitals({ database, log, countBacklog: () => Promise.resolve({ 'hotel.guests': 7 }) });
    await counting.look();
    const other = new Vitals({ database, log, countBacklog: () => Promise.resolve(undefined) });
    await other.look();
    expect(other.consumers.find(({ consumer: name }) => name === 'hotel.guests')).toMatchObject({ backlog: 7 });
    expect(other.report?.groups).toMatchObject([
      { group: 'projections', led: false },
      { group: 'process-managers', led: false },
    ]);
  });
});
