import { z } from 'zod';
import { taught } from '#domain/tutoring/tutor-profile.messages.ts';

const instant = z.iso.datetime();

export const requestStatus = z.enum(['Pending', 'Viewed', 'Accepted', 'Rejected', 'Expired', 'Withdrawn', 'Voided']);
export const request = z.object({
  connectionRequestId: z.string(),
  studentId: z.string(),
  tutorId: z.string(),
  subject: z.string(),
  level: z.string(),
  message: z.string().nullable(),
  status: requestStatus,
  sentAt: instant,
  expiresAt: instant,
  viewedAt: instant.nullable(),
  closedAt: instant.nullable(),
});
export const match = z.object({
  matchId: z.string(),
  studentId: z.string(),
  tutorId: z.string(),
  status: z.enum(['Active', 'Ended', 'Blocked']),
  since: instant,
  endedAt: instant.nullable(),
  channelId: z.string().nullable(),
  channelStatus: z.enum(['Open', 'Frozen', 'Archived']).nullable(),
});
export const message = z.object({
  messageId: z.string(),
  senderId: z.string(),
  text: z.string().nullable().describe('Null when it was taken out of sight.'),
  sentAt: instant,
  number: z.number().int(),
});
export const foundTutor = z.object({
  tutorId: z.string(),
  displayName: z.string().nullable(),
  headline: z.string().nullable(),
  subjects: z.array(taught),
  hourlyRateMinor: z.number().int(),
  currency: z.string(),
  timeZone: z.string(),
  languages: z.array(z.string()),
  lessonsGiven: z.number().int(),
  score: z.number().int(),
  reasons: z
    .array(z.object({ feature: z.string(), points: z.number().int(), weight: z.number().int(), because: z.string() }))
    .optional()
    .describe('What made the score; for administrators who ask.'),
});
