// A thread of its own that keeps the index behind the log. It runs on Node's own type stripping, without the loader of the main thread.
import { parentPort, workerData } from 'node:worker_threads';
import { LogFile } from './log-file.ts';
import { StreamIndex } from './stream-index.ts';

const folder = workerData as string;
const log = LogFile.openForReading(folder);
const index = StreamIndex.openIfSound(folder, log);
if (!index) throw new Error('The index of the event log is gone.');

parentPort?.on('message', (position: number | 'stop') => {
  if (position === 'stop') {
    index.close();
    log.close();
    parentPort?.close();
    return;
  }
  try {
    index.follow(log, position);
    parentPort?.postMessage(position);
  } catch (error) {
    parentPort?.postMessage(String(error));
  }
});
