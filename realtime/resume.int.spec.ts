import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pino from 'pino';
import { v7 as newId } from 'uuid';
import { WebSocket } from 'ws';
import { MONDAY_NOON } from '#domain/kernel/given-when-then.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import { InProcessFanOut } from '#infra/fan-out/fan-out.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { formatFrameId, frameText, type StoredFrame } from './frame.ts';
import { FrameStore } from './frame-store.ts';
import { Gateway } from './gateway.ts';
import { personChannel } from './notice-engine.ts';

const TOKEN = 1;

/** A client that comes and goes, and remembers the last frame it saw. */
class Wanderer {
  readonly seen: number[] = [];
  #lastId: string | undefined;
  #socket: WebSocket | undefined;
  #waiting: { count: number; resolve: () => void } | undefined;

  constructor(
    private readonly address: (ticket: string, lastId: string | undefined) => string,
    private readonly ticket: () => Promise<string>,
  ) {}

  /** Opens a socket, or does not mind that one is open; resolves after `welcome`. */
  async come(): Promise<void> {
    if (this.#socket !== undefined) return;
    const socket = new WebSocket(this.address(await this.ticket(), this.#lastId));
    this.#socket = socket;
    await new Promise<void>((welcomed) => {
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as { id: string | null; type: string; data: { lastId?: string; n?: number } };
        if (frame.type === 'welcome') {
          this.#lastId ??= frame.data.lastId;
          welcomed();
        }
        if (frame.id === null || frame.data.n === undefined) return;
        this.#lastId = frame.id;
        this.seen.push(frame.data.n);
        if (this.#waiting !== undefined && this.seen.length >= this.#waiting.count) this.#waiting.resolve();
      });
    });
  }

  /** Cuts the connection without a word, whatever is under way. */
  async vanish(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.terminate();
    await gone;
  }

  askAgain(): void {
    if (this.#lastId !== undefined) this.#socket?.send(JSON.stringify({ type: 'resume', data: { lastId: this.#lastId } }));
  }

  async until(count: number): Promise<void> {
    if (this.seen.length < count) await new Promise<void>((resolve) => (this.#waiting = { count, resolve }));
  }
}

describe('Whoever comes and goes', () => {
  const fanOut = new InProcessFanOut();
  let postgres: DisposableServer;
  let store: FrameStore;
  let tickets: Tickets;
  let gateway: Gateway;
  let server: Server;
  let position = 0n;

  beforeAll(async () => {
    postgres = await disposableServer();
    const { database } = await postgres.create();
    store = new FrameStore(database);
    tickets = new Tickets(database);
    await store.claim(TOKEN);
    // Nothing of what is sent here is a command.
    const unused = undefined as never;
    const log = pino({ level: 'silent' });
    gateway = new Gateway({ tickets, store, fanOut, commands: unused, aggregates: unused, clock: new SystemClock(), log });
    server = createServer();
    gateway.attach(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await gateway.close();
    await new Promise((resolve) => server.close(resolve));
    await postgres.dispose();
  });

  /** One page of frames as the engine stores and tells it; `told` false: the node died in between. */
  const page = async (recipient: string, numbers: readonly number[], told: boolean): Promise<void> => {
    position += 100n;
    const frames: StoredFrame[] = numbers.map((n, index) => ({
      recipient,
      id: { position, index },
      type: 'n',
      data: { n },
      at: MONDAY_NOON,
    }));
    await store.append(frames, position, TOKEN);
    if (!told) return;
    for (const { id, type, data, at } of frames)
      await fanOut.publish(personChannel(recipient), `${formatFrameId(id)}\n${frameText(id, type, data, at)}`);
  };

  it('sees every frame once and in order', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('page' as const), size: fc.integer({ min: 1, max: 5 }), told: fc.constant(true) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('come' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('vanish' as const) }) },
      // A page that only reached the store, right before the client is lost too: as when a node dies.
      { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), size: fc.integer({ min: 1, max: 5 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        const actor = { role: 'student' as const, userId: newId() };
        const address = (ticket: string, lastId: string | undefined) =>
          `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws?ticket=${ticket}${lastId === undefined ? '' : `&lastId=${lastId}`}`;
        const wanderer = new Wanderer(address, async () => (await tickets.issue(actor)).ticket);
        await wanderer.come();
        let sent = 0;
        const next = (size: number) => Array.from({ length: size }, () => sent++);
        // Pages and the comings and goings run at once, each in its own order: frames arrive while a client is opening or closing.
        let pages: Promise<void> = Promise.resolve();
        for (const one of steps) {
          if (one.do === 'page') pages = pages.then(() => page(actor.userId, next(one.size), true));
          else if (one.do === 'come') await wanderer.come();
          else if (one.do === 'vanish') await wanderer.vanish();
          else {
            await pages;
            await page(actor.userId, next(one.size), false);
            await wanderer.vanish();
          }
        }
        await pages;
        await wanderer.come();
        await wanderer.until(sent);
        expect(wanderer.seen).toEqual(Array.from({ length: sent }, (_, n) => n));
        await wanderer.vanish();
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('gets frames again in order from where it says', async () => {
    const actor = { role: 'student' as const, userId: newId() };
    const wanderer = new Wanderer(
      (ticket) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws?ticket=${ticket}`,
      async () => (await tickets.issue(actor)).ticket,
    );
    await wanderer.come();
    await page(actor.userId, [0, 1, 2], true);
    await wanderer.until(3);
    await page(actor.userId, [3, 4], false);
    wanderer.askAgain();
    await wanderer.until(5);
    expect(wanderer.seen).toEqual([0, 1, 2, 3, 4]);
    await wanderer.vanish();
  });
});
