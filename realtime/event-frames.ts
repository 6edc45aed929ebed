import { z } from 'zod';
import { pair, uuid } from '#domain/kernel/ids.ts';
import type { FrameDefinition } from '#infra/http/asyncapi.ts';

const instant = z.iso.datetime();
const lesson = { lessonId: uuid };
const request = { connectionRequestId: uuid };

/** Frames that follow from events, each with the `data` that it carries. They carry an id, are kept for a day and come again to whoever resumes. */
export const eventFrames: readonly FrameDefinition[] = [
  {
    type: 'lesson:booking-confirmed',
    sentence: 'The lesson is paid and will take place.',
    schema: z.strictObject({ ...lesson, startsAt: instant, endsAt: instant }),
  },
  {
    type: 'lesson:participant-joined',
    sentence: 'A participant came into the room of the lesson.',
    schema: z.strictObject({ ...lesson, userId: uuid, side: z.enum(['student', 'tutor']), via: z.enum(['agora', 'app']) }),
  },
  {
    type: 'lesson:started',
    sentence: 'Both are there and the lesson runs.',
    schema: z.strictObject({ ...lesson, startedAt: instant, endsAt: instant }),
  },
  {
    type: 'lesson:message-sent',
    sentence: 'Somebody wrote in the chat of the lesson.',
    schema: z.strictObject({ ...lesson, messageId: uuid, clientMessageId: z.string(), senderId: uuid, text: z.string(), sentAt: instant }),
  },
  {
    type: 'lesson:file-shared',
    sentence: 'A file was shared in the lesson.',
    schema: z.strictObject({
      ...lesson,
      fileId: uuid,
      uploadedBy: uuid,
      name: z.string(),
      contentType: z.string(),
      bytes: z.number().int(),
    }),
  },
  {
    type: 'lesson:ended',
    sentence: 'The lesson is over.',
    schema: z.strictObject({
      ...lesson,
      endedAt: instant,
      endedBy: z.enum(['student', 'tutor', 'platform', 'admin']),
      actualSeconds: z.number().int(),
    }),
  },
  {
    type: 'connection:request-received',
    sentence: 'A student asks a tutor to connect.',
    schema: z.strictObject({ ...request, studentId: uuid, subject: z.string(), level: z.string(), expiresAt: instant }),
  },
  { type: 'connection:accepted', sentence: 'The tutor accepted the request.', schema: z.strictObject({ ...request, tutorId: uuid }) },
  {
    type: 'match:established',
    sentence: 'Student and tutor are connected.',
    schema: z.strictObject({ matchId: pair, studentId: uuid, tutorId: uuid }),
  },
  {
    type: 'notification:new',
    sentence: 'Something new in the inbox: `about` says what, the ids say where to look.',
    schema: z.object({ about: z.string() }).catchall(z.string()),
  },
];
