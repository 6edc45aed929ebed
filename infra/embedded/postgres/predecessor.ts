import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine, isRunning } from '../supervision/processes.ts';
import type { Cluster } from './cluster.ts';

const POLL_MS = 25;
/** How long an orphaned server may take for its own shutdown before it is hurried. */
const PATIENCE_MS = 10_000;

/** The process id in the first line of a pid file; undefined when the file is missing or empty. */
function pidIn(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function livePostmaster(cluster: Cluster): number | undefined {
  const pid = pidIn(join(cluster.dataDir, 'postmaster.pid'));
  return pid !== undefined && isRunning(pid) && commandLine(pid).includes(cluster.dataDir) ? pid : undefined;
}

/** The keeper file holds the keeper's process id and, in its second line, the one of the application that it serves. */
function keeperState(cluster: Cluster): 'none' | 'leaving' | { servedPid: number } {
  const keeper = pidIn(cluster.keeperFile);
  if (keeper === undefined || !isRunning(keeper) || !commandLine(keeper).includes('postgres/keeper')) return 'none';
  const servedPid = Number(readFileSync(cluster.keeperFile, 'utf8').split('\n')[1]);
  return isRunning(servedPid) ? { servedPid } : 'leaving';
}

/**
 * Waits until nobody runs on the cluster's folder any more. After a `kill -9` of the application its keeper is still shutting the server down;
 * a server that has lost its keeper as well is shut down from here. Throws when a living application uses the folder.
 */
export async function awaitPredecessor(cluster: Cluster): Promise<void> {
  const started = Date.now();
  for (let hurried = false; ; await delay(POLL_MS)) {
    const keeper = keeperState(cluster);
    const postmaster = livePostmaster(cluster);
    if (typeof keeper === 'object') throw new Error(`the Postgres folder ${cluster.dataDir} is in use by process ${keeper.servedPid}`);
    if (keeper === 'none' && postmaster === undefined) break;
    const late = Date.now() - started > PATIENCE_MS;
    if (postmaster !== undefined && keeper === 'none' && !hurried) {
      process.kill(postmaster, 'SIGINT');
      hurried = true;
    } else if (postmaster !== undefined && late) {
      process.kill(postmaster, 'SIGQUIT');
    }
    if (Date.now() - started > 2 * PATIENCE_MS) throw new Error(`an earlier Postgres on ${cluster.dataDir} does not end`);
  }
  // A process id that the system has given to something else since would make the server refuse to start.
  rmSync(join(cluster.dataDir, 'postmaster.pid'), { force: true });
  rmSync(cluster.keeperFile, { force: true });
}
