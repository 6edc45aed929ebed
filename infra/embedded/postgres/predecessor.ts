import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { awaitRelease } from '../supervision/pid-file.ts';
import { commandLine, isRunning } from '../supervision/processes.ts';
import type { Cluster } from './cluster.ts';

const POLL_MS = 25;
/** How long an orphaned server may take for its own shutdown before it is hurried, and as long again before we give up. */
const PATIENCE_MS = 10_000;

/** The process id of the server that runs on the cluster's folder, if one does. */
function livePostmaster(cluster: Cluster): number | undefined {
  const file = join(cluster.dataDir, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  return isRunning(pid) && commandLine(pid).includes(cluster.dataDir) ? pid : undefined;
}

/**
 * Waits until nobody runs on the cluster's folder any more. After a `kill -9` of the application its keeper is still shutting the server down;
 * a server that has lost its keeper as well is shut down from here. Throws when a living application uses the folder.
 */
export async function awaitPredecessor(cluster: Cluster): Promise<void> {
  await awaitRelease(cluster.keeperFile);
  const started = Date.now();
  let asked = false;
  for (let postmaster = livePostmaster(cluster); postmaster !== undefined; postmaster = livePostmaster(cluster)) {
    const waited = Date.now() - started;
    if (waited > 2 * PATIENCE_MS) throw new Error(`an earlier Postgres on ${cluster.dataDir} does not end`);
    if (waited > PATIENCE_MS) process.kill(postmaster, 'SIGQUIT');
    else if (!asked) process.kill(postmaster, 'SIGINT');
    asked = true;
    await delay(POLL_MS);
  }
  // A process id that the system has given to something else since would make the server refuse to start.
  rmSync(join(cluster.dataDir, 'postmaster.pid'), { force: true });
}
