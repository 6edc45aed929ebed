import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, launchPostgres } from '#infra/embedded/postgres/launch.ts';
import { Database } from './database.ts';
import { migrate } from './migrations.ts';

/** A server for one spec file, with as many databases as it wants. */
export interface DisposableServer {
  readonly server: EmbeddedPostgres;
  /** A fresh database with the engines' schema, and its address. */
  create(): Promise<{ database: Database; url: string }>;
  /** Closes every database, ends the server and removes its files. */
  dispose(): Promise<void>;
}

/** Starts a Postgres that leaves nothing behind. */
export async function disposableServer(): Promise<DisposableServer> {
  const dir = mkdtempSync(join(tmpdir(), 'chalkstream-postgres-'));
  // Open to the server's own user, so that its files lie in here and go with it.
  chmodSync(dir, 0o755);
  const server = await launchPostgres({ dir, disposable: true });
  const databases: Database[] = [];
  let made = 0;
  return {
    server,
    create: async () => {
      const url = await server.ensureDatabase(`spec_${++made}`);
      await migrate(url);
      const database = new Database(url);
      databases.push(database);
      return { database, url };
    },
    dispose: async () => {
      await Promise.all(databases.map((database) => database.close()));
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
