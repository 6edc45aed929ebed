import { describe, expect, it } from '@jest/globals';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, noticesOf, recorded } from '#domain/kernel/given-when-then.ts';
import { completed, confirmed, failedFor, miaBooksOkafor, started, wednesdayAtFour } from '#domain/lessons/lesson-booking.examples.ts';
import { lessonReminderDue } from '#domain/lessons/lesson-booking.messages.ts';
import { fileShared, miaWrites, worksheet } from '#domain/lessons/lesson-chat.examples.ts';
import { comesIn } from '#domain/lessons/video-session.examples.ts';
import { lessonNotices } from './lesson-notices.ts';

const { bookingId: lessonId, studentId, tutorId } = miaBooksOkafor;
const { startsAt, endsAt } = wednesdayAtFour;
const to = [studentId, tutorId];
const after = (one: DomainEvent) => noticesOf(lessonNotices, recorded(one, { aggregateType: 'LessonBooking', aggregateId: lessonId }));

describe('Frames about lessons', () => {
  it('tell both of a confirmed lesson', () =>
    expect(after(confirmed)).toEqual([
      { type: 'lesson:booking-confirmed', to, data: { lessonId, startsAt, endsAt } },
      { type: 'notification:new', to, data: { about: 'lesson_confirmed', lessonId } },
    ]));
  it('remind both of a lesson', () =>
    expect(after(event(lessonReminderDue, { ...miaBooksOkafor, startsAt, endsAt, minutesBefore: 15 }))).toEqual([
      { type: 'notification:new', to, data: { about: 'lesson_reminder', lessonId, startsAt } },
    ]));
  it('tell the student of a booking that failed', () =>
    expect(after(failedFor('slot_taken'))).toEqual([
      { type: 'notification:new', to: [studentId], data: { about: 'booking_failed', lessonId, reason: 'slot_taken' } },
    ]));
  it('tell both who came in', () =>
    expect(after(comesIn('tutor'))).toEqual([
      { type: 'lesson:participant-joined', to, data: { lessonId, userId: tutorId, side: 'tutor', via: 'app' } },
    ]));
  it('tell both that it began', () =>
    expect(after(started)).toEqual([{ type: 'lesson:started', to, data: { lessonId, startedAt: startsAt, endsAt } }]));
  it('carry messages to both, so that every device of the sender has them too', () => {
    const { messageId, clientMessageId, senderId, text } = miaWrites.data;
    expect(after(miaWrites)).toEqual([
      { type: 'lesson:message-sent', to, data: { lessonId, messageId, clientMessageId, senderId, text, sentAt: MONDAY_NOON } },
    ]);
  });
  it('tell both of a file, without its place in storage', () => {
    const { fileId, uploadedBy, name, contentType, bytes } = worksheet;
    expect(after(fileShared)).toEqual([
      { type: 'lesson:file-shared', to, data: { lessonId, fileId, uploadedBy, name, contentType, bytes } },
    ]);
  });
  it('tell both that it is over', () =>
    expect(after(completed)).toEqual([
      { type: 'lesson:ended', to, data: { lessonId, endedAt: endsAt, endedBy: 'tutor', actualSeconds: 3600 } },
    ]));
});
