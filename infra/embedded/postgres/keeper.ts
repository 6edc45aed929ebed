import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LOOPBACK, freePort } from '../loopback.ts';
import { serveUnderParent } from '../supervision/child.ts';
import { writePidFile } from '../supervision/pid-file.ts';
import type { Cluster } from './cluster.ts';

/** What the keeper is told. */
export interface KeeperInput {
  cluster: Cluster;
  preferredPort: number | undefined;
  servedPid: number;
  disposable: boolean;
}

const START_WITHIN_MS = 20_000;

const settings = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  max_connections: '150',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

function spawnPostmaster({ cluster, disposable }: KeeperInput, port: number): ChildProcess {
  const log = openSync(cluster.logFile, 'a', 0o600);
  const options = Object.entries({ ...settings, fsync: disposable ? 'off' : 'on', port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const postmaster = spawn(cluster.postgres, ['-D', cluster.dataDir, ...options], {
    ...cluster.user,
    cwd: '/',
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return postmaster;
}

/** The server writes `ready` in the eighth line of its pid file once it accepts connections. */
function acceptsConnections(cluster: Cluster, pid: number | undefined): boolean {
  const file = join(cluster.dataDir, 'postmaster.pid');
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, 'utf8').split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

function lastLogLines(cluster: Cluster): string {
  return readFileSync(cluster.logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
}

/** Starts the server; again when the port was taken meanwhile or the last processes of a killed server still hold its memory. */
async function startPostmaster(input: KeeperInput): Promise<{ postmaster: ChildProcess; port: number }> {
  const { cluster, preferredPort } = input;
  const deadline = Date.now() + START_WITHIN_MS;
  for (;;) {
    const port = await freePort(preferredPort);
    const postmaster = spawnPostmaster(input, port);
    while (postmaster.exitCode === null && postmaster.signalCode === null) {
      if (acceptsConnections(cluster, postmaster.pid)) return { postmaster, port };
      await delay(10);
    }
    if (Date.now() > deadline) throw new Error(`Postgres does not start:\n${lastLogLines(cluster)}`);
    await delay(100);
  }
}

serveUnderParent<KeeperInput, { port: number }>(async (input) => {
  writePidFile(input.cluster.keeperFile, input.servedPid, 'postgres/keeper');
  const { postmaster, port } = await startPostmaster(input);
  const gone = new Promise<void>((resolve) => postmaster.once('exit', () => resolve()));
  let stopping = false;
  void gone.then(() => {
    // A server that dies by itself takes its keeper along: the application sees it as the loss of its database.
    if (!stopping) process.exit(1);
  });
  return {
    ready: { port },
    stop: async () => {
      stopping = true;
      // Fast shutdown: open transactions are rolled back, everything committed is on disk. An immediate one writes nothing.
      postmaster.kill(input.disposable ? 'SIGQUIT' : 'SIGINT');
      await gone;
    },
  };
});
