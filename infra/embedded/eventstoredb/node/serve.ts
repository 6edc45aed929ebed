import { fileLog } from '../log/file-log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { defaultMaxAppendSize, startNode } from './event-store-node.ts';
import { lockFolder } from './folder-lock.ts';

export interface ServeOptions {
  readonly port: number;
  readonly dir: string;
  /** Only for the benches: nothing is stored. */
  readonly inMemory: boolean;
}

/** How long a supervised server waits for its predecessor, whose parent may just have been killed, to leave the folder. */
const patienceForPredecessor = 10_000;

/**
 * Runs the server until a signal, or until the process that supervises it is gone. Prints one line when it is ready.
 * @throws FolderInUse, or Error when the port is taken
 */
export async function serve(options: ServeOptions): Promise<void> {
  const supervised = process.send !== undefined;
  const lock = options.inMemory ? undefined : await lockFolder(options.dir, supervised ? patienceForPredecessor : 0);
  const log = options.inMemory ? memoryLog() : fileLog(options.dir);
  const node = await startNode({ log, port: options.port, maxAppendSize: maxAppendSize(process.env['EVENTSTORE_MAX_APPEND_SIZE']) });

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void node.stop().then(() => {
      lock?.release();
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  // Ctrl-C reaches the whole group; a supervised server lives until its parent says so.
  process.on('SIGINT', () => {
    if (!supervised) stop();
  });
  process.on('disconnect', stop);
  process.on('message', (message) => {
    if (message === 'stop') stop();
  });
  process.stdout.write(`eventstore ready on 127.0.0.1:${node.port}\n`);
  process.send?.({ port: node.port });
}

/** @throws Error for something else than a positive whole number of bytes */
function maxAppendSize(text: string | undefined): number {
  if (text === undefined || text === '') return defaultMaxAppendSize;
  const size = Number(text);
  if (!Number.isInteger(size) || size <= 0) throw new Error('EVENTSTORE_MAX_APPEND_SIZE must be a positive whole number of bytes.');
  return size;
}
