import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { FileStore } from '#infra/adapters/s3/file-store.ts';
import { byId, type ById, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { CLOCK } from '#infra/http/injection.ts';
import type { Clock } from '#infra/time/clock.ts';
import { lessonFiles } from '#projections/lessons/lesson-files.ts';
import { lessonMessages } from '#projections/lessons/lesson-messages.ts';
import { lessonRooms } from '#projections/lessons/lesson-rooms.ts';
import { lessons } from '#projections/lessons/lessons.ts';
import { file, lesson, lessonState, message } from './answers.ts';
import { chatToken, ChatTokens } from './chat-tokens.ts';
import { LessonsQueries } from './lessons.queries.ts';

const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
const upcomingWanted = z.object({ limit: limit(100, 50) });
const upcoming = z.object({ lessons: z.array(lesson) });
const messagesWanted = z.object({
  after: z.coerce.number().int().min(-1).default(-1).describe('The `number` of the last message seen.'),
  limit: limit(500, 200),
});
const messages = z.object({ messages: z.array(message) });
const files = z.object({ files: z.array(file) });
const participants = ['student', 'tutor'] as const;
const concerned = [...participants, 'parent', 'admin'] as const;
const DOWNLOAD_SECONDS = 300;

@Controller('lessons')
export class LessonsQueriesController {
  constructor(
    @Inject(LessonsQueries) private readonly lessons: LessonsQueries,
    @Inject(ChatTokens) private readonly chatTokens: ChatTokens,
    @Inject(FileStore) private readonly storage: FileStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  // Before `:id`, which would take the word for an id.
  @Get('upcoming')
  @Endpoint({
    summary: 'Your lessons to come, and those under way; the next first.',
    actors: participants,
    query: upcomingWanted,
    response: upcoming,
    reads: [lessons.name],
  })
  async upcoming(@Query() { limit }: z.output<typeof upcomingWanted>, @Caller() caller: Caller): Promise<z.output<typeof upcoming>> {
    return { lessons: await this.lessons.upcoming(caller.actor.userId!, this.clock.now(), limit) };
  }

  @Get(':id')
  @Endpoint({ summary: 'A lesson.', actors: concerned, params: byId, response: lesson, reads: [lessons.name] })
  show(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof lesson>> {
    return this.lessons.lesson(id, caller.actor);
  }

  @Get(':id/status')
  @Endpoint({
    summary: 'How a lesson stands, and who is in its room.',
    actors: concerned,
    params: byId,
    response: lessonState,
    reads: [lessons.name, lessonRooms.name],
  })
  async status(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof lessonState>> {
    const found = await this.lessons.lesson(id, caller.actor);
    const room = await this.lessons.room(id);
    if (room === undefined) return { ...found, room: null };
    const { status, student, tutor, recording } = room;
    return { ...found, room: { status, studentPresent: student.since !== null, tutorPresent: tutor.since !== null, recording } };
  }

  @Get(':id/messages')
  @Endpoint({
    summary: 'What was written in a lesson, in order.',
    actors: concerned,
    params: byId,
    query: messagesWanted,
    response: messages,
    reads: [lessons.name, lessonMessages.name],
  })
  async messages(
    @Params() { id }: ById,
    @Query() { after, limit }: z.output<typeof messagesWanted>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof messages>> {
    await this.lessons.lesson(id, caller.actor);
    return { messages: await this.lessons.messages(id, after, limit) };
  }

  @Get(':id/files')
  @Endpoint({
    summary: 'The files shared in a lesson, with links to download them.',
    actors: concerned,
    params: byId,
    response: files,
    reads: [lessons.name, lessonFiles.name],
    secretAnswer: true,
  })
  async files(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof files>> {
    await this.lessons.lesson(id, caller.actor);
    const shared = await this.lessons.files(id);
    const linked = shared.map(async ({ storageKey, ...file }) => ({
      ...file,
      downloadUrl: await this.storage.downloadUrl(storageKey, DOWNLOAD_SECONDS, file.name),
    }));
    return { files: await Promise.all(linked) };
  }

  @Get(':id/chat-token')
  @Endpoint({
    summary: 'What it takes to write in a lesson: a ticket for the socket, and a token of the message service behind it.',
    actors: participants,
    params: byId,
    response: chatToken,
    reads: [lessons.name, lessonRooms.name],
    secretAnswer: true,
  })
  chatToken(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof chatToken>> {
    return this.chatTokens.issue(id, caller);
  }
}
