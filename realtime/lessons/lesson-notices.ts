import type { Events } from '#domain/deciders.ts';
import type { Notice, Notices } from '#domain/kernel/consumer.ts';

interface Two {
  readonly studentId: string;
  readonly tutorId: string;
}
const both = ({ studentId, tutorId }: Two): readonly string[] => [studentId, tutorId];

export const lessonNotices: Notices<Events> = {
  name: 'lesson-notices',
  context: 'lessons',
  on: {
    LessonConfirmed: ({ data }) => {
      const { bookingId, startsAt, endsAt } = data;
      const to = both(data);
      const told: readonly Notice[] = [
        { type: 'lesson:booking-confirmed', to, data: { lessonId: bookingId, startsAt, endsAt } },
        { type: 'notification:new', to, data: { about: 'lesson_confirmed', lessonId: bookingId } },
      ];
      return told;
    },
    LessonReminderDue: ({ data }) => ({
      type: 'notification:new',
      to: both(data),
      data: { about: 'lesson_reminder', lessonId: data.bookingId, startsAt: data.startsAt },
    }),
    BookingFailed: ({ data: { bookingId, studentId, reason } }) => ({
      type: 'notification:new',
      to: [studentId],
      data: { about: 'booking_failed', lessonId: bookingId, reason },
    }),
    ParticipantJoined: ({ data }) => ({
      type: 'lesson:participant-joined',
      to: both(data),
      data: { lessonId: data.lessonId, userId: data.userId, side: data.side, via: data.via },
    }),
    LessonStarted: ({ data }) => ({
      type: 'lesson:started',
      to: both(data),
      data: { lessonId: data.bookingId, startedAt: data.startedAt, endsAt: data.endsAt },
    }),
    RealtimeMessageSent: ({ at, data }) => {
      const { lessonId, messageId, clientMessageId, senderId, text } = data;
      return { type: 'lesson:message-sent', to: both(data), data: { lessonId, messageId, clientMessageId, senderId, text, sentAt: at } };
    },
    LessonFileShared: ({ data }) => {
      const { lessonId, fileId, uploadedBy, name, contentType, bytes } = data;
      return { type: 'lesson:file-shared', to: both(data), data: { lessonId, fileId, uploadedBy, name, contentType, bytes } };
    },
    LessonCompleted: ({ data }) => {
      const { bookingId, endedAt, endedBy, actualSeconds } = data;
      return { type: 'lesson:ended', to: both(data), data: { lessonId: bookingId, endedAt, endedBy, actualSeconds } };
    },
  },
};
