import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database, Queryable } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { Positions } from './positions.ts';

describe('Whoever waits for a position', () => {
  let postgres: DisposableServer;
  let database: Database;
  let troubles: unknown[];
  let heard: () => void;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ database } = await postgres.create());
    troubles = [];
    heard = () => undefined;
    await database.execute("insert into engine.checkpoints (consumer, version, position, state) values ('hotel.guests', 1, 100, 'live')");
  });

  const positionsIn = (queryable: Queryable): Positions =>
    new Positions(queryable, new Map([['guests', { consumer: 'hotel.guests', version: 1 }]]), (error) => {
      troubles.push(error);
      heard();
    });

  it('shares one look at the checkpoints with all others who wait', async () => {
    let looks = 0;
    const positions = positionsIn({
      query: async (...statement) => {
        looks++;
        if (looks === 3) await database.execute('update engine.checkpoints set position = 200');
        return database.query(...statement);
      },
      execute: (...statement) => database.execute(...statement),
    });
    const waiting = Array.from({ length: 50 }, () => positions.waitFor(['guests'], 200n, 20_000));
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => true));
    expect(looks).toBe(3);
    expect(await positions.waitFor(['guests'], 300n, 100)).toBe(false);
  });

  it('goes on waiting when the database cannot be asked, which is told once', async () => {
    await database.query('alter table engine.checkpoints rename to gone');
    const mended = new Promise<unknown>((resolve) => {
      heard = () => resolve(database.query('alter table engine.gone rename to checkpoints'));
    });
    expect(await positionsIn(database).waitFor(['guests'], 100n, 20_000)).toBe(true);
    await mended;
    expect(troubles).toHaveLength(1);
  });
});
