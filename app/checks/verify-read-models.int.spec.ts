import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { findingsAfterDeathsAt, findingsOfReadModels, readModelTortures, type ReadModelTorture } from '#infra/verify/read-models.ts';
import { readModels } from '#projections/read-models.ts';
import { seed, storyOf, storyOfAll } from './stories.ts';

/** Trials beside each other, each with a database of its own. */
const BESIDE = 4;

describe('Every read model', () => {
  let postgres: DisposableServer;
  let databases: Database[];
  beforeAll(async () => {
    postgres = await disposableServer();
    databases = await Promise.all(Array.from({ length: BESIDE }, async () => (await postgres.create()).database));
  });
  afterAll(() => postgres.dispose());

  async function tried(model: ReadModel, torture: ReadModelTorture, database: Database): Promise<string[]> {
    return findingsOfReadModels(torture, { database, fresh: () => [model], story: storyOf(model) });
  }

  it.each(Object.keys(readModelTortures) as ReadModelTorture[])(
    'has the rows that its functions say after %s',
    async (torture) => {
      const waiting = [...readModels];
      const findings: string[] = [];
      await Promise.all(
        databases.map(async (database) => {
          for (let model = waiting.pop(); model !== undefined; model = waiting.pop()) {
            findings.push(
              ...(await tried(model, torture, database).catch((error: unknown) => [`${consumerOf(model!)}: ${String(error)}`])),
            );
          }
        }),
      );
      expect(findings).toEqual([]);
    },
    60_000,
  );

  // Together they share pages and transactions, and some are live while others are being filled.
  it('has them also beside all the others in one engine whose processes die at any moment', async () => {
    const moments = fc.sample(fc.integer({ min: 1, max: 600 }), { seed, numRuns: 12 });
    const trial = { database: databases[0]!, fresh: () => readModels, story: storyOfAll() };
    expect({ moments, findings: await findingsAfterDeathsAt(moments, trial) }).toEqual({ moments, findings: [] });
  }, 60_000);
});
