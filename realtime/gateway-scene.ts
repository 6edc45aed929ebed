import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { v7 as newId } from 'uuid';
import { WebSocket } from 'ws';
import { userAccount } from '#domain/identity/user-account.ts';
import { command, SYSTEM, type Actor, type CommandMessage } from '#domain/kernel/command.ts';
import type { Notices } from '#domain/kernel/consumer.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { provideFacts } from '#domain/kernel/facts.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { provisionVideoRoom, videoSession, type VideoSessionEvent } from '#domain/lessons/video-session.ts';
import { chatChannel, createChatChannel, postChatMessage, type ChatChannelEvent } from '#domain/matching/chat-channel.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { givenEvents } from '#infra/event-store/given-events.ts';
import { InProcessFanOut } from '#infra/fan-out/fan-out.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { feedsFrom } from '#infra/subscriptions/open-feed.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { FrameStore } from './frame-store.ts';
import { Gateway } from './gateway.ts';
import { NoticeEngine } from './notice-engine.ts';

type SpecEvents = { [E in ChatChannelEvent | VideoSessionEvent as E['type']]: E };

const specNotices: Notices<SpecEvents> = {
  name: 'spec',
  context: 'matching',
  on: {
    ChatMessagePosted: ({ data: { members, senderId, text } }) => ({
      type: 'channel:message-posted',
      to: Object.values(members),
      data: { text, senderId },
    }),
    ParticipantJoined: ({ data: { userId } }) => ({ type: 'lesson:participant-joined', to: [userId], data: { userId } }),
    ParticipantLeft: ({ data: { userId } }) => ({ type: 'lesson:participant-left', to: [userId], data: { userId } }),
  },
};

const facts = [
  provideFacts(createChatChannel, chatChannel, { reads: () => ({}), facts: () => ({ matchActive: true }) }),
  provideFacts(provisionVideoRoom, videoSession, { reads: () => ({}), facts: () => ({ lessonLive: true }) }),
];

interface Frame {
  readonly id: string | null;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A client that keeps what it is sent and can wait for the next frame of a type. */
class Client {
  readonly frames: Frame[] = [];
  readonly closed: Promise<number>;
  #read = 0;
  #heard: () => void = () => undefined;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.#heard();
    });
    this.closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
  }

  /** The next frame of this type that has not been asked for yet; those in between are passed over. */
  async next(type: string): Promise<Frame> {
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++]!;
        if (frame.type === type) return frame;
      }
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  send(type: string, data: object, ref = 'r'): void {
    this.socket.send(JSON.stringify({ type, ref, data }));
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

const deciders = [chatChannel, videoSession, userAccount] as never;
/** A socket lasts longer than any spec, and who is lost has left a lesson soon. */
const TIMES = { pingEvery: 30_000, session: 3_600_000, patience: 50 };

/** The event store and the Postgres of one spec file, on which each spec opens a scene of its own. */
export class ScenePeers {
  // The log outlives each scene, and so must the keys of what is in it.
  readonly vault = new InMemoryVault();

  private constructor(
    private readonly dir: string,
    readonly eventStore: LaunchedEventStore,
    readonly postgres: DisposableServer,
  ) {}

  static async start(): Promise<ScenePeers> {
    const dir = mkdtempSync(join(tmpdir(), 'gateway-'));
    return new ScenePeers(dir, await launchEventStore({ dir }), await disposableServer());
  }

  async stop(): Promise<void> {
    await this.eventStore.stop();
    await this.postgres.dispose();
    rmSync(this.dir, { recursive: true });
  }
}

/** A gateway with all that is behind it, on a database of its own, and two people who share a channel. */
export class GatewayScene {
  readonly mia: Actor = { role: 'student', userId: newId() };
  readonly okafor: Actor = { role: 'tutor', userId: newId() };
  readonly channelId = newId();
  readonly clock = new SystemClock();
  /** What the engine complained about. */
  readonly errors: unknown[] = [];
  readonly tickets: Tickets;
  readonly store: FrameStore;
  readonly aggregates: Aggregates;
  readonly engine: NoticeEngine;
  readonly #client: EventStoreClient;
  readonly #codec: Codec;
  readonly #fanOut = new InProcessFanOut();
  readonly #clients: Client[] = [];
  #gateway: Gateway | undefined;
  #server: Server | undefined;
  #port = 0;

  private constructor(
    { eventStore, vault }: ScenePeers,
    readonly database: Database,
  ) {
    this.tickets = new Tickets(database);
    this.store = new FrameStore(database);
    this.#client = new EventStoreClient({ connectionString: eventStore.connectionString });
    this.#codec = new Codec({ deciders, vault });
    const [client, codec, clock] = [this.#client, this.#codec, this.clock];
    this.aggregates = new Aggregates({ deciders, factProviders: facts, client, codec, vault, clock });
    const onError = (error: unknown) => this.errors.push(error);
    this.engine = new NoticeEngine({
      notices: [specNotices as Notices],
      store: this.store,
      openFeed: feedsFrom({ client, codec, onTrouble: onError }),
      fanOut: this.#fanOut,
      clock,
      onError,
      leadership: { database },
    });
  }

  static async open(peers: ScenePeers): Promise<GatewayScene> {
    const { database } = await peers.postgres.create();
    const scene = new GatewayScene(peers, database);
    scene.engine.start();
    await scene.serve();
    const members = { studentId: scene.mia.userId!, tutorId: scene.okafor.userId! };
    const matchId = pairId(members.studentId, members.tutorId);
    await scene.send(command(createChatChannel, { channelId: scene.channelId, matchId, members }));
    return scene;
  }

  /** Opens the gateway; one that is open is replaced. */
  async serve(times = TIMES): Promise<void> {
    await this.#closeGateway();
    const { tickets, store, aggregates, clock } = this;
    const commands = { send: aggregates.execute.bind(aggregates) };
    this.#gateway = new Gateway({
      tickets,
      store,
      fanOut: this.#fanOut,
      commands,
      aggregates,
      clock,
      log: pino({ level: 'silent' }),
      times,
    });
    const server = (this.#server = createServer());
    this.#gateway.attach(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((connected) => connected.leave()));
    await this.#closeGateway();
    await this.engine.stop();
    await this.#client.close();
  }

  async #closeGateway(): Promise<void> {
    await this.#gateway?.close();
    await new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)));
  }

  /** Sockets open at the gateway. */
  get openSockets(): number {
    return this.#gateway?.open ?? 0;
  }

  /** Records an event alone: what leads to it is another story. */
  async happened(aggregateType: string, aggregateId: string, event: DomainEvent): Promise<void> {
    await givenEvents({ client: this.#client, codec: this.#codec, clock: this.clock }, aggregateType, aggregateId, [event]);
  }

  send(message: CommandMessage, by: Actor = SYSTEM): Promise<CommandResult> {
    const commandId = newId();
    return this.aggregates.execute(message, { commandId, correlationId: commandId, causationId: commandId, source: 'spec', by });
  }

  /** Writes into the channel, without a socket. */
  post(text: string, by = this.okafor): Promise<CommandResult> {
    return this.send(command(postChatMessage, { channelId: this.channelId, clientMessageId: newId(), text }), by);
  }

  address(ticket: string, lastId?: string): string {
    return `ws://127.0.0.1:${this.#port}/ws?ticket=${ticket}${lastId === undefined ? '' : `&lastId=${lastId}`}`;
  }

  /** Opens a socket by a ticket. */
  async enter(ticket: string, lastId?: string): Promise<{ client: Client; welcome: Frame }> {
    const client = new Client(new WebSocket(this.address(ticket, lastId)));
    this.#clients.push(client);
    return { client, welcome: await client.next('welcome') };
  }

  /** Opens a socket for somebody. */
  async connect(actor: Actor, lastId?: string): Promise<{ client: Client; welcome: Frame }> {
    return this.enter((await this.tickets.issue(actor)).ticket, lastId);
  }
}
