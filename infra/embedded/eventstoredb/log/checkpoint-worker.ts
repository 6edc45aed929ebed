// A thread of its own that moves frames of the write-ahead log into the database file, which may take the disk seconds. It runs on Node's
// own type stripping, without the loader of the main thread.
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort;
const database = new DatabaseSync(workerData as string);
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

port?.on('message', (message: 'checkpoint' | 'stop') => {
  if (message === 'stop') {
    database.close();
    port.close();
    return;
  }
  try {
    const { log, checkpointed } = checkpoint.get() ?? {};
    port.postMessage(Number(log) - Number(checkpointed));
  } catch (error) {
    port.postMessage(String(error));
  }
});
