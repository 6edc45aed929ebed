import { randomUUID } from 'node:crypto';
import { command, type Actor } from '#domain/kernel/command.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { noteParticipantJoined, noteParticipantLeft } from '#domain/lessons/video-session.ts';
import type { CommandResult, CommandSender } from '#infra/cqrs/commands.ts';
import type { Connection } from './connection.ts';
import type { Rooms } from './rooms.ts';

interface Stay {
  readonly actor: Actor;
  readonly lessonId: string;
  readonly uid: number;
  readonly connections: Set<Connection>;
  /** Runs when the last connection has gone and none has come back. */
  leaving?: NodeJS.Timeout;
}

/** Who of this node's people is in which lesson. A connection that is lost and made again within a few seconds is no leaving. */
export class Presence {
  readonly #stays = new Map<string, Stay>();

  constructor(
    private readonly commands: CommandSender,
    private readonly rooms: Rooms,
    /** Milliseconds between a lost connection and leaving. */
    private readonly patience: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  async join(connection: Connection, lessonId: string, correlationId: string): Promise<CommandResult> {
    const { actor } = connection;
    const uid = await this.rooms.uidIn(actor, lessonId);
    const result = await this.#send(actor, command(noteParticipantJoined, { lessonId, uid, via: 'app' }), correlationId);
    const key = `${actor.userId} ${lessonId}`;
    const stay = this.#stays.get(key) ?? { actor, lessonId, uid, connections: new Set() };
    clearTimeout(stay.leaving);
    stay.connections.add(connection);
    this.#stays.set(key, stay);
    return result;
  }

  async leave(connection: Connection, lessonId: string, correlationId: string): Promise<CommandResult> {
    const { actor } = connection;
    const stay = this.#stays.get(`${actor.userId} ${lessonId}`);
    const uid = stay?.uid ?? (await this.rooms.uidIn(actor, lessonId));
    if (stay !== undefined) this.#forget(stay);
    return this.#send(actor, command(noteParticipantLeft, { lessonId, uid, via: 'app' }), correlationId);
  }

  /** A connection is gone: its person leaves unless another connection holds the place or one comes back in time. */
  lost(connection: Connection): void {
    for (const stay of this.#stays.values()) {
      if (!stay.connections.delete(connection) || stay.connections.size > 0) continue;
      stay.leaving = setTimeout(() => void this.#left(stay), this.patience);
    }
  }

  /** Says again of everybody that they are here: heals what another node concluded from a lost connection. */
  async affirm(): Promise<void> {
    const here = [...this.#stays.values()].filter(({ connections }) => connections.size > 0);
    await Promise.all(here.map((stay) => this.#affirm(stay)));
  }

  /** Everybody leaves, because the node stops. */
  async close(): Promise<void> {
    await Promise.all([...this.#stays.values()].map((stay) => this.#left(stay)));
  }

  async #affirm(stay: Stay): Promise<void> {
    const { actor, lessonId, uid } = stay;
    try {
      await this.#send(actor, command(noteParticipantJoined, { lessonId, uid, via: 'app' }), randomUUID());
    } catch (error) {
      // The room has closed meanwhile: nobody is in it any more.
      if (error instanceof Refusal) this.#forget(stay);
      else this.onError(error);
    }
  }

  async #left(stay: Stay): Promise<void> {
    this.#forget(stay);
    const { actor, lessonId, uid } = stay;
    await this.#send(actor, command(noteParticipantLeft, { lessonId, uid, via: 'app' }), randomUUID()).catch(this.onError);
  }

  #forget(stay: Stay): void {
    clearTimeout(stay.leaving);
    this.#stays.delete(`${stay.actor.userId} ${stay.lessonId}`);
  }

  #send(actor: Actor, message: Parameters<CommandSender['send']>[0], correlationId: string): Promise<CommandResult> {
    // Whoever comes twice comes twice: the aggregate knows who is in, so the id need not repeat.
    const commandId = randomUUID();
    return this.commands.send(message, { commandId, correlationId, causationId: commandId, source: 'realtime', by: actor });
  }
}
