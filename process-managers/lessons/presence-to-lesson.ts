import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { plus } from '#domain/kernel/time.ts';
import { EVERYBODY_LEFT_FOR, endLesson, START_EARLY, startLesson } from '#domain/lessons/lesson-booking.messages.ts';
import { closeVideoRoom, skipRecording } from '#domain/lessons/video-session.ts';
import { deleteRecording, startRecording, stopRecording } from '../effects/agora-effects.ts';

/** The lesson has gone another way: it ended, or it never was. */
const NO_LESSON = ['booking_ended', 'lesson_time_over', 'booking_not_found'];

/** Auto-start When Both Join Policy, and the end when nobody is left. */
export const presenceToLesson: ProcessManager<Events> = {
  name: 'presence-to-lesson',
  context: 'lessons',
  sentence:
    'The lesson starts when both are there, is recorded if everybody agreed, and is over when both have left; then its room closes.',
  on: {
    BothParticipantsJoined: ({ at: joinedAt, data: { lessonId, startsAt, recordingAllowed } }) => {
      const start = command(startLesson, { bookingId: lessonId });
      const earliest = plus(startsAt, -START_EARLY);
      return [
        joinedAt < earliest ? at(earliest, start, { settledBy: NO_LESSON }) : now(start, { settledBy: NO_LESSON }),
        now(recordingAllowed ? effect(startRecording, { lessonId }) : command(skipRecording, { lessonId }), {
          settledBy: ['recording_not_there'],
        }),
      ];
    },
    ParticipantLeft: ({ data: { lessonId, at: leftAt } }) =>
      at(plus(leftAt, EVERYBODY_LEFT_FOR), command(endLesson, { bookingId: lessonId, because: 'everybody_left' }), {
        settledBy: ['too_early_to_end', 'lesson_not_in_progress', 'booking_not_found'],
      }),
    LessonCompleted: ({ data: { bookingId } }) => closing(bookingId),
    LessonInterrupted: ({ data: { bookingId } }) => closing(bookingId),
    RecordingUploaded: ({ data: { lessonId, deleteAt } }) => at(deleteAt, effect(deleteRecording, { lessonId })),
  },
};

const closing = (lessonId: string) => [
  now(effect(stopRecording, { lessonId })),
  now(command(closeVideoRoom, { lessonId }), { settledBy: ['video_room_not_found'] }),
];
