import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../app/operations/projections.ts', import.meta.url));
const TYPESCRIPT = new URL('../infra/runtime/typescript.js', import.meta.url).href;

/** What `npm run projections` runs, led to a system by its file of variables. */
export function projections(environmentFile: string, args: readonly string[]): ChildProcess {
  const env = { ...process.env, ...parseEnv(readFileSync(environmentFile, 'utf8')) };
  return spawn(process.execPath, ['--import', TYPESCRIPT, PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** When to kill the program: as it says that a stage begins, or so many milliseconds later. */
export interface Death {
  readonly stage: string;
  readonly afterMs?: number;
}

/** How rebuilding went. */
export interface Rebuilding {
  /** Stages in which the program died. */
  readonly deaths: readonly string[];
  /** Rebuilds that began where a killed one had ended. */
  readonly wentOn: number;
}

/**
 * Rebuilds read models by the operators' program, which is killed with -9 at given moments and started again with what is left to do. Throws what
 * it said when it fails by itself.
 */
export async function rebuildAndKill(environmentFile: string, names: readonly string[], deaths: readonly Death[]): Promise<Rebuilding> {
  const died: string[] = [];
  let wentOn = 0;
  let left = [...names];
  while (left.length > 0) {
    const next = deaths[died.length];
    const run = await runOnce(environmentFile, left, next);
    wentOn += run.said.filter((line) => line.includes('going on at')).length;
    left = left.filter((name) => !run.done.has(name));
    if (run.killed !== undefined) {
      died.push(next!.stage);
      // Its turn comes again when the lease of the dead process has run out.
      left = [...left.filter((name) => name !== run.killed), ...left.filter((name) => name === run.killed)];
    } else if (run.code !== 0 || left.length > 0) throw new Error(`The program ended with ${run.code}:\n${run.said.join('\n')}`);
  }
  return { deaths: died, wentOn };
}

interface Run {
  readonly code: number | null;
  /** The read model that was being rebuilt when the program was killed. */
  readonly killed: string | undefined;
  readonly done: ReadonlySet<string>;
  readonly said: readonly string[];
}

async function runOnce(environmentFile: string, names: readonly string[], death: Death | undefined): Promise<Run> {
  const program = projections(environmentFile, ['rebuild', ...names, '--why', 'spec']);
  const said: string[] = [];
  const done = new Set<string>();
  let doing: string | undefined;
  let killed: string | undefined;
  createInterface({ input: program.stderr! }).on('line', (line) => {
    said.push(line);
    const [name = '', stage = ''] = line.split(': ');
    if (death === undefined || killed !== undefined || !stage.startsWith(death.stage)) return;
    killed = name;
    if (death.afterMs === undefined) program.kill('SIGKILL');
    else setTimeout(() => program.kill('SIGKILL'), death.afterMs);
  });
  createInterface({ input: program.stdout! }).on('line', (line) => {
    said.push(line);
    doing = / at \d+$/.test(line) ? line.split(' ')[0] : doing;
    if (line === 'Queries see the new table.' && doing !== undefined) done.add(doing);
  });
  const [code] = (await once(program, 'close')) as [number | null];
  return { code, killed, done, said };
}
