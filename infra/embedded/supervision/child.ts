import type { ChildMessage, ParentMessage } from './messages.ts';

/** What a supervised service gives back once it serves. */
export interface RunningService<Ready> {
  ready: Ready;
  stop(): Promise<void>;
}

/**
 * The child's half of `startSupervised`: starts the service with the parent's input and stops it when the parent asks, when SIGTERM comes,
 * or when the IPC channel closes because the parent has died. SIGINT and SIGHUP are left to the parent.
 */
export function serveUnderParent<Input, Ready>(start: (input: Input) => Promise<RunningService<Ready>>): void {
  let starting: Promise<RunningService<Ready>> | undefined;
  let stopping = false;
  const tell = (message: ChildMessage<Ready>): void => {
    if (process.connected) process.send?.(message);
  };
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    try {
      await (await starting)?.stop();
      process.exit(0);
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    }
  };
  const begin = async (input: Input): Promise<void> => {
    starting = start(input);
    try {
      tell({ kind: 'ready', ready: (await starting).ready });
    } catch (error) {
      tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
      process.exit(1);
    }
  };
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => void stop());
  process.on('disconnect', () => void stop());
  process.on('message', (message) => {
    const order = message as ParentMessage<Input>;
    if (order.kind === 'start') void begin(order.input);
    else void stop();
  });
}
