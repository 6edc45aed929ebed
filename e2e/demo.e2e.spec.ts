import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** `nobody`, when the tests run as root; else the demo runs as whoever runs the tests, who is an ordinary user then. */
const ORDINARY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
const GONE_WITHIN_MS = 15_000;
const STORY_WITHIN_MS = 90_000;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'demo-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
});
afterEach(async () => {
  for (const pid of processesOf(dir)) killed(pid);
  await leavesNobody();
  rmSync(dir, { recursive: true, force: true });
});

/** What a process is called and what surrounds it; empty when it has gone, is a zombie or is not ours to look at. */
function portrait(pid: string): string {
  try {
    if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return '';
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** Everything that runs on a data folder: its path stands in the command line or in the environment of each of its processes (Linux). */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && portrait(name).includes(folder))
    .map(Number);
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until nothing runs on the data folder. */
async function leavesNobody(): Promise<void> {
  const deadline = Date.now() + GONE_WITHIN_MS;
  while (processesOf(dir).length > 0 && Date.now() < deadline) await wait(50);
  expect(processesOf(dir).map((pid) => portrait(String(pid)).split('\0').slice(0, 6).join(' '))).toEqual([]);
}

/** The demo as a person runs it, in a process group of its own as a shell gives it one. */
class Demo {
  readonly child: ChildProcess;
  #said = '';

  constructor(args: readonly string[], user?: { uid: number; gid: number }, repository = ROOT) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
    this.child = spawn('npm', ['run', 'demo', '--', '--dir', dir, ...args], {
      cwd: repository,
      env: {
        ...Object.fromEntries(inherited),
        // The machine's own node, which may be another, comes behind the one that the package brings.
        PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        HOME: dir,
        PUBLIC_PORT: '0',
        INTERNAL_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...user,
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
  }

  get said(): string {
    return this.#said;
  }

  /** What Ctrl-C does: everyone in the group is told. */
  interrupt(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }

  async says(words: string): Promise<void> {
    const deadline = Date.now() + STORY_WITHIN_MS;
    while (!this.#said.includes(words)) {
      if (this.child.exitCode !== null || Date.now() > deadline) throw new Error(`It did not say "${words}" but:\n${this.#said}`);
      await wait(20);
    }
  }

  /** How it ended: its exit code, or the signal that ended it. */
  async ended(): Promise<number | string | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STORY_WITHIN_MS);
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    clearTimeout(timer);
    return this.child.exitCode ?? this.child.signalCode;
  }
}

/** This repository where anybody can reach it: itself, or, when a folder above it is closed to others, a copy made of links to its files. */
function openRepository(): string {
  for (let folder = ROOT; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) break;
    if (folder === dirname(folder)) return ROOT;
  }
  const copy = mkdtempSync(join(tmpdir(), 'repository-'));
  execFileSync('cp', ['--recursive', '--link', '--no-dereference', `${ROOT}/.`, copy]);
  chmodSync(copy, 0o755);
  return copy;
}

const ZERO = /left over +0\.00 GBP/;

async function played(args: readonly string[], user?: { uid: number; gid: number }, repository?: string): Promise<string> {
  const demo = new Demo(['--once', ...args], user, repository);
  const code = await demo.ended();
  expect({ code, said: demo.said }).toEqual({ code: 0, said: expect.stringMatching(ZERO) });
  return demo.said;
}

describe('npm run demo', () => {
  it('plays each story to a balanced ledger, one after the other on the same data', async () => {
    const lesson = await played([]);
    expect(lesson).toMatch(/share of the tutor +32\.00 GBP/);
    expect(await played(['--declined'])).toMatch(/charged to the student +0\.00 GBP/);
    expect(await played(['--lost-slot'])).toMatch(/refunded to the student +40\.00 GBP/);
    expect(await played([])).toMatch(/that transferred +32\.00 GBP/);
    await leavesNobody();
  }, 300_000);

  it('stays up after the story, and Ctrl-C leaves nothing running', async () => {
    const demo = new Demo([]);
    await demo.says('Ctrl-C stops everything.');
    expect(processesOf(dir).length).toBeGreaterThan(3);
    demo.interrupt();
    await leavesNobody();
    await demo.ended();
    expect(demo.said).toContain('Stopping ...');
  }, 120_000);

  it('leaves nothing running when Ctrl-C comes in the middle of the story', async () => {
    const demo = new Demo([]);
    await demo.says('enters the queue');
    demo.interrupt();
    await leavesNobody();
    await demo.ended();
  }, 120_000);

  it('leaves nothing running when it is killed', async () => {
    const demo = new Demo([]);
    await demo.says('enters the queue');
    const program = processesOf(dir).filter((pid) => /app\/demo\/main\.ts\0--dir/.test(portrait(String(pid))));
    expect(program.length).toBeGreaterThan(0);
    for (const pid of program) killed(pid);
    await leavesNobody();
  }, 120_000);

  it('works for an ordinary user', async () => {
    if (ORDINARY !== undefined) chownSync(dir, ORDINARY.uid, ORDINARY.gid);
    const repository = openRepository();
    try {
      expect(await played([], ORDINARY, repository)).toContain('20 steps');
      await leavesNobody();
    } finally {
      if (repository !== ROOT) rmSync(repository, { recursive: true, force: true });
    }
  }, 120_000);
});
