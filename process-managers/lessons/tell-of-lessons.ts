import type { Events } from '#domain/deciders.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { millisecondsBetween, MINUTE } from '#domain/kernel/time.ts';
import { mailAbout } from '../effects/send-mail.ts';

export const tellOfLessons: ProcessManager<Events> = {
  name: 'tell-of-lessons',
  context: 'lessons',
  sentence: 'Student and tutor hear of a confirmed lesson, and the student of a booking that came to nothing.',
  on: {
    LessonConfirmed: (event) => {
      const { studentId, tutorId, startsAt, endsAt } = event.data;
      const minutes = String(millisecondsBetween(startsAt, endsAt) / MINUTE);
      const mail = (userId: string, otherUserId: string) =>
        now(mailAbout(event, 'lesson-confirmed', { userId }, { startsAt, minutes, otherUserId }));
      return [mail(studentId, tutorId), mail(tutorId, studentId)];
    },
    BookingFailed: (event) => {
      const { studentId, tutorId, reason } = event.data;
      return now(mailAbout(event, 'booking-failed', { userId: studentId }, { reason, otherUserId: tutorId }));
    },
  },
};
