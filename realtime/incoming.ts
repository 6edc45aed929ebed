import { randomUUID } from 'node:crypto';
import { command, type CommandMessage } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { postLessonMessage } from '#domain/lessons/lesson-chat.ts';
import { postChatMessage } from '#domain/matching/chat-channel.ts';
import type { CommandResult, CommandSender } from '#infra/cqrs/commands.ts';
import type { FanOut } from '#infra/fan-out/fan-out.ts';
import { problemOf, validationProblem } from '#infra/http/problems.ts';
import { readClientFrame, type ClientFrame, type Room } from './client-frames.ts';
import type { Connection } from './connection.ts';
import { frameText, isAfter, parseFrameId } from './frame.ts';
import type { Presence } from './presence.ts';
import { roomChannel, type Rooms } from './rooms.ts';
import { CLOSE } from './server-frames.ts';

/** Frames that a client may send at once, and how many more each second. */
const BURST = 60;
const PER_SECOND = 20;

export interface IncomingParts {
  readonly commands: CommandSender;
  readonly rooms: Rooms;
  readonly presence: Presence;
  readonly fanOut: FanOut;
  /** Begins and ends hearing of a room. */
  readonly listen: (connection: Connection, room: Room) => Promise<void>;
  readonly unlisten: (connection: Connection, room: Room) => void;
  readonly onError: (error: unknown, correlationId: string) => void;
}

/** What one client sends, worked on in the order in which it came. */
export class Incoming {
  #last: Promise<void> = Promise.resolve();
  #allowance = BURST;
  #countedAt = Date.now();

  constructor(
    private readonly connection: Connection,
    private readonly parts: IncomingParts,
  ) {}

  /** Takes a frame; resolves when it and all before it have been worked on. */
  take(text: string): Promise<void> {
    if (!this.#withinAllowance()) {
      this.connection.close(CLOSE.tooMuch);
      return this.#last;
    }
    this.#last = this.#last.then(() => this.#work(text));
    return this.#last;
  }

  #withinAllowance(): boolean {
    const now = Date.now();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#countedAt) / 1_000) * PER_SECOND) - 1;
    this.#countedAt = now;
    return this.#allowance >= 0;
  }

  async #work(text: string): Promise<void> {
    let read: ReturnType<typeof readClientFrame>;
    try {
      read = readClientFrame(text);
    } catch {
      // Not even JSON: this is no client of ours.
      this.connection.close(CLOSE.notAFrame);
      return;
    }
    const correlationId = randomUUID();
    if (!read.ok) return this.#refuse(validationProblem('body', read.error), undefined, correlationId);
    try {
      await this.#handle(read.frame, correlationId);
    } catch (error) {
      this.#refuse(error, read.frame.ref, correlationId);
    }
  }

  async #handle(frame: ClientFrame, correlationId: string): Promise<void> {
    const { connection, parts } = this;
    const { ref } = frame;
    switch (frame.type) {
      case 'subscribe':
        await parts.rooms.mustTakePart(connection.actor, frame.data);
        await parts.listen(connection, frame.data);
        return connection.sendNow('done', { ref });
      case 'unsubscribe':
        parts.unlisten(connection, frame.data);
        return connection.sendNow('done', { ref });
      case 'lesson:message':
        return this.#done(ref, await this.#post(command(postLessonMessage, frame.data), frame.data.clientMessageId, correlationId));
      case 'channel:message':
        return this.#done(ref, await this.#post(command(postChatMessage, frame.data), frame.data.clientMessageId, correlationId));
      case 'lesson:join':
        return this.#done(ref, await parts.presence.join(connection, frame.data.lessonId, correlationId));
      case 'lesson:leave':
        return this.#done(ref, await parts.presence.leave(connection, frame.data.lessonId, correlationId));
      case 'typing':
        await parts.rooms.mustTakePart(connection.actor, frame.data);
        return this.#tell(frame.data);
      case 'ack':
        return this.#acknowledge(frame.data.id);
      case 'resume':
        return connection.resume(parseFrameId(frame.data.lastId)!, ref);
      case 'ping':
        return connection.sendNow('pong', { ref });
    }
  }

  /** The same message sent again has the same command id, so it is no second message even long after. */
  #post(message: CommandMessage, clientMessageId: string, correlationId: string): Promise<CommandResult> {
    const { actor } = this.connection;
    const commandId = followUpId('socket message', message.type, actor.userId ?? '', JSON.stringify(message.data), clientMessageId);
    return this.parts.commands.send(message, { commandId, correlationId, causationId: commandId, source: 'realtime', by: actor });
  }

  #done(ref: string | undefined, { id, revision, position }: CommandResult): void {
    this.connection.sendNow('done', { ref, id, revision, position });
  }

  #tell(room: Room): Promise<void> {
    const { userId } = this.connection;
    const text = frameText(null, 'typing', { ...room, userId }, new Date().toISOString());
    return this.parts.fanOut.publish(roomChannel(room), `${userId}\n${text}`);
  }

  #acknowledge(text: string): void {
    const id = parseFrameId(text)!;
    const { acknowledged } = this.connection;
    if (acknowledged === undefined || isAfter(id, acknowledged)) this.connection.acknowledged = id;
  }

  #refuse(error: unknown, ref: string | undefined, correlationId: string): void {
    const { status, body } = problemOf(error, correlationId);
    if (status >= 500) this.parts.onError(error, correlationId);
    this.connection.sendNow('refused', { ref, problem: body });
  }
}
