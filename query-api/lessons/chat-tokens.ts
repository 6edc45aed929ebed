import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { millisecondsBetween, plus } from '#domain/kernel/time.ts';
import { JOIN_MARGIN, TOKEN_VALID_AT_MOST } from '#domain/lessons/video-session.ts';
import { NotAParticipant, VideoRoomIsClosed, VideoRoomNotFound } from '#domain/lessons/video-session.refusals.ts';
import { AgoraTokens } from '#infra/adapters/agora/tokens.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import type { Config } from '#infra/config/config.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { CLOCK, CONFIG } from '#infra/http/injection.ts';
import type { Clock } from '#infra/time/clock.ts';
import { LessonsQueries } from './lessons.queries.ts';

export const chatToken = z.object({
  wsTicket: z.string().describe('Opens the socket once, within 30 seconds.'),
  wsUrl: z.string(),
  rtmToken: z.string().describe('Of the message service of Agora, which is only the backup of the socket.'),
  rtmUserId: z.string(),
  uid: z.number().int().describe('Yours in the video room.'),
  expiresAt: z.iso.datetime().describe('When the token of the message service ends.'),
});

/** What a participant needs to write and be seen in a lesson. */
@Injectable()
export class ChatTokens {
  constructor(
    @Inject(LessonsQueries) private readonly lessons: LessonsQueries,
    @Inject(Tickets) private readonly tickets: Tickets,
    @Inject(AgoraTokens) private readonly tokens: AgoraTokens,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicHttp'>,
  ) {}

  /** Throws the refusal for whoever takes no part, and when the lesson has no room or is over. */
  async issue(lessonId: string, { actor }: Caller): Promise<z.output<typeof chatToken>> {
    const lesson = await this.lessons.lesson(lessonId, actor);
    const room = await this.lessons.room(lessonId);
    if (room === undefined) throw new VideoRoomNotFound();
    const side = actor.userId === room.studentId ? 'student' : actor.userId === room.tutorId ? 'tutor' : undefined;
    if (side === undefined) throw new NotAParticipant();
    const now = this.clock.now();
    const end = plus(lesson.endsAt, JOIN_MARGIN);
    if (now >= end) throw new VideoRoomIsClosed();
    const longest = plus(now, TOKEN_VALID_AT_MOST);
    const expiresAt = end < longest ? end : longest;
    const rtmUserId = actor.userId!;
    const { ticket: wsTicket } = await this.tickets.issue(actor);
    return {
      wsTicket,
      wsUrl: `${this.config.publicHttp.url.replace(/^http/, 'ws')}/ws`,
      rtmToken: this.tokens.rtmToken(rtmUserId, Math.max(1, millisecondsBetween(now, expiresAt) / 1000)),
      rtmUserId,
      uid: room[side].uid,
      expiresAt,
    };
  }
}
