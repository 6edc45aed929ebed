import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { confirmLessonFile, lessonFileKey, requestLessonFileUpload, UPLOAD_WITHIN } from '#domain/lessons/lesson-chat.ts';
import { FileStore } from '#infra/adapters/s3/file-store.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { commandAnswer, type Caller } from '#infra/http/endpoint.ts';

export const announcedFile = requestLessonFileUpload.data.pick({ name: true, contentType: true, bytes: true });
export const uploadAnswer = commandAnswer.extend({
  fileId: uuid,
  upload: z.object({
    url: z.string().describe('Post the fields here as a form, and the file last, as `file`.'),
    fields: z.record(z.string(), z.string()),
  }),
  withinSeconds: z.number().int(),
});

/** Uploads go straight to storage; what storage then holds is looked at before anybody sees the file. */
@Injectable()
export class SharingFiles {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(FileStore) private readonly files: FileStore,
  ) {}

  async announce(lessonId: string, file: z.output<typeof announcedFile>, caller: Caller): Promise<z.output<typeof uploadAnswer>> {
    const fileId = caller.newId('lesson file');
    const announced = await this.commands.send(command(requestLessonFileUpload, { lessonId, fileId, ...file }), caller.commandContext());
    const withinSeconds = UPLOAD_WITHIN / 1000;
    const { contentType, bytes } = file;
    const key = lessonFileKey(lessonId, fileId);
    const upload = await this.files.uploadForm({ key, contentType, maxBytes: bytes, seconds: withinSeconds });
    return { ...announced, fileId, upload, withinSeconds };
  }

  async complete(lessonId: string, fileId: string, caller: Caller): Promise<CommandResult> {
    const stored = await this.files.head(lessonFileKey(lessonId, fileId));
    const found = stored === undefined ? null : { contentType: stored.contentType, bytes: stored.size };
    return this.commands.send(command(confirmLessonFile, { lessonId, fileId, found }), caller.commandContext());
  }
}
