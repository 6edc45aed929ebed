/** Runs loads on HTTP servers from a process of its own, so that making requests costs the measured process nothing. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Job, Outcome } from './http-load.ts';
import type { BenchServer } from './http-servers.ts';
import type { Sample } from './measure.ts';

export interface HttpLoader {
  /** Loads a server for so many seconds. Rejects when a request failed. */
  load(server: BenchServer, job: Omit<Job, 'origin' | 'headers'>): Promise<Sample>;
  /** Ends the process and its connections; a server waits for them when it closes. */
  stop(): Promise<void>;
}

export function startLoader(): HttpLoader {
  const loader = fork(new URL('./http-load.ts', import.meta.url), {
    execArgv: ['--import', new URL('../infra/runtime/typescript.js', import.meta.url).href],
  });
  return {
    load: async ({ origin, headers }, job) => {
      const cpu = process.cpuUsage();
      loader.send({ ...job, origin, headers } satisfies Job);
      const [outcome] = (await once(loader, 'message')) as [Outcome];
      if (outcome.failed > 0) throw new Error(`${outcome.failed} requests failed`);
      const { user, system } = process.cpuUsage(cpu);
      return { ...outcome, cpuMicros: (user + system) / outcome.answered };
    },
    stop: async () => {
      loader.kill();
      await once(loader, 'exit');
    },
  };
}
