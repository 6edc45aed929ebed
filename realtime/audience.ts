import type { FanOut } from '#infra/fan-out/fan-out.ts';
import type { Room } from './client-frames.ts';
import type { Connection } from './connection.ts';
import { roomChannel } from './rooms.ts';

interface Hall {
  readonly listeners: Set<Connection>;
  /** Resolves to the way to stop hearing of the room. */
  readonly heard: Promise<() => void>;
}

/** Who of this node's connections hears of which room: one subscription for a room, each frame made once for all of them. */
export class Audience {
  readonly #halls = new Map<string, Hall>();

  constructor(private readonly fanOut: FanOut) {}

  async enter(connection: Connection, room: Room): Promise<void> {
    const channel = roomChannel(room);
    let hall = this.#halls.get(channel);
    if (hall === undefined) {
      const listeners = new Set<Connection>();
      hall = { listeners, heard: this.fanOut.subscribe(channel, (message) => tell(listeners, message)) };
      this.#halls.set(channel, hall);
    }
    hall.listeners.add(connection);
    await hall.heard;
  }

  exit(connection: Connection, room: Room): void {
    this.#exit(connection, roomChannel(room));
  }

  /** A connection hears of nothing any more. */
  gone(connection: Connection): void {
    for (const channel of this.#halls.keys()) this.#exit(connection, channel);
  }

  #exit(connection: Connection, channel: string): void {
    const hall = this.#halls.get(channel);
    if (hall === undefined || !hall.listeners.delete(connection) || hall.listeners.size > 0) return;
    this.#halls.delete(channel);
    hall.heard.then(
      (stop) => stop(),
      // It was never heard of, so there is nothing to stop; whoever entered was told.
      () => undefined,
    );
  }
}

/** The sender, a line break, the frame: for everybody but the sender. */
function tell(listeners: ReadonlySet<Connection>, message: string): void {
  const end = message.indexOf('\n');
  const sender = message.slice(0, end);
  const frame = Buffer.from(message.slice(end + 1));
  for (const connection of listeners) if (connection.userId !== sender) connection.sendPrepared(frame);
}
