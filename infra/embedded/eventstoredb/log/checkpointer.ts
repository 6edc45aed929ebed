import { once } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** After how many bytes of events the write-ahead log is emptied. */
const bytesPerCheckpoint = 8 << 20;

/** As few frames as this are moved within a turn of the loop. */
const fewFrames = 256;

/**
 * Keeps the write-ahead log short without holding up the writer: a thread moves most of it into the database, again and again until little is
 * left; the writer moves that rest between two commits, after which the log starts from its beginning.
 */
export class Checkpointer {
  private readonly finish;
  private readonly worker: Worker;
  private written = 0;
  private running = false;

  constructor(database: DatabaseSync, file: string) {
    this.finish = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: file,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.worker.unref();
    this.worker.on('message', (framesLeft: number | string) => this.passed(framesLeft));
  }

  /** So many bytes of events were committed. */
  wrote(bytes: number): void {
    this.written += bytes;
    if (this.written < bytesPerCheckpoint || this.running) return;
    this.written = 0;
    this.running = true;
    this.worker.postMessage('checkpoint');
  }

  async stop(): Promise<void> {
    const gone = once(this.worker, 'exit');
    this.worker.ref();
    this.worker.postMessage('stop');
    await gone;
  }

  private passed(framesLeft: number | string): void {
    if (typeof framesLeft === 'number' && framesLeft > fewFrames) {
      this.worker.postMessage('checkpoint');
      return;
    }
    this.running = false;
    try {
      if (typeof framesLeft === 'string') throw new Error(framesLeft);
      this.finish.get();
    } catch (error) {
      // Nothing is lost: the events stay in the write-ahead log, and the next round tries again.
      process.stderr.write(`The write-ahead log could not be shortened: ${String(error)}\n`);
    }
  }
}
