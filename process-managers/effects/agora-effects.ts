import { z } from 'zod';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';

/** What the lessons' policies ask of Agora's recorder. */

export const startRecording = defineEffect('StartRecording', {
  sentence: 'Send the recorder into the room of a lesson that both sides agreed to have recorded.',
  data: z.object({ lessonId: uuid }),
  undo: { by: 'StopRecording' },
});
export const stopRecording = defineEffect('StopRecording', {
  sentence: 'Call the recorder out of the room; its files then go to storage.',
  data: z.object({ lessonId: uuid }),
  undo: { irreversible: 'The lesson is over: there is nothing left to record.' },
});
export const deleteRecording = defineEffect('DeleteRecording', {
  sentence: 'Delete the files of a recording whose time is over.',
  data: z.object({ lessonId: uuid }),
  undo: { irreversible: 'Deleting is the promise made to those who were recorded.' },
});

export const agoraEffects = [startRecording, stopRecording, deleteRecording] as const;
