import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchEventStore } from '../launch.ts';

/** A server that the contract is checked against. */
export interface RunningServer {
  readonly connectionString: string;
  /** Only where the suite may do that. */
  readonly pid?: number;
  stop(): Promise<void>;
}

export interface Target {
  readonly name: string;
  /** Whether every suite gets the same server, which may have been used before. */
  readonly shared: boolean;
  start(env?: Readonly<Record<string, string>>): Promise<RunningServer>;
}

export const embedded: Target = {
  name: 'embedded',
  shared: false,
  async start(env = {}) {
    const dir = mkdtempSync(join(tmpdir(), 'eventstore-contract-'));
    const server = await launchEventStore({ dir, env });
    return {
      connectionString: server.connectionString,
      pid: server.pid,
      async stop() {
        await server.stop();
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};

const dockerSocket = '/var/run/docker.sock';
/** The version that the embedded server behaves like. */
const image = process.env['EVENTSTORE_IMAGE'] ?? 'docker.eventstore.com/eventstore/eventstoredb-ee:24.10';

const container: Target = {
  name: image,
  shared: false,
  async start(env = {}) {
    // Heavy to load, and of use only where there is Docker.
    const { GenericContainer, Wait } = await import('testcontainers');
    const started = await new GenericContainer(image)
      .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_MEM_DB: 'true', EVENTSTORE_ENABLE_ATOM_PUB_OVER_HTTP: 'true', ...env })
      .withExposedPorts(2113)
      .withWaitStrategy(Wait.forHttp('/health/live', 2113).forStatusCode(204))
      .start();
    return {
      connectionString: `esdb://${started.getHost()}:${started.getMappedPort(2113)}?tls=false`,
      stop: async () => void (await started.stop()),
    };
  },
};

/** The embedded server always; a real one when `EVENTSTORE_URL` names it; one in a container when a Docker engine answers. */
export async function targets(): Promise<Target[]> {
  const found = [embedded];
  const url = process.env['EVENTSTORE_URL'];
  if (url) found.push({ name: url, shared: true, start: () => Promise.resolve({ connectionString: url, stop: () => Promise.resolve() }) });
  if (await dockerAnswers()) found.push(container);
  return found;
}

function dockerAnswers(): Promise<boolean> {
  if (!existsSync(dockerSocket)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = request({ socketPath: dockerSocket, path: '/_ping', timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('error', () => resolve(false));
    ping.end();
  });
}
