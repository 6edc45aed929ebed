import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server that a spec can interrupt and restore. */
export class Interruptible {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #silent = false;

  constructor(private readonly target: URL) {}

  /** Opens the way, at the same address every time; gives the address. */
  async open(): Promise<string> {
    const server = createServer((inward) => {
      const outward = connect(Number(this.target.port), this.target.hostname);
      if (!this.#silent) inward.pipe(outward).pipe(inward);
      for (const socket of [inward, outward]) {
        this.#sockets.add(socket);
        // One end that breaks breaks the other; the client hears of it.
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          inward.destroy();
          outward.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Lets nothing through any more, and tells neither end, as when the network between two machines is gone. */
  fallSilent(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
    this.#silent = true;
  }

  /** Cuts every connection and takes no more. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
