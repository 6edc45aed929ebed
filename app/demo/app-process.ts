import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EmbeddedAddresses } from '../embedded/embedded.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const TYPESCRIPT = new URL('../../infra/runtime/typescript.js', import.meta.url).href;

/** The system in a process of its own, on embedded peers: it can be stopped, and it can be killed. */
export class AppProcess {
  readonly #child: ChildProcess;
  /** Resolves when it serves; rejects with what it said when it ends before. */
  readonly ready: Promise<EmbeddedAddresses>;
  #addresses: EmbeddedAddresses | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ready = this.#becomesReady();
    // Whoever kills it at once does not wait for it.
    this.ready.catch(() => undefined);
  }

  /** Begins to start it. It stops by itself when this process has gone. `environment` is added to this process's own. */
  static launch(dir: string, environment: Readonly<Record<string, string>> = {}): AppProcess {
    return new AppProcess(
      spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', TYPESCRIPT, MAIN], {
        env: { ...process.env, CHALKSTREAM_DATA: dir, ...environment },
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
        // Ctrl-C reaches the whole group; the one who started it decides when it ends.
        detached: true,
      }),
    );
  }

  /** Starts it and waits until it serves. Throws with what it said when it could not start. */
  static async start(dir: string, environment: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
    const app = AppProcess.launch(dir, environment);
    await app.ready;
    return app;
  }

  /** Where to find everything, once it serves. */
  get addresses(): EmbeddedAddresses {
    if (this.#addresses === undefined) throw new Error('The system has not started yet.');
    return this.#addresses;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Whether it is still there. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it has gone, however it went. */
  async exited(): Promise<void> {
    if (this.running) await once(this.#child, 'exit');
  }

  /** Lets it finish what is under way and waits until it has gone, with its peers. */
  async stop(): Promise<void> {
    if (this.running) this.#child.kill('SIGTERM');
    await this.exited();
  }

  /** kill -9. Its peers notice and stop by themselves. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited();
  }

  async #becomesReady(): Promise<EmbeddedAddresses> {
    const child = this.#child;
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
    });
    const [message] = await Promise.race([
      once(child, 'message') as Promise<[{ ready: EmbeddedAddresses }]>,
      once(child, 'exit').then(() => {
        throw new Error(`The system did not start:\n${said}`);
      }),
    ]);
    child.stderr?.removeAllListeners('data').on('data', (text: string) => process.stderr.write(text));
    this.#addresses = message.ready;
    return message.ready;
  }
}
