import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isRunning } from '../supervision/processes.ts';

/** The user that the server runs as; undefined means this process's own. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** Postgres refuses to run as root: then the system's `postgres` user is taken, or `nobody`. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const read = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: read('-u'), gid: read('-g') };
    } catch {
      continue;
    }
  }
  throw new Error('Postgres does not run as root, and this system has neither a `postgres` nor a `nobody` user');
}

/** Whether `user` may pass through every folder on the way to `path` (those that exist). */
function reachable(path: string, user: ServerUser): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid, gid } = statSync(folder);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (folder === dirname(folder)) return true;
  }
}

/** A folder for root's files that another user can reach and only root can write: it outlives a restart of the machine where it can. */
function openGround(): string {
  for (const candidate of ['/var/lib/chalkstream', join(tmpdir(), 'chalkstream-root')]) {
    try {
      mkdirSync(candidate, { recursive: true, mode: 0o755 });
      if (statSync(candidate).uid !== 0) continue;
      chmodSync(candidate, 0o755);
      return candidate;
    } catch {
      continue;
    }
  }
  throw new Error('no folder found that the Postgres user can reach');
}

/** In a folder whose files lie elsewhere: where they are. */
const NOTE = 'location.json';
/** In a folder that lies elsewhere: where it belongs to. */
const ORIGIN = 'origin';

/** Removes folders on open ground that belong to nothing any more, such as the ones of temporary folders. */
function sweep(ground: string): void {
  for (const entry of readdirSync(ground)) {
    const path = join(ground, entry);
    if (!existsSync(join(path, ORIGIN))) continue;
    const note = join(readFileSync(join(path, ORIGIN), 'utf8'), NOTE);
    if (existsSync(note) && (JSON.parse(readFileSync(note, 'utf8')) as { path: string }).path === path) continue;
    const pidFile = join(path, 'data', 'postmaster.pid');
    if (existsSync(pidFile) && isRunning(Number(readFileSync(pidFile, 'utf8').split('\n')[0]))) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * The folder that really holds the server's files. It is `dir` itself unless the server's user cannot get there (a project under a closed home
 * folder, run by root); then it lies elsewhere, `dir/location.json` says where, and one line on stderr says so too.
 */
export function settle(dir: string, user: ServerUser | undefined): string {
  const home = resolve(dir);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (!user) return home;
  const note = join(home, NOTE);
  if (existsSync(note)) {
    const { path } = JSON.parse(readFileSync(note, 'utf8')) as { path: string };
    if (!existsSync(path)) throw new Error(`the Postgres files of ${home} were at ${path} and are gone; remove ${home} to start anew`);
    return path;
  }
  if (reachable(home, user)) {
    chownSync(home, user.uid, user.gid);
    return home;
  }
  const ground = openGround();
  sweep(ground);
  const path = join(ground, `data-${randomBytes(8).toString('hex')}`);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, user.uid, user.gid);
  writeFileSync(note, JSON.stringify({ path }));
  // Last: a folder without it is still being made.
  writeFileSync(join(path, ORIGIN), home);
  process.stderr.write(`Postgres runs as uid ${user.uid}, which cannot reach ${home}: its files are in ${path}\n`);
  return path;
}

/** The programs of the npm package, copied to reachable ground when the server's user cannot execute them where they lie. */
export function reachableBinary(binary: string, user: ServerUser | undefined): string {
  if (!user || reachable(binary, user)) return binary;
  const native = dirname(dirname(binary));
  const version = statSync(join(native, 'bin', 'postgres')).mtimeMs;
  const copy = join(openGround(), `programs-${createHash('sha256').update(`${native}:${version}`).digest('hex').slice(0, 16)}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    // The libraries are found through links beside them, which must stay relative.
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    chmodSync(partial, 0o755);
    renameSync(partial, copy);
  }
  return join(copy, 'bin', basename(binary));
}
