import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { bookLesson, endLesson } from '#domain/lessons/lesson-booking.messages.ts';
import { postLessonMessage } from '#domain/lessons/lesson-chat.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';
import { joinAnswer, Joining } from './joining.ts';
import { announcedFile, SharingFiles, uploadAnswer } from './sharing-files.ts';

const fileOfLesson = byId.extend({ fileId: uuid });
const wanted = bookLesson.data.omit({ bookingId: true, studentId: true, startsAt: true }).extend({
  startsAt: z.iso
    .datetime({ offset: true })
    .transform((moment) => new Date(moment).toISOString())
    .describe('One of the bookable starts of the tutor.'),
});
const consent = z.object({
  recordingConsent: z.boolean().default(false).describe('Whether you agree that the lesson is recorded; it is only if everybody does.'),
});
const message = postLessonMessage.data.omit({ lessonId: true });

@Controller('lessons')
export class LessonsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Joining) private readonly joining: Joining,
    @Inject(SharingFiles) private readonly files: SharingFiles,
  ) {}

  @Post('book')
  @Endpoint({
    summary: 'Ask for a lesson at the price of the tutor. The time is then held, and the payment can be made.',
    actors: ['student'],
    body: wanted,
    response: commandAnswer,
    status: 202,
  })
  book(@Body() body: z.output<typeof wanted>, @Caller() caller: Caller): Promise<CommandResult> {
    const booking = { bookingId: caller.newId('booking'), studentId: caller.actor.userId!, ...body };
    return this.commands.send(command(bookLesson, booking), caller.commandContext());
  }

  @Post(':id/join')
  @Endpoint({
    summary: 'Enter the video room: a token for now, until a quarter of an hour after the end.',
    actors: ['student', 'tutor'],
    params: byId,
    body: consent,
    response: joinAnswer,
    status: 200,
    secretAnswer: true,
  })
  join(
    @Params() { id }: ById,
    @Body() { recordingConsent }: z.output<typeof consent>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof joinAnswer>> {
    return this.joining.join(id, recordingConsent, caller);
  }

  @Post(':id/end')
  @Endpoint({
    summary: 'End the lesson: the tutor at any time, the student after half of it.',
    actors: ['student', 'tutor'],
    params: byId,
    response: commandAnswer,
    status: 200,
  })
  end(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(endLesson, { bookingId: id, because: 'asked' }), caller.commandContext());
  }

  @Post(':id/messages')
  @Endpoint({
    summary: 'Write in the chat of a lesson, for clients without a socket.',
    actors: ['student', 'tutor'],
    params: byId,
    body: message,
    response: commandAnswer,
    rate: 'strict',
  })
  post(@Params() { id }: ById, @Body() body: z.output<typeof message>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(postLessonMessage, { lessonId: id, ...body }), caller.commandContext());
  }

  @Post(':id/files/upload')
  @Endpoint({
    summary: 'Announce a file and get the form to upload it with.',
    actors: ['student', 'tutor'],
    params: byId,
    body: announcedFile,
    response: uploadAnswer,
    secretAnswer: true,
  })
  upload(
    @Params() { id }: ById,
    @Body() body: z.output<typeof announcedFile>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof uploadAnswer>> {
    return this.files.announce(id, body, caller);
  }

  @Post(':id/files/:fileId/complete')
  @Endpoint({
    summary: 'Say that the upload is done: the file is shared when it is what was announced.',
    actors: ['student', 'tutor'],
    params: fileOfLesson,
    response: commandAnswer,
    status: 200,
  })
  complete(@Params() { id, fileId }: z.output<typeof fileOfLesson>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.files.complete(id, fileId, caller);
  }
}
