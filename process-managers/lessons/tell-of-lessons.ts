import type { Events } from '#domain/deciders.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { command } from '#domain/kernel/command.ts';
import { millisecondsBetween, MINUTE, plus } from '#domain/kernel/time.ts';
import { remindOfLesson } from '#domain/lessons/lesson-booking.messages.ts';
import { mailAbout } from '../effects/send-mail.ts';

/** When people are reminded: a day, an hour and a quarter of an hour before, in minutes. */
const REMINDERS = [1440, 60, 15];

export const tellOfLessons: ProcessManager<Events> = {
  name: 'tell-of-lessons',
  context: 'lessons',
  sentence: 'Student and tutor hear of a confirmed lesson and are reminded of it; the student hears of a booking that came to nothing.',
  on: {
    LessonConfirmed: (event) => {
      const { bookingId, studentId, tutorId, startsAt, endsAt } = event.data;
      const minutes = String(millisecondsBetween(startsAt, endsAt) / MINUTE);
      const mail = (userId: string, otherUserId: string) =>
        now(mailAbout(event, 'lesson-confirmed', { userId }, { startsAt, minutes, otherUserId }));
      const reminders = REMINDERS.map((minutesBefore) => ({ minutesBefore, due: plus(startsAt, -minutesBefore * MINUTE) }))
        .filter(({ due }) => due > event.at)
        .map(({ minutesBefore, due }) =>
          at(due, command(remindOfLesson, { bookingId, minutesBefore }), { settledBy: ['booking_ended', 'lesson_time_over'] }),
        );
      return [mail(studentId, tutorId), mail(tutorId, studentId), ...reminders];
    },
    LessonReminderDue: (event) => {
      const { studentId, tutorId, startsAt } = event.data;
      const mail = (userId: string, otherUserId: string) => now(mailAbout(event, 'lesson-reminder', { userId }, { startsAt, otherUserId }));
      return [mail(studentId, tutorId), mail(tutorId, studentId)];
    },
    BookingFailed: (event) => {
      const { studentId, tutorId, reason } = event.data;
      return now(mailAbout(event, 'booking-failed', { userId: studentId }, { reason, otherUserId: tutorId }));
    },
  },
};
