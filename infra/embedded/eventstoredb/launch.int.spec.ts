import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LaunchedEventStore } from './launch.ts';
import { launchEventStore } from './launch.ts';

const typescript = new URL('../../runtime/typescript.js', import.meta.url).href;
const launcher = new URL('./launch.ts', import.meta.url).href;
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

let dir: string;
const started: LaunchedEventStore[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eventstore-'));
});

afterEach(async () => {
  for (const server of started.splice(0)) {
    server.kill();
    await server.exited;
  }
  rmSync(dir, { recursive: true, force: true });
});

async function launch(): Promise<LaunchedEventStore> {
  const server = await launchEventStore({ dir });
  started.push(server);
  return server;
}

async function using<T>(server: LaunchedEventStore, work: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(server.connectionString);
  try {
    return await work(client);
  } finally {
    await client.dispose();
  }
}

const append = (server: LaunchedEventStore) =>
  using(server, (client) => client.appendToStream('Lesson-1', [jsonEvent({ type: 'LessonBooked', data: { at: 1 } })]));

async function read(server: LaunchedEventStore): Promise<string[]> {
  return await using(server, async (client) => {
    const types: string[] = [];
    for await (const { event } of client.readStream('Lesson-1')) types.push(event?.type ?? '');
    return types;
  });
}

/** Runs the command line by hand and gives what it printed and its exit code. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<{ output: string; code: number }> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
  let output = '';
  child.stdout.on('data', (text) => (output += String(text)));
  child.stderr.on('data', (text) => (output += String(text)));
  const [code] = (await once(child, 'close')) as [number];
  return { output, code };
}

describe('the launcher', () => {
  it('starts a server on a free port, which keeps its events over a stop', async () => {
    const first = await launch();
    await append(first);
    await first.stop();
    await first.stop();
    expect(await read(await launch())).toEqual(['LessonBooked']);
  });

  it('knows a retry with an expected number after a restart, one with "any" only as long as its memory lasts', async () => {
    const events = [jsonEvent({ type: 'LessonBooked', data: {} })];
    const first = await launch();
    const appendTo = (server: LaunchedEventStore, stream: string, expectedRevision: 'any' | 'no_stream') =>
      using(server, (client) => client.appendToStream(stream, events, { expectedRevision }));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await appendTo(first, 'Any-1', 'any')).toMatchObject({ nextExpectedRevision: 0n });
      expect(await appendTo(first, 'New-1', 'no_stream')).toMatchObject({ nextExpectedRevision: 0n });
    }
    await first.stop();
    const second = await launch();
    expect(await appendTo(second, 'New-1', 'no_stream')).toMatchObject({ nextExpectedRevision: 0n });
    expect(await appendTo(second, 'Any-1', 'any')).toMatchObject({ nextExpectedRevision: 1n });
  });

  it('keeps what was acknowledged over a kill -9', async () => {
    const first = await launch();
    await append(first);
    first.kill();
    await first.exited;
    expect(await read(await launch())).toEqual(['LessonBooked']);
  });

  it('leaves no server behind when the parent is killed, and the next one takes over the folder', async () => {
    const program = `
      import { launchEventStore } from ${JSON.stringify(launcher)};
      const server = await launchEventStore({ dir: ${JSON.stringify(dir)} });
      console.log(JSON.stringify({ port: server.port, connectionString: server.connectionString }));
      setInterval(() => undefined, 1000);
    `;
    const parent = spawn(process.execPath, ['--import', typescript, '--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const orphan = JSON.parse(line.toString()) as LaunchedEventStore;
    await append(orphan);
    parent.kill('SIGKILL');
    const next = await launch();
    expect(await read(next)).toEqual(['LessonBooked']);
    await expect(once(connect(orphan.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  it('does not stop at a Ctrl-C, which is for the parent', async () => {
    const server = await launch();
    process.kill(server.pid, 'SIGINT');
    await append(server);
    expect(await read(server)).toEqual(['LessonBooked']);
  });
});

describe('the command line', () => {
  it('refuses a folder that is in use, and says so', async () => {
    await launch();
    const { output, code } = await run(['--port', '0', '--dir', dir]);
    expect(code).toBe(1);
    expect(output).toContain('Another event store is running');
  });

  it('refuses a port that is taken, and says so', async () => {
    const { port } = await launch();
    const { output, code } = await run(['--port', String(port), '--dir', join(dir, 'other')]);
    expect(code).toBe(1);
    expect(output).toContain(`Cannot listen on 127.0.0.1:${port}`);
  });

  it('verifies a folder while it is served', async () => {
    await append(await launch());
    const { output, code } = await run(['verify', '--dir', dir]);
    expect(JSON.parse(output)).toMatchObject({ streams: 3, events: 3, faults: 0 });
    expect(code).toBe(0);
  });

  it('takes the largest append from the environment', async () => {
    const server = await launchEventStore({ dir, env: { EVENTSTORE_MAX_APPEND_SIZE: '2000' } });
    started.push(server);
    const attempt = using(server, (client) =>
      client.appendToStream('Big-1', [jsonEvent({ type: 'Big', data: { text: 'x'.repeat(2000) } })]),
    );
    await expect(attempt).rejects.toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 2000 });
  });

  it('refuses to run in production unless asked by name', async () => {
    const { output, code } = await run(['--port', '0', '--dir', dir], { NODE_ENV: 'production' });
    expect(code).toBe(1);
    expect(output).toContain('--i-know-this-is-not-a-cluster');
  });

  it('prints exactly one line when it is ready and stops at SIGTERM', async () => {
    const child = spawn(process.execPath, ['--import', typescript, main, '--port', '0', '--dir', dir]);
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    expect(output).toMatch(/^eventstore ready on 127\.0\.0\.1:\d+\n$/);
    expect(code).toBe(0);
  });
});
