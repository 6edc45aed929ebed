import connect, { type Knex } from 'knex';
import { engineMigrations } from './engine-schema.ts';
import type { Migration } from './migration.ts';

/** Held while migrating, so that of several processes that start at once one migrates and the others wait. Any number would do. */
const LOCK = 4_712_009;

/**
 * Brings the engines' schema up to date. Safe to call from several processes at once and again after one of them died half-way:
 * each step is a transaction of its own.
 */
export async function migrate(url: string, migrations: readonly Migration[] = engineMigrations): Promise<void> {
  const runner = connect({ client: 'pg', connection: url, pool: { min: 0, max: 3 } });
  try {
    await runner.transaction(async (lock) => {
      await lock.raw('select pg_advisory_xact_lock(?)', [LOCK]);
      const config = { migrationSource: new ListSource(migrations), schemaName: 'public', tableName: 'schema_migrations' };
      // We are alone here, so a lock row that knex finds can only be that of a process that died.
      if (await runner.schema.withSchema('public').hasTable('schema_migrations_lock')) await runner.migrate.forceFreeMigrationsLock(config);
      await runner.migrate.latest(config);
    });
  } finally {
    await runner.destroy();
  }
}

class ListSource implements Knex.MigrationSource<Migration> {
  constructor(private readonly migrations: readonly Migration[]) {}

  async getMigrations(): Promise<Migration[]> {
    return this.migrations.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  getMigrationName(migration: Migration): string {
    return migration.name;
  }

  async getMigration(migration: Migration): Promise<Knex.Migration> {
    return {
      up: async (step) => {
        await step.raw(migration.up);
      },
      down: async () => {
        throw new Error(`${migration.name}: what Postgres holds is rebuilt from the log, so a step is never taken back.`);
      },
    };
  }
}
