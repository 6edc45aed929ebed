import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { tellReport } from '#infra/postgres/reports.ts';
import { Listening, platformListensFor } from './listening.ts';

let postgres: DisposableServer;
let database: Database;
beforeAll(async () => {
  postgres = await disposableServer();
  ({ database } = await postgres.create());
});
afterAll(() => postgres.dispose());

it('A process that takes no webhooks knows for how long another has taken them, and that it takes them no more', async () => {
  expect(await platformListensFor(database)).toBe(0);
  const listening = new Listening(database, (error) => {
    throw error;
  });
  expect(listening.milliseconds).toBe(0);
  listening.begin();
  while ((await platformListensFor(database)) === 0);
  expect(await platformListensFor(database)).toBeLessThanOrEqual(listening.milliseconds);
  await listening.stop();
  await database.execute(`update engine.reports set told_at = told_at - interval '6 seconds' where name = 'webhooks'`);
  expect(await platformListensFor(database)).toBe(0);
});

it('A process that joins others who have listened for longer does not talk them down, and goes on where they leave', async () => {
  const hour = 3_600_000;
  const older = () => tellReport(database, 'webhooks', { milliseconds: hour });
  await older();
  const joining = new Listening(database, (error) => {
    throw error;
  });
  joining.begin();
  for (let told = hour; told === hour; told = await platformListensFor(database)) await older();
  expect(await platformListensFor(database)).toBeGreaterThan(hour);
  expect(joining.milliseconds).toBeLessThan(hour);
  await joining.stop();
});
