import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Actor } from '#domain/kernel/command.ts';
import type { Tickets } from '#infra/auth/tickets.ts';
import type { CommandSender } from '#infra/cqrs/commands.ts';
import type { Aggregates } from '#infra/event-store/aggregates.ts';
import type { FanOut } from '#infra/fan-out/fan-out.ts';
import { Problem, PROBLEM_JSON, problemOf, type EdgeProblem } from '#infra/http/problems.ts';
import type { Clock } from '#infra/time/clock.ts';
import { Audience } from './audience.ts';
import { Connection } from './connection.ts';
import { parseFrameId, type FrameId } from './frame.ts';
import type { FrameStore } from './frame-store.ts';
import { Incoming } from './incoming.ts';
import { personChannel } from './notice-engine.ts';
import { Presence } from './presence.ts';
import { Rooms } from './rooms.ts';
import { CLOSE } from './server-frames.ts';

/** Bytes of the longest frame that a client may send: a message of 4,000 characters and its frame. */
const LARGEST_FRAME_BYTES = 20_000;
/** Sockets that one person may have open: devices and tabs. */
const MOST_PER_PERSON = 8;

export interface GatewayTimes {
  /** Milliseconds between pings; a socket that did not answer the last one is cut. */
  readonly pingEvery: number;
  /** Milliseconds after which a socket must be opened anew with a fresh ticket: nothing re-checks a person meanwhile. */
  readonly session: number;
  /** Milliseconds between a lost socket and leaving a lesson. */
  readonly patience: number;
}

const GATEWAY_TIMES: GatewayTimes = { pingEvery: 30_000, session: 3_600_000, patience: 10_000 };

export interface GatewayParts {
  readonly tickets: Tickets;
  readonly store: FrameStore;
  readonly fanOut: FanOut;
  readonly commands: CommandSender;
  readonly aggregates: Aggregates;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times?: GatewayTimes;
}

/**
 * The WebSocket at `/ws?ticket=...`, on the HTTP server it is given. A ticket opens one socket; `&lastId=` names the last frame seen, so that
 * the missed ones come first. Frames that follow from events are stored before they are sent; frames of clients become commands.
 */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #times: GatewayTimes;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #people = new Map<string, Set<Connection>>();
  readonly #audience: Audience;
  readonly #rooms: Rooms;
  readonly #presence: Presence;
  #beat: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#times = parts.times ?? GATEWAY_TIMES;
    this.#audience = new Audience(parts.fanOut);
    this.#rooms = new Rooms(parts.aggregates, parts.clock);
    const onError = (error: unknown): void => this.#failed(error);
    this.#presence = new Presence(parts.commands, this.#rooms, this.#times.patience, onError);
  }

  /** Sockets open on this node. */
  get open(): number {
    return [...this.#people.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Starts to answer upgrades of a server. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head));
    this.#beat = setInterval(() => this.#ping(), this.#times.pingEvery);
  }

  /** Tells every client to come back later and waits until they have gone. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#beat);
    const all = [...this.#people.values()].flatMap((connections) => [...connections]);
    for (const connection of all) connection.close({ code: 1001, reason: 'going away: reconnect and resume' });
    await this.#presence.close();
    for (const connection of all) connection.cut();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Until the socket belongs to ws, nobody else hears of its errors.
    const dropped = (): void => void socket.destroy();
    socket.on('error', dropped);
    try {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname !== '/ws') return refuse(socket, 'not_found');
      if (this.#closing) return refuse(socket, 'upstream_unavailable');
      const given = url.searchParams.get('lastId');
      const lastId = given === null ? undefined : parseFrameId(given);
      if (given !== null && lastId === undefined) return refuse(socket, 'validation_failed');
      const actor = await this.#parts.tickets.redeem(url.searchParams.get('ticket') ?? '');
      if (actor === undefined) return refuse(socket, 'unauthenticated');
      socket.off('error', dropped);
      this.#sockets.handleUpgrade(request, socket, head, (opened) => void this.#opened(opened, actor, lastId));
    } catch (error) {
      this.#failed(error);
      refuse(socket, 'internal_error');
    }
  }

  async #opened(socket: WebSocket, actor: Actor, lastId: FrameId | undefined): Promise<void> {
    const connection = new Connection(socket, actor, this.#parts.store);
    const incoming = new Incoming(connection, {
      commands: this.#parts.commands,
      rooms: this.#rooms,
      presence: this.#presence,
      fanOut: this.#parts.fanOut,
      listen: (who, room) => this.#audience.enter(who, room),
      unlisten: (who, room) => this.#audience.exit(who, room),
      onError: (error, correlationId) => this.#failed(error, correlationId),
    });
    let stopListening: (() => void) | undefined;
    const sessionOver = setTimeout(() => connection.close(CLOSE.sessionOver), this.#times.session);
    socket.on('pong', () => (connection.alive = true));
    // Whatever goes wrong with a socket ends in `close`, which has everything to do.
    socket.on('error', () => connection.cut());
    socket.on('close', () => {
      clearTimeout(sessionOver);
      stopListening?.();
      this.#audience.gone(connection);
      this.#presence.lost(connection);
      this.#forget(connection);
    });
    this.#remember(connection);
    // Frames of the client wait until the connection has been opened, so that nothing is answered before `welcome`.
    let whenOpen: (() => void) | undefined;
    const open = new Promise<void>((resolve) => (whenOpen = resolve));
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) connection.close(CLOSE.notAFrame);
      else void open.then(() => incoming.take(data.toString()));
    });
    try {
      stopListening = await this.#parts.fanOut.subscribe(personChannel(connection.userId), (text) => connection.deliver(text));
      if (socket.readyState !== socket.OPEN) stopListening();
      await connection.open(lastId, Math.round(this.#times.pingEvery / 1_000));
      whenOpen?.();
    } catch (error) {
      this.#failed(error);
      connection.close({ code: 1011, reason: 'not ready: reconnect later' });
    }
  }

  #remember(connection: Connection): void {
    const connections = this.#people.get(connection.userId) ?? new Set();
    this.#people.set(connection.userId, connections.add(connection));
    const [oldest] = connections;
    if (connections.size > MOST_PER_PERSON) oldest?.close(CLOSE.replaced);
  }

  #forget(connection: Connection): void {
    const connections = this.#people.get(connection.userId);
    connections?.delete(connection);
    if (connections?.size === 0) this.#people.delete(connection.userId);
  }

  #ping(): void {
    for (const connections of this.#people.values())
      for (const connection of connections) {
        if (!connection.alive) connection.cut();
        connection.alive = false;
        connection.ping();
      }
    void this.#presence.affirm();
  }

  #failed(error: unknown, correlationId?: string): void {
    this.#parts.log.error({ err: error, correlationId }, 'realtime failed');
  }
}

/** Answers an upgrade that is not taken, as HTTP, with a problem. */
function refuse(socket: Duplex, code: EdgeProblem): void {
  const { status, body } = problemOf(new Problem(code), 'none');
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\ncontent-type: ${PROBLEM_JSON}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
