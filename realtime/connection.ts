import { WebSocket } from 'ws';
import type { Actor } from '#domain/kernel/command.ts';
import { endOf, formatFrameId, frameText, isAfter, parseFrameId, type FrameId } from './frame.ts';
import type { FrameStore } from './frame-store.ts';
import { CLOSE, type CloseReason } from './server-frames.ts';

/** Bytes that may wait for a client that does not read. */
const MOST_WAITING_BYTES = 1_048_576;
/** Live frames that may wait while a client gets what it missed. */
const MOST_HELD = 2_000;

/** One open socket of one person: sends each stored frame once and in order. */
export class Connection {
  readonly userId: string;
  /** Answered the last ping. */
  alive = true;
  /** The last frame that the client says it has dealt with. */
  acknowledged: FrameId | undefined;
  /** Nothing up to here is sent any more. */
  #sent: FrameId = endOf(-1n);
  /** Live frames that wait until the missed ones have been sent. */
  #held: { id: FrameId; text: string }[] | undefined = [];

  constructor(
    private readonly socket: WebSocket,
    readonly actor: Actor,
    private readonly store: FrameStore,
  ) {
    this.userId = actor.userId ?? '';
  }

  /** Says hello; from here on live frames are sent. With `lastId` the missed ones come first. */
  async open(lastId: FrameId | undefined, pingEverySeconds: number): Promise<void> {
    const position = await this.store.position();
    this.sendNow('welcome', { ...reachedBy(position), userId: this.userId, pingEverySeconds });
    if (lastId !== undefined) return this.resume(lastId, undefined);
    this.#release(endOf(position));
  }

  /** Sends what came after a frame, in order, then what came meanwhile. */
  async resume(lastId: FrameId, ref: string | undefined): Promise<void> {
    this.#held ??= [];
    const missed = await this.store.missed(this.userId, lastId);
    if (missed.kind === 'too_late') {
      const position = await this.store.position();
      this.sendNow('resync', reachedBy(position));
      return this.#release(endOf(position));
    }
    for (const { id, type, data, at } of missed.frames) this.#send(frameText(id, type, data, at));
    this.sendNow('resumed', { ref, count: missed.frames.length });
    this.#release(missed.frames.at(-1)?.id ?? lastId);
  }

  /** A stored frame from the node that made it: the id, a line break, the frame. */
  deliver(message: string): void {
    const end = message.indexOf('\n');
    const id = parseFrameId(message.slice(0, end));
    if (id === undefined) return;
    const text = message.slice(end + 1);
    if (this.#held === undefined) this.#deliver(id, text);
    else if (this.#held.length >= MOST_HELD) this.close(CLOSE.tooSlow);
    else this.#held.push({ id, text });
  }

  /** A frame of the moment: not stored, without an id. */
  sendNow(type: string, data: object): void {
    this.#send(frameText(null, type, data, new Date().toISOString()));
  }

  /** A frame of the moment that is the same for many: made once. */
  sendPrepared(frame: Buffer): void {
    this.#send(frame);
  }

  ping(): void {
    this.socket.ping();
  }

  close({ code, reason }: CloseReason | { code: number; reason: string }): void {
    this.socket.close(code, reason);
  }

  /** Ends the connection without asking. */
  cut(): void {
    this.socket.terminate();
  }

  #release(sent: FrameId): void {
    this.#sent = sent;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { id, text } of held) this.#deliver(id, text);
  }

  #deliver(id: FrameId, text: string): void {
    if (!isAfter(id, this.#sent)) return;
    this.#sent = id;
    this.#send(text);
  }

  #send(frame: string | Buffer): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > MOST_WAITING_BYTES) {
      this.close(CLOSE.tooSlow);
      // It does not read, so it does not read the reason either: the close frame gets a moment, then the socket is cut.
      setTimeout(() => this.cut(), 1_000).unref();
      return;
    }
    this.socket.send(frame, { binary: false });
  }
}

function reachedBy(position: bigint): { lastId: string; minPosition: string } {
  const reached = position < 0n ? 0n : position;
  return { lastId: formatFrameId(endOf(reached)), minPosition: String(reached) };
}
