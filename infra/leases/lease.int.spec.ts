import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { Interruptible } from '#infra/verify/interruptible.ts';
import { Lease, LeaseLost } from './lease.ts';

describe('A lease', () => {
  let postgres: DisposableServer;
  let url: string;
  beforeAll(async () => {
    postgres = await disposableServer();
  });
  afterAll(() => postgres.dispose());
  beforeEach(async () => {
    ({ url } = await postgres.create());
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is lost at its end also when the database does not answer any more, and everything can be closed then', async () => {
    const way = new Interruptible(new URL(url));
    const { host } = new URL(await way.open());
    const database = new Database(Object.assign(new URL(url), { host }).href);
    const lease = (await Lease.take(database, 'work', { lifetime: 600, beat: 50 }))!;
    lease.assertHeld();
    way.fallSilent();
    await once(lease.lost, 'abort');
    expect(() => lease.assertHeld()).toThrow(LeaseLost);
    await lease.release();
    await database.close();
    await way.cut();
  });

  it('is not trusted by a machine that was suspended past its end, where the steady clock stood still', async () => {
    const { database } = await postgres.create();
    const lease = (await Lease.take(database, 'work', { lifetime: 60_000, beat: 10_000 }))!;
    lease.assertHeld();
    const afterwards = Date.now() + 60_000;
    jest.spyOn(Date, 'now').mockReturnValue(afterwards);
    expect(() => lease.assertHeld()).toThrow(LeaseLost);
    await lease.release();
  });
});
