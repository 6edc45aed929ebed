import type { Actor } from '#domain/kernel/command.ts';
import { chatChannel, ChatChannelNotFound, NotAChannelMember } from '#domain/matching/chat-channel.ts';
import { JOIN_MARGIN, videoSession } from '#domain/lessons/video-session.ts';
import { NotAParticipant, VideoRoomIsClosed, VideoRoomNotFound, VideoRoomNotOpen } from '#domain/lessons/video-session.refusals.ts';
import { plus } from '#domain/kernel/time.ts';
import type { Aggregates } from '#infra/event-store/aggregates.ts';
import type { Clock } from '#infra/time/clock.ts';
import type { Room } from './client-frames.ts';

/** The channel that carries the moments of a room between nodes: the sender, a line break, the frame. */
export const roomChannel = ({ room, id }: Room): string => `room:${room}:${id}`;

/** Who may be where: asked of the aggregates themselves, because a read model may be behind. */
export class Rooms {
  constructor(
    private readonly aggregates: Aggregates,
    private readonly clock: Clock,
  ) {}

  /** Throws the refusal when a person does not take part in a room. */
  async mustTakePart(actor: Actor, { room, id }: Room): Promise<void> {
    if (room === 'lesson') {
      await this.#lesson(actor, id);
      return;
    }
    const { state } = await this.aggregates.load(chatChannel, id);
    if (state.members === undefined) throw new ChatChannelNotFound();
    if (![state.members.studentId, state.members.tutorId].includes(actor.userId ?? '')) throw new NotAChannelMember();
  }

  /** The number under which a person is seen in the video room of a lesson; refused outside the hours of the room. */
  async uidIn(actor: Actor, lessonId: string): Promise<number> {
    const { room, uid } = await this.#lesson(actor, lessonId);
    const now = this.clock.now();
    const opensAt = plus(room.startsAt, -JOIN_MARGIN);
    if (now < opensAt) throw new VideoRoomNotOpen({ opensAt });
    if (now >= plus(room.endsAt, JOIN_MARGIN)) throw new VideoRoomIsClosed();
    return uid;
  }

  async #lesson(actor: Actor, lessonId: string) {
    const { state } = await this.aggregates.load(videoSession, lessonId);
    const { room } = state;
    if (room === undefined) throw new VideoRoomNotFound();
    if (actor.userId === room.studentId) return { room, uid: room.uids.student };
    if (actor.userId === room.tutorId) return { room, uid: room.uids.tutor };
    throw new NotAParticipant();
  }
}
