import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { findingsOfReadModel, readModelTortures, type ReadModelTorture } from '#infra/verify/read-models.ts';
import { readModels } from '#projections/read-models.ts';
import { storyOf } from './stories.ts';

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
    return findingsOfReadModel(torture, { database, fresh: () => model, story: storyOf(model) });
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
});
