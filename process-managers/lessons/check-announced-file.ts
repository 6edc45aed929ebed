import type { Events } from '#domain/deciders.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { checkLessonFile, deleteLessonFile } from '../effects/lesson-file-effects.ts';

export const checkAnnouncedFile: ProcessManager<Events> = {
  name: 'check-announced-file',
  context: 'lessons',
  sentence: 'A file that was announced is looked for in storage when its time is over; one that is turned down is deleted.',
  on: {
    LessonFileUploadRequested: ({ data: { lessonId, fileId, until } }) => at(until, effect(checkLessonFile, { lessonId, fileId })),
    LessonFileRejected: ({ data: { key } }) => now(effect(deleteLessonFile, { key })),
  },
};
