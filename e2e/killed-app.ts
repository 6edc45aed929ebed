import { excludeSystemEvents, START, type Position } from '@eventstore/db-client';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AppProcess } from '#app/demo/app-process.ts';
import { Operator } from '#app/demo/operator.ts';
import type { EmbeddedAddresses } from '#app/embedded/embedded.ts';
import { isRunning } from '#infra/embedded/supervision/processes.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';

/** A moment at which the system is killed. */
export type Moment =
  /** The story has told so far: what it tells of was answered. */
  | { readonly told: string }
  /** An event is in the log, and nothing more is known. */
  | { readonly event: string; readonly where?: Readonly<Record<string, unknown>> }
  /** Stripe has done what a POST to this path asked for (`*` stands for one part), and the answer is on its way. */
  | { readonly stripe: string };

export const nameOf = (moment: Moment): string =>
  'told' in moment ? `told "${moment.told}"` : 'event' in moment ? `event ${moment.event}` : `Stripe has done POST ${moment.stripe}`;

/** The system in its own process, which is killed at given moments and started again on the same data and ports. */
export class KilledApp {
  readonly operator = new Operator(() => this.addresses);
  /** Of the first start: with its data the system keeps its ports. */
  readonly addresses: EmbeddedAddresses;
  readonly #dir: string;
  readonly #environment: Readonly<Record<string, string>>;
  #app: AppProcess;
  #seen: Position | typeof START = START;
  #told: readonly string[] = [];
  #listener: () => Promise<void> = () => Promise.resolve();

  private constructor(dir: string, environment: Readonly<Record<string, string>>, app: AppProcess) {
    this.#dir = dir;
    this.#environment = environment;
    this.#app = app;
    this.addresses = app.addresses;
  }

  static async start(dir: string, environment: Readonly<Record<string, string>>): Promise<KilledApp> {
    return new KilledApp(dir, environment, await AppProcess.start(dir, environment));
  }

  stop(): Promise<void> {
    return this.#app.stop();
  }

  /** Resolves when what the story tells may go on. */
  async tell(sentence: string): Promise<void> {
    this.#told = [...this.#told, sentence];
    await this.#listener();
  }

  /**
   * Runs a story and kills the system at each of the moments, one after the other; gives what the story gives. Throws when the story ends
   * before all of them have come.
   */
  async during<T>(moments: readonly Moment[], story: () => Promise<T>, killed: (moment: Moment) => void): Promise<T> {
    this.#told = [];
    this.#seen = await this.#now();
    if (moments[0] !== undefined) await this.#arm(moments[0]);
    const ending = story();
    const early = ending.then(() => undefined);
    // Whoever awaits the ending hears of it.
    early.catch(() => undefined);
    for (const [nth, moment] of moments.entries()) {
      const over = new AbortController();
      const come = await Promise.race([this.#comes(moment, over.signal), early]).finally(() => over.abort());
      if (come === undefined) throw new Error(`The story ended before this came: ${nameOf(moment)}`);
      await this.#kill();
      killed(moment);
      this.#app = AppProcess.launch(this.#dir, this.#environment);
      const next = moments[nth + 1];
      // While it starts, before any policy runs again.
      if (next !== undefined) await this.#whenUp(() => this.#arm(next));
    }
    await this.#app.ready;
    return ending;
  }

  /** What is to be done at Stripe for a moment to come. */
  async #arm(moment: Moment): Promise<void> {
    if ('stripe' in moment) await this.operator.stripe('POST', 'faults', { path: moment.stripe, kind: 'hold' });
  }

  /** Kills it, and waits for the stand-ins, which follow by themselves: what is armed next must not be armed with them. */
  async #kill(): Promise<void> {
    const pidFile = join(this.#dir, 'stand-ins', 'stand-ins.pid');
    const standIns = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8').split('\n')[0]) : undefined;
    await this.#app.kill();
    while (standIns !== undefined && isRunning(standIns)) await wait(5);
  }

  /** Asks again while the system is starting; throws when it did not start, or what is wrong when it has. */
  async #whenUp<T>(ask: () => Promise<T>): Promise<T> {
    let started = false;
    void this.#app.ready.then(
      () => (started = true),
      () => (started = true),
    );
    for (;;) {
      const last = started;
      try {
        return await ask();
      } catch (error) {
        if (last) throw error;
        await wait(10);
      }
    }
  }

  async #comes(moment: Moment, over: AbortSignal): Promise<true | undefined> {
    if ('told' in moment) return this.#isTold(moment.told);
    if ('event' in moment) return this.#whenUp(() => this.#isInLog(moment.event, moment.where ?? {}, over));
    while (!over.aborted) {
      const held = await this.#whenUp(() => this.operator.stripe<readonly unknown[]>('GET', 'held?wait=true'));
      if (held.length > 0) return true;
    }
    return undefined;
  }

  /** The story is held back until the system is dead. */
  async #isTold(words: string): Promise<true> {
    const isIt = () => this.#told.some((sentence) => sentence.includes(words));
    if (isIt()) return true;
    const dead = Promise.withResolvers<void>();
    await new Promise<void>((resolve) => {
      this.#listener = () => {
        if (!isIt()) return Promise.resolve();
        resolve();
        return dead.promise;
      };
    });
    void this.#app.exited().then(dead.resolve);
    this.#listener = () => Promise.resolve();
    return true;
  }

  async #isInLog(type: string, where: Readonly<Record<string, unknown>>, over: AbortSignal): Promise<true> {
    const client = new EventStoreClient({ connectionString: this.addresses.eventStoreUrl });
    const subscription = client.subscribe({ fromPosition: this.#seen, filter: excludeSystemEvents() });
    try {
      await new Promise<void>((resolve, reject) => {
        over.addEventListener('abort', () => resolve());
        subscription.on('error', reject);
        subscription.on('end', () => reject(new Error('the event store ended the subscription')));
        subscription.on('data', ({ event }) => {
          if (event?.type !== type) return;
          const data = event.data as Readonly<Record<string, unknown>>;
          if (Object.entries(where).some(([name, value]) => data[name] !== value)) return;
          this.#seen = event.position;
          resolve();
        });
      });
      return true;
    } finally {
      // Not awaited: the process at the other end is to be killed at this very moment.
      void client.close().catch(() => undefined);
    }
  }

  async #now(): Promise<Position | typeof START> {
    const client = new EventStoreClient({ connectionString: this.addresses.eventStoreUrl });
    const commit = await client.head();
    await client.close();
    return commit < 0n ? START : { commit, prepare: commit };
  }
}
