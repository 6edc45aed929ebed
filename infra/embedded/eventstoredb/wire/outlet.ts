import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { toRpcError } from './rpc-error.ts';

type Call = ServerWritableStream<never, Buffer> | ServerDuplexStream<never, Buffer>;
type Done = (error?: Error | null) => void;

/** How many bytes may wait for the network per call before its producer has to. */
const highWater = 256 * 1024;

/** The sending side of one call: knows how much of what was written still waits for the client, and when the client is gone. */
export class Outlet {
  private readonly call: Call;
  private readonly closeListeners: (() => void)[] = [];
  private pending = 0;
  private gathered = 0;
  private finished = false;
  private wake: (() => void) | undefined;

  constructor(call: unknown) {
    this.call = call as Call;
    sendTogether(this.call);
    this.call.once('cancelled', () => this.close());
    this.call.once('close', () => this.close());
    if (this.call.cancelled) this.close();
  }

  /** True once the call is over, whoever ended it. */
  get closed(): boolean {
    return this.finished;
  }

  /** True when the client should take something before more is sent. */
  get full(): boolean {
    return this.pending >= highWater && !this.finished;
  }

  onClose(listener: () => void): void {
    if (this.finished) listener();
    else this.closeListeners.push(listener);
  }

  send(message: Buffer): void {
    if (this.finished) return;
    // Small messages count as more than they are, so that there never are more than some hundred of them.
    const weight = message.length + 512;
    this.pending += weight;
    if (this.gathered === 0) {
      // What else is sent in this turn of the loop goes out with it.
      this.call.cork();
      process.nextTick(() => this.flush());
    }
    this.gathered += weight;
    this.call.write(message, () => {
      this.pending -= weight;
      if (this.pending < highWater / 2) this.release();
    });
    // The next half is made while this one is on its way.
    if (this.gathered >= highWater / 2) this.flush();
  }

  /** Resolves when there is room, or when the call is over. */
  async ready(): Promise<void> {
    if (!this.full) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }

  end(): void {
    if (this.finished) return;
    this.call.end();
    this.close();
  }

  /** Ends the call with an error, after what was written before. */
  fail(error: unknown): void {
    if (this.finished) return;
    this.close();
    this.call.emit('error', toRpcError(error));
  }

  private flush(): void {
    if (this.gathered === 0) return;
    this.gathered = 0;
    this.call.uncork();
  }

  private close(): void {
    if (this.finished) return;
    this.finished = true;
    this.release();
    for (const listener of this.closeListeners) listener();
  }

  private release(): void {
    const wake = this.wake;
    this.wake = undefined;
    wake?.();
  }
}

/** Lets a call hand over all waiting messages at once: on its own it waits until the network has taken one before it hands over the next. */
function sendTogether(call: Call): void {
  call._writev = (messages: { chunk: Buffer; encoding: BufferEncoding }[], done: Done) => {
    for (const [index, { chunk, encoding }] of messages.entries())
      call._write(chunk, encoding, index === messages.length - 1 ? done : () => undefined);
  };
}
