import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Api } from './api.ts';

/** A frame from the server. */
export interface Frame {
  readonly id: string | null;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly type: string;
  readonly data: object;
  readonly ref: string;
}

const PATIENCE = 60_000;

/**
 * The WebSocket of a client as a careful app would have it: when it breaks, it takes a new ticket, names the last frame seen, and asks again for
 * whatever was not answered. A lesson that was joined is joined again.
 */
export class Socket {
  readonly #api: Api;
  readonly #frames: Frame[] = [];
  readonly #unanswered = new Map<string, Asked>();
  readonly #lessons = new Map<string, Asked>();
  #listeners: (() => void)[] = [];
  #lastId: string | undefined;
  #socket: WebSocket | undefined;
  #closed = false;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Frames received so far, oldest first, each once. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** Opens it; resolves when the server has said welcome. */
  async open(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      try {
        await this.#connect();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await wait(200);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  /** Breaks the connection as a tunnel does; it comes back by itself. */
  interrupt(): void {
    this.#socket?.terminate();
  }

  /** Asks for something; resolves when the server says it is in the log, and rejects with its problem when it refuses. */
  async ask(type: string, data: object): Promise<void> {
    const asked: Asked = { type, data, ref: randomUUID() };
    if (type === 'lesson:join') this.#lessons.set((data as { lessonId: string }).lessonId, asked);
    this.#unanswered.set(asked.ref, asked);
    this.#say(asked);
    const answer = await this.next((frame) => frame.data['ref'] === asked.ref);
    if (answer.type === 'refused') throw new Error(`${type} was refused: ${JSON.stringify(answer.data['problem'])}`);
  }

  /** The first frame, of those received or to come, that fits; waits 60 s at most. */
  async next(fits: (frame: Frame) => boolean): Promise<Frame> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const found = this.#frames.find(fits);
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`a frame did not come; there were ${this.#frames.map(({ type }) => type).join(', ')}`);
      const timer = new AbortController();
      await Promise.race([
        new Promise<void>((resolve) => this.#listeners.push(resolve)),
        wait(left, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
    }
  }

  async #connect(): Promise<void> {
    const { ticket, url } = await this.#api.post<{ ticket: string; url: string }>('/realtime/ticket');
    const resume = this.#lastId === undefined ? '' : `&lastId=${this.#lastId}`;
    const socket = new WebSocket(`${url}?ticket=${ticket}${resume}`);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.on('message', (text: Buffer) => {
        const frame = JSON.parse(text.toString()) as Frame;
        if (frame.type === 'welcome') resolve();
        this.#receive(frame);
      });
      socket.once('close', () => reject(new Error('closed before it was open')));
    });
    this.#socket = socket;
    socket.on('error', () => socket.terminate());
    socket.on('close', () => void this.#again());
    for (const asked of new Set([...this.#lessons.values(), ...this.#unanswered.values()])) this.#say(asked);
  }

  async #again(): Promise<void> {
    if (this.#closed) return;
    await this.open().catch((error: unknown) => {
      if (!this.#closed) throw error;
    });
  }

  #receive(frame: Frame): void {
    if (frame.id !== null && frame.id !== undefined) {
      if (this.#frames.some(({ id }) => id === frame.id)) return;
      this.#lastId = frame.id;
    }
    const lastId = frame.data['lastId'];
    if (frame.type === 'welcome' && this.#lastId === undefined && typeof lastId === 'string') this.#lastId = lastId;
    const ref = frame.data['ref'];
    if (typeof ref === 'string') this.#unanswered.delete(ref);
    this.#frames.push(frame);
    const waiting = this.#listeners;
    this.#listeners = [];
    for (const listener of waiting) listener();
  }

  #say({ type, data, ref }: Asked): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, ref, data }));
  }
}
