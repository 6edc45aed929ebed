import { fork } from 'node:child_process';
import type { ChildMessage, ParentMessage } from './messages.ts';

const typescriptLoader = new URL('../../runtime/typescript.js', import.meta.url).href;

/** A child process that lives no longer than this one. */
export interface SupervisedChild<Ready> {
  pid: number;
  /** What the child said when it was ready. */
  ready: Ready;
  /** Resolves when the process is gone, with its exit code (null when a signal ended it). */
  exited: Promise<number | null>;
  /** Asks the child to stop and waits until it has gone. Safe to call twice. */
  stop(): Promise<void>;
  /** Ends the child at once, as `kill -9` does, and waits until it has gone. */
  kill(): Promise<void>;
}

/**
 * Starts `entry` (a TypeScript file that calls `serveUnderParent`) in its own process group, hands it `input` and waits until it is ready.
 * The child sees the end of the IPC channel when this process dies, however it dies, and stops by itself.
 * Rejects with the child's own reason when it cannot start.
 */
export async function startSupervised<Input, Ready>(entry: URL, input: Input): Promise<SupervisedChild<Ready>> {
  const child = fork(entry, {
    // A group of its own: Ctrl-C in a terminal reaches the parent only, which then stops its children in order.
    detached: true,
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', typescriptLoader],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const send = (message: ParentMessage<Input>): void => {
    if (child.connected) child.send(message);
  };
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${entry.pathname} ended before it was ready (${signal ?? code})`)));
    child.once('message', (message) => {
      const answer = message as ChildMessage<Ready>;
      if (answer.kind === 'ready') resolve(answer.ready);
      else reject(new Error(answer.reason));
    });
    send({ kind: 'start', input });
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${entry.pathname} has no process id`);
  // A child must not keep its parent alive: a parent that has nothing else to do may end, and the child follows.
  child.unref();
  child.channel?.unref();
  const awaitExit = async (): Promise<void> => {
    child.ref();
    await exited;
  };
  return {
    pid,
    ready,
    exited,
    stop: async () => {
      send({ kind: 'stop' });
      await awaitExit();
    },
    kill: async () => {
      child.kill('SIGKILL');
      await awaitExit();
    },
  };
}
