import type { Events } from '#domain/deciders.ts';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface LessonMessageRow {
  readonly messageId: string;
  readonly lessonId: string;
  readonly senderId: string;
  readonly text: string;
  readonly sentAt: string;
  /** The order of messages in their lesson; it has gaps. */
  readonly number: number;
}

export const lessonMessages: ReadModel<LessonMessageRow, Events> = {
  name: 'lesson-messages',
  context: 'lessons',
  version: 1,
  sentence: 'Messages of lessons, in the order of their stream.',
  columns: { messageId: 'uuid', lessonId: 'uuid', senderId: 'uuid', text: 'text', sentAt: 'instant', number: 'integer' },
  indexes: [['lessonId', 'number']],
  on: {
    RealtimeMessageSent: ({ at, revision, data: { messageId, lessonId, senderId, text } }) =>
      put(messageId, { messageId, lessonId, senderId, text, sentAt: at, number: revision }),
  },
};
