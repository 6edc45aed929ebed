import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface LessonFileRow {
  readonly fileId: string;
  readonly lessonId: string;
  readonly uploadedBy: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly storageKey: string;
  readonly status: 'Requested' | 'Shared' | 'Rejected';
  readonly sharedAt: string | null;
}

/** Ids of files are minted by clients, so one counts only within its lesson. */
const keyOf = ({ lessonId, fileId }: { lessonId: string; fileId: string }): string => `${lessonId}/${fileId}`;

export const lessonFiles: ReadModel<LessonFileRow, Events> = {
  name: 'lesson-files',
  context: 'lessons',
  version: 1,
  sentence: 'Files of lessons and where they are kept.',
  columns: {
    fileId: 'uuid',
    lessonId: 'uuid',
    uploadedBy: 'uuid',
    name: 'text',
    contentType: 'text',
    bytes: 'bigint',
    storageKey: 'text',
    status: 'text',
    sharedAt: 'instant?',
  },
  indexes: [['lessonId']],
  on: {
    LessonFileUploadRequested: ({ data: { key, until: _until, ...file } }) =>
      put(keyOf(file), { ...file, storageKey: key, status: 'Requested', sharedAt: null }),
    LessonFileShared: ({ at, data }) => change(keyOf(data), (row: LessonFileRow) => ({ ...row, status: 'Shared', sharedAt: at })),
    LessonFileRejected: ({ data }) => change(keyOf(data), (row: LessonFileRow) => ({ ...row, status: 'Rejected' })),
  },
};
