import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { Operator } from '#app/demo/operator.ts';
import type { EmbeddedAddresses } from '#app/embedded/embedded.ts';
import { freePort, LOOPBACK } from '#infra/embedded/loopback.ts';
import { launchPeers, type Peers } from '#infra/embedded/peers.ts';
import type { ClockMessage } from './random-kills-app.ts';

const APP = new URL('./random-kills-app.ts', import.meta.url);
const ADMIN = new URL('../app/admin/main.ts', import.meta.url);
const NODE = ['--disable-warning=ExperimentalWarning', '--import', new URL('../infra/runtime/typescript.js', import.meta.url).href];

const WORKER = 'projections,process-managers';
/** The processes that the system runs in here, with their roles. One of the workers leads, the others are there to take over. */
const PARTS = { api: 'command-api,query-api,realtime,internal', 'worker 1': WORKER, 'worker 2': WORKER, 'worker 3': WORKER } as const;
export type Part = keyof typeof PARTS;
export const parts = Object.keys(PARTS) as Part[];

interface Process {
  readonly child: ChildProcess;
  /** Resolves when it serves, or is dead, with the milliseconds that this took. */
  readonly ready: Promise<number>;
}

/** The operator of a system whose clock is told to every process, for none of them lives long. */
class ClockKeeper extends Operator {
  #aheadMs = 0;

  constructor(
    addresses: () => EmbeddedAddresses,
    private readonly tell: (message: ClockMessage) => void,
  ) {
    super(addresses);
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  time(): string {
    return new Date(Date.now() + this.#aheadMs).toISOString();
  }

  override now(): Promise<string> {
    return Promise.resolve(this.time());
  }

  /** Moves the business clock forward to a moment; one that has passed moves nothing. */
  override moveClockTo(instant: string): Promise<void> {
    this.#aheadMs = Math.max(this.#aheadMs, Date.parse(instant) - Date.now());
    this.tell({ aheadMs: this.#aheadMs });
    return Promise.resolve();
  }
}

/** The platform in processes that are killed and started again, on peers that outlive them. */
export class Platform {
  readonly operator: ClockKeeper;
  readonly addresses: EmbeddedAddresses;
  /** What processes ended with that nobody had killed. */
  readonly crashes: string[] = [];
  readonly #peers: Peers;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #log: number;
  readonly #processes = new Map<Part, Process>();
  readonly #dying = new Map<Part, Promise<void>>();

  private constructor(peers: Peers, addresses: EmbeddedAddresses, environment: Readonly<Record<string, string>>) {
    this.#peers = peers;
    this.addresses = addresses;
    this.#environment = environment;
    this.#log = openSync(join(addresses.dataDir, 'app.log'), 'a');
    this.operator = new ClockKeeper(
      () => addresses,
      (message) => {
        for (const { child } of this.#processes.values()) {
          if (!child.connected) continue;
          child.send(message, (error) => {
            // One that was killed meanwhile is told when it starts again.
            if (error !== null && !child.killed) this.crashes.push(`A process was not told the time: ${error.message}`);
          });
        }
      },
    );
  }

  /** Starts peers and processes; resolves when all serve. */
  static async start(dir: string): Promise<Platform> {
    const peers = await launchPeers({ dir });
    try {
      const [publicPort, internalPort] = [await freePort(), await freePort()];
      const publicUrl = `http://${LOOPBACK}:${publicPort}`;
      const internalKey = { service: 'operations', secret: 'a-secret-of-more-than-thirty-two-characters' };
      const admin = { email: 'root@example.org', password: 'an-administrators-password-1A' };
      const environment = {
        ...peers.env,
        PUBLIC_PORT: String(publicPort),
        PUBLIC_HOST: LOOPBACK,
        PUBLIC_URL: publicUrl,
        INTERNAL_PORT: String(internalPort),
        INTERNAL_KEYS: `${internalKey.service}:${internalKey.secret}`,
        LOG_LEVEL: 'warn',
        // The work of the dead is taken over before the next one dies.
        LEASE_MS: '2000',
        RATE_LIMIT_PER_IP: '0',
        RATE_LIMIT_PER_CALLER: '0',
        RATE_LIMIT_STRICT: '0',
      };
      const env = (name: string) => peers.env[name] ?? '';
      const addresses: EmbeddedAddresses = {
        publicUrl,
        internalUrl: `http://${LOOPBACK}:${internalPort}`,
        internalKey,
        admin,
        outboxUrl: `${env('AWS_ENDPOINT_SES')}/_outbox`,
        stripe: { url: env('STRIPE_API_BASE'), secretKey: env('STRIPE_SECRET_KEY'), publishableKey: env('STRIPE_PUBLISHABLE_KEY') },
        eventStoreUrl: env('EVENTSTORE_URL'),
        databaseUrl: env('DATABASE_URL'),
        dataDir: dir,
        environmentFile: '',
      };
      await peers.setWebhookTarget(publicUrl);
      const platform = new Platform(peers, addresses, environment);
      await platform.#createAdmin(admin);
      for (const part of parts) platform.#launch(part);
      await platform.ready();
      return platform;
    } catch (error) {
      await peers.stop();
      throw error;
    }
  }

  /** Resolves when all parts serve. */
  async ready(): Promise<void> {
    await Promise.all(parts.map((part) => this.started(part)));
  }

  /** Resolves when a part serves, with the milliseconds that its start took. */
  started(part: Part): Promise<number> {
    return this.#processes.get(part)!.ready;
  }

  /** kill -9, all at once, and a new start of each. A part that somebody else is killing at this moment is left to them. */
  async kill(those: readonly Part[]): Promise<void> {
    await Promise.all(
      those.map((part) => {
        const dying = this.#dying.get(part) ?? this.#restart(part).finally(() => this.#dying.delete(part));
        this.#dying.set(part, dying);
        return dying;
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((part) => this.#end(part, 'SIGTERM')));
    await this.#peers.stop();
  }

  /** What people do in a video room: they come in. */
  async enterRoom(channel: string, uid: number): Promise<void> {
    const response = await fetch(`${this.#peers.env['AGORA_REST_URL']}/_control/presence`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#peers.env['AGORA_CUSTOMER_SECRET']}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel, uid, event: 'join' }),
    });
    if (!response.ok) throw new Error(`the room answered ${response.status} ${await response.text()}`);
  }

  async #restart(part: Part): Promise<void> {
    await this.#end(part, 'SIGKILL');
    this.#launch(part);
  }

  #launch(part: Part): void {
    this.#processes.set(part, this.#start(part));
  }

  #start(part: Part): Process {
    const child = fork(APP, ['--roles', PARTS[part]], {
      execArgv: NODE,
      env: { ...process.env, ...this.#environment, CLOCK_AHEAD_MS: String(this.operator.aheadMs) },
      stdio: ['ignore', this.#log, this.#log, 'ipc'],
    });
    const begun = performance.now();
    const ready = Promise.race([once(child, 'message'), once(child, 'exit')]).then(() => performance.now() - begun);
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL' && code !== 0) this.crashes.push(`${part} ended with ${signal ?? code}`);
    });
    return { child, ready };
  }

  async #end(part: Part, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this.#processes.get(part)!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async #createAdmin({ email, password }: { email: string; password: string }): Promise<void> {
    const child = fork(ADMIN, ['create', email], {
      execArgv: NODE,
      env: { ...process.env, ...this.#environment, ADMIN_PASSWORD: password },
      stdio: ['ignore', this.#log, this.#log, 'ipc'],
    });
    const [code] = (await once(child, 'exit')) as [number];
    if (code !== 0) throw new Error('the administrator could not be made');
  }
}
