import { z } from 'zod';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { confirmLessonFile, lessonChat } from '#domain/lessons/lesson-chat.ts';
import { command } from '#domain/kernel/command.ts';
import type { FileStore } from '#infra/adapters/s3/file-store.ts';
import { handleEffect, type EffectHandler } from '#infra/process-managers/effect.ts';

export const checkLessonFile = defineEffect('CheckLessonFile', {
  sentence: 'Look in storage for a file that was announced, and say what is there.',
  data: z.object({ lessonId: uuid, fileId: uuid }),
  undo: { irreversible: 'It only looks; what it records is what storage holds.' },
});
export const deleteLessonFile = defineEffect('DeleteLessonFile', {
  sentence: 'Delete a file that was turned down.',
  data: z.object({ key: z.string() }),
  undo: { irreversible: 'The file was never shared; whoever uploaded it still has it.' },
});

export const lessonFileEffects = [checkLessonFile, deleteLessonFile] as const;

/** The handlers of both, over the storage that holds lesson files. */
export function lessonFileHandlers(files: FileStore): readonly EffectHandler[] {
  return [
    handleEffect(checkLessonFile, async ({ lessonId, fileId }, { commands, load }) => {
      const { state } = await load(lessonChat, lessonId);
      const file = state.files[fileId];
      if (file === undefined || file.status !== 'Requested') return;
      const stored = await files.head(file.key);
      const found = stored === undefined ? null : { contentType: stored.contentType, bytes: stored.size };
      await commands.send(command(confirmLessonFile, { lessonId, fileId, found }));
    }),
    handleEffect(deleteLessonFile, ({ key }) => files.delete(key)),
  ];
}
