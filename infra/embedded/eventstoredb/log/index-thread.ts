import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** How far the index may be behind before it is sent after the log: large rounds touch each of its pages once. */
const bytesPerRound = 8 << 20;
/** Farther than this it must not fall behind: what it has not taken in stays in memory. */
const mostBytesBehind = 3 * bytesPerRound;
const retryAfter = 1000;

/** Keeps the index of a log up to date beside the writer. */
export class IndexThread {
  private readonly worker: Worker;
  private readonly onIndexed: (position: number) => void;
  private indexedTo: number;
  private durableEnd: number;
  private round: Promise<void> | undefined;

  /** `onIndexed` hears after each round up to where the index reaches now. */
  constructor(folder: string, indexedTo: number, onIndexed: (position: number) => void) {
    this.indexedTo = indexedTo;
    this.durableEnd = indexedTo;
    this.onIndexed = onIndexed;
    this.worker = new Worker(new URL('./index-worker.ts', import.meta.url), {
      workerData: folder,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.worker.unref();
  }

  /** The log is on disk up to this position. Resolves at once, or when the index has come near enough. */
  async synced(position: number): Promise<void> {
    this.durableEnd = position;
    if (this.durableEnd - this.indexedTo >= bytesPerRound) this.round ??= this.follow();
    // A round that failed is followed by another one: the memory must not grow without end.
    while (this.durableEnd - this.indexedTo > mostBytesBehind) await (this.round ??= this.follow());
  }

  /** Takes in what is left and ends. */
  async stop(): Promise<void> {
    await this.round;
    if (this.indexedTo < this.durableEnd) await this.follow();
    const gone = once(this.worker, 'exit');
    this.worker.ref();
    this.worker.postMessage('stop');
    await gone;
  }

  private async follow(): Promise<void> {
    this.worker.ref();
    const target = this.durableEnd;
    this.worker.postMessage(target);
    const [answer] = (await once(this.worker, 'message')) as [number | string];
    this.worker.unref();
    if (typeof answer === 'number') {
      this.indexedTo = answer;
      this.onIndexed(answer);
    } else {
      // Nothing is lost: the log has the events, and so has the memory until the index does.
      process.stderr.write(`The index of the event log could not follow: ${answer}\n`);
      await wait(retryAfter);
    }
    this.round = undefined;
  }
}
