import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface LaunchOptions {
  readonly dir: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Further arguments of the server, and variables for its environment. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface LaunchedEventStore {
  readonly port: number;
  readonly connectionString: string;
  readonly pid: number;
  /** Resolves when the process is gone, however it went. */
  readonly exited: Promise<void>;
  /** Lets it finish what is under way and waits until it is gone. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): void;
}

/** Milliseconds after which a server that does not stop is killed; what it acknowledged is on disk either way. */
const longestStop = 10_000;

/**
 * A small young generation keeps the process small, and costs nothing that can be measured. The old one is let grow to 64 MB before it is
 * collected: a heap as small as this one (13 MB) would otherwise be marked anew every 100 ms while events are read, on as many threads as there
 * are. The server has no decorators, so Node's own type stripping runs it: it starts faster and takes 40 MB less than with the compiler of the
 * other programs. `npm run eventstore` says the same.
 */
const nodeOptions = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8', '--initial-old-space-size=64'];

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/**
 * Starts the event store in a process of its own and waits until it is ready. The process stops by itself when this one is gone.
 * @throws Error with what the server said when it could not start
 */
export async function launchEventStore(options: LaunchOptions): Promise<LaunchedEventStore> {
  const args = [main, '--port', String(options.port ?? 0), '--dir', options.dir, ...(options.args ?? [])];
  const child = spawn(process.execPath, [...nodeOptions, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...options.env },
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
    process.stderr.write(text);
  });
  const exited = once(child, 'exit').then(() => undefined);
  const port = await Promise.race([
    once(child, 'message').then(([message]) => (message as { port: number }).port),
    exited.then(() => undefined),
  ]);
  if (port === undefined || child.pid === undefined)
    throw new Error(`The event store did not start: ${complaint.trim() || 'it said nothing.'}`);

  // The process that started it may end without stopping it first: the server notices the closed channel.
  child.unref();
  child.channel?.unref();
  if (child.stderr instanceof Socket) child.stderr.unref();
  return {
    port,
    connectionString: `esdb://127.0.0.1:${port}?tls=false`,
    pid: child.pid,
    exited,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      // When it just died the message fails, and `exited` says the rest.
      if (child.connected) child.send('stop', () => undefined);
      const tooLong = setTimeout(() => child.kill('SIGKILL'), longestStop);
      await exited;
      clearTimeout(tooLong);
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
