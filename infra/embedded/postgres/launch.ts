import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { LOOPBACK } from '../loopback.ts';
import { refuseInProduction } from '../production-guard.ts';
import { startSupervised } from '../supervision/parent.ts';
import { ROLE, prepareCluster } from './cluster.ts';
import type { KeeperInput } from './keeper.ts';
import { awaitPredecessor } from './predecessor.ts';

/** A running embedded Postgres server. */
export interface EmbeddedPostgres {
  port: number;
  /** Process id of the keeper, which runs the server and shuts it down when this process dies. */
  keeperPid: number;
  /** The connection string of a database; it holds the password. */
  url(database: string): string;
  /** Creates the database unless it is there; its connection string. */
  ensureDatabase(name: string): Promise<string>;
  /** Resolves when the server has gone, whoever ended it. */
  exited: Promise<number | null>;
  /** Shuts the server down and waits until it is gone. */
  stop(): Promise<void>;
}

export interface PostgresLaunch {
  readonly dir: string;
  /** Default: that of the last run when it is free. */
  readonly port?: number;
  /**
   * For files that are thrown away after it: it never waits for the disk, and ends without a checkpoint. What a killed process wrote is kept all the same, only a machine
   * that loses its power would lose it.
   */
  readonly disposable?: boolean;
}

/**
 * Starts the real Postgres server of the npm package on a loopback port, with its files under `dir` (made on the first start).
 * Rejects when `dir` is in use by a living process.
 */
export async function launchPostgres(options: PostgresLaunch): Promise<EmbeddedPostgres> {
  refuseInProduction('postgres');
  const { disposable = false } = options;
  const cluster = await prepareCluster(options.dir, disposable);
  await awaitPredecessor(cluster);
  const lastPort = existsSync(cluster.portFile) ? Number(readFileSync(cluster.portFile, 'utf8')) : undefined;
  const input: KeeperInput = { cluster, preferredPort: options.port ?? lastPort, servedPid: process.pid, disposable };
  const keeper = await startSupervised<KeeperInput, { port: number }>(new URL('./keeper.ts', import.meta.url), input);
  const { port } = keeper.ready;
  writeFileSync(cluster.portFile, String(port));
  const url = (database: string): string =>
    `postgres://${ROLE}:${encodeURIComponent(cluster.password)}@${LOOPBACK}:${port}/${encodeURIComponent(database)}`;
  return {
    port,
    keeperPid: keeper.pid,
    url,
    exited: keeper.exited,
    stop: keeper.stop,
    ensureDatabase: async (name) => {
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      try {
        const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
        if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
      return url(name);
    },
  };
}
