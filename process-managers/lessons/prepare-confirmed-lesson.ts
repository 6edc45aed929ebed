import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { plus } from '#domain/kernel/time.ts';
import { AUTO_END_AFTER, endLesson } from '#domain/lessons/lesson-booking.messages.ts';
import { closeLessonChat, openLessonChat } from '#domain/lessons/lesson-chat.ts';
import { provisionVideoRoom } from '#domain/lessons/video-session.ts';

/** Auto Video Room Creation Policy. */
export const prepareConfirmedLesson: ProcessManager<Events> = {
  name: 'prepare-confirmed-lesson',
  context: 'lessons',
  sentence: 'A confirmed lesson gets its room and its chat; once begun it ends by itself in the end, and its chat closes a day later.',
  on: {
    LessonConfirmed: ({ data: { bookingId, studentId, tutorId, startsAt, endsAt } }) => {
      const lesson = { lessonId: bookingId, studentId, tutorId, startsAt, endsAt };
      return [now(command(provisionVideoRoom, lesson), { settledBy: ['lesson_not_live'] }), now(command(openLessonChat, lesson))];
    },
    // Not from its confirmation: a lesson may be found to have begun when that time is over.
    LessonStarted: ({ data: { bookingId, endsAt } }) =>
      at(plus(endsAt, AUTO_END_AFTER), command(endLesson, { bookingId, because: 'overtime' }), { settledBy: ['lesson_not_in_progress'] }),
    LessonChatOpened: ({ data: { lessonId, closesAt } }) => at(closesAt, command(closeLessonChat, { lessonId })),
  },
};
