import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pauseModel } from '#infra/operations/acts.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { carriedOut } from './connected.ts';

let postgres: DisposableServer;
let database: Database;
beforeAll(async () => {
  postgres = await disposableServer();
  ({ database } = await postgres.create());
});
afterAll(() => postgres.dispose());

it('An operator who interrupts need not wait for what comes of an act: it stays on record', async () => {
  await database.execute(
    `insert into engine.leases (name, holder, fencing_token, expires_at) values ('projections', gen_random_uuid(), 1, clock_timestamp() + interval '1 hour')`,
  );
  const { record, events } = memoryOperations();
  const act = await record.ask(pauseModel, { consumer: 'hotel.guests' }, { who: 'ada', why: 'it is slow' });
  const interrupt = new AbortController();
  const waiting = carriedOut({ database, record }, act, interrupt.signal);
  interrupt.abort();
  await expect(waiting).rejects.toThrow('It is on record');
  expect(events).toHaveLength(1);
});
