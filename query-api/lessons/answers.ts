import { z } from 'zod';

const instant = z.iso.datetime();
const seconds = z.number().int();

const lessonStatus = z.enum(['Initiated', 'Reserved', 'Confirmed', 'InProgress', 'Completed', 'Disputed', 'Settled', 'Failed']);
export const lesson = z.object({
  bookingId: z.string(),
  studentId: z.string(),
  tutorId: z.string(),
  subject: z.string(),
  startsAt: instant,
  endsAt: instant,
  minutes: z.number().int(),
  tutorTimeZone: z.string(),
  amountMinor: z.number().int(),
  currency: z.string(),
  status: lessonStatus,
  failedBecause: z.string().nullable(),
  bookedAt: instant,
  heldUntil: instant.nullable(),
  confirmedAt: instant.nullable(),
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  actualSeconds: seconds.nullable(),
  endedBy: z.string().nullable(),
  shortfallSeconds: seconds.nullable(),
});
export const lessonState = lesson
  .pick({
    bookingId: true,
    status: true,
    failedBecause: true,
    heldUntil: true,
    startsAt: true,
    endsAt: true,
    startedAt: true,
    endedAt: true,
  })
  .extend({
    room: z
      .object({
        status: z.enum(['Provisioned', 'Live', 'Closed']),
        studentPresent: z.boolean(),
        tutorPresent: z.boolean(),
        recording: z.string().nullable(),
      })
      .nullable(),
  });
export const message = z.object({
  messageId: z.string(),
  senderId: z.string(),
  text: z.string(),
  sentAt: instant,
  number: z.number().int(),
});
export const file = z.object({
  fileId: z.string(),
  uploadedBy: z.string(),
  name: z.string(),
  contentType: z.string(),
  bytes: z.number().int(),
  sharedAt: instant.nullable(),
  downloadUrl: z.string().describe('For five minutes.'),
});
export const attendance = z.object({
  userId: z.string(),
  side: z.enum(['student', 'tutor']),
  present: z.boolean(),
  firstJoinedAt: instant.nullable(),
  lastLeftAt: instant.nullable(),
  seconds: seconds.describe('In the room so far, without the stretch under way.'),
});
