import { describe, expect, it } from '@jest/globals';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now } from '#domain/kernel/consumer.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, reactionsTo, recorded } from '#domain/kernel/given-when-then.ts';
import { MINUTE, plus } from '#domain/kernel/time.ts';
import {
  completed,
  confirmed,
  failedFor,
  initiated,
  interrupted,
  miaBooksOkafor,
  started,
  wednesdayAtFour,
} from '#domain/lessons/lesson-booking.examples.ts';
import * as booking from '#domain/lessons/lesson-booking.messages.ts';
import { chatOpened, fileRejected, uploadRequested, worksheet } from '#domain/lessons/lesson-chat.examples.ts';
import { closeLessonChat, openLessonChat } from '#domain/lessons/lesson-chat.ts';
import { held } from '#domain/lessons/tutor-calendar.examples.ts';
import { confirmSlot, holdSlot, releaseSlot } from '#domain/lessons/tutor-calendar.ts';
import { goesOut, parties, together } from '#domain/lessons/video-session.examples.ts';
import * as video from '#domain/lessons/video-session.ts';
import { paymentIdOf } from '#domain/payments/payment-commands.ts';
import { paymentProcessed } from '#domain/payments/payment-events.ts';
import { deleteRecording, startRecording, stopRecording } from '../effects/agora-effects.ts';
import { checkLessonFile, deleteLessonFile } from '../effects/lesson-file-effects.ts';
import { mailAbout } from '../effects/send-mail.ts';
import { bookingToSlot } from './booking-to-slot.ts';
import { checkAnnouncedFile } from './check-announced-file.ts';
import { paymentToConfirmation } from './payment-to-confirmation.ts';
import { prepareConfirmedLesson } from './prepare-confirmed-lesson.ts';
import { presenceToLesson } from './presence-to-lesson.ts';
import { tellOfLessons } from './tell-of-lessons.ts';

const { bookingId, studentId, tutorId } = miaBooksOkafor;
const { lessonId } = parties;
const { startsAt, endsAt } = wednesdayAtFour;
const happens = (one: DomainEvent, when = startsAt, aggregateType = 'LessonBooking') =>
  recorded(one, { aggregateType, aggregateId: bookingId, at: when });
const fail = (reason: 'slot_taken' | 'payment_mismatch' | 'hold_expired') => command(booking.failBooking, { bookingId, reason });

describe('Booking to slot', () => {
  it('holds the time, or fails the booking', () =>
    expect(reactionsTo(bookingToSlot, happens(initiated))).toEqual([
      now(command(holdSlot, { tutorId, bookingId, studentId, startsAt, endsAt }), {
        settledBy: ['booking_ended'],
        otherwise: { slot_taken: fail('slot_taken'), outside_availability: fail('slot_taken'), availability_not_set: fail('slot_taken') },
      }),
    ]));
  it('tells the booking of the held time, or gives it back', () =>
    expect(reactionsTo(bookingToSlot, happens(held, startsAt, 'TutorCalendar'))).toEqual([
      now(command(booking.recordSlot, { bookingId }), {
        otherwise: { booking_ended: command(releaseSlot, { tutorId, bookingId }), slot_not_held: fail('slot_taken') },
      }),
    ]));
  it('gives the time of a failed booking back', () =>
    expect(reactionsTo(bookingToSlot, happens(failedFor('payment_failed')))).toEqual([now(command(releaseSlot, { tutorId, bookingId }))]));
  it('keeps all that belongs to a booking in order', () =>
    expect(bookingToSlot.instance?.(recorded(held, { aggregateType: 'TutorCalendar', aggregateId: tutorId }))).toBe(bookingId));
});

describe('Payment to confirmation', () => {
  const paid = event(paymentProcessed, {
    paymentId: paymentIdOf(bookingId),
    ...miaBooksOkafor,
    payerId: studentId,
    intentId: 'pi_1',
    chargeId: 'ch_1',
    gross: 4000,
    currency: 'eur',
  });
  it('takes the slot first, then confirms, or fails the booking', () =>
    expect(reactionsTo(paymentToConfirmation, happens(paid, startsAt, 'PaymentTransaction'))).toEqual([
      now(command(confirmSlot, { tutorId, bookingId }), {
        settledBy: ['booking_ended'],
        otherwise: { slot_lost: fail('slot_taken'), lesson_time_over: fail('hold_expired') },
      }),
      now(command(booking.confirmLesson, { bookingId }), {
        settledBy: ['booking_ended'],
        otherwise: {
          booking_not_paid: fail('payment_mismatch'),
          payment_mismatch: fail('payment_mismatch'),
          lesson_time_over: fail('hold_expired'),
        },
      }),
    ]));
});

describe('Preparing a confirmed lesson', () => {
  const lesson = { lessonId, studentId, tutorId, startsAt, endsAt };
  it('gives it a room and a chat', () =>
    expect(reactionsTo(prepareConfirmedLesson, happens(confirmed))).toEqual([
      now(command(video.provisionVideoRoom, lesson), { settledBy: ['lesson_not_live'] }),
      now(command(openLessonChat, lesson)),
    ]));
  it('gives it an end once it began, also when that is heard of late', () =>
    expect(reactionsTo(prepareConfirmedLesson, happens(started, plus(endsAt, 60 * MINUTE)))).toEqual([
      at(plus(endsAt, 15 * MINUTE), command(booking.endLesson, { bookingId, because: 'overtime' }), {
        settledBy: ['lesson_not_in_progress'],
      }),
    ]));
  it('closes the chat a day later', () =>
    expect(reactionsTo(prepareConfirmedLesson, happens(chatOpened, startsAt, 'LessonChat'))).toEqual([
      at(chatOpened.data.closesAt, command(closeLessonChat, { lessonId })),
    ]));
});

describe('Presence to lesson', () => {
  const start = command(booking.startLesson, { bookingId });
  const settledBy = ['booking_ended', 'lesson_time_over', 'booking_not_found'];
  const notThere = { settledBy: ['recording_not_there'] };

  it('starts the lesson when both are there, unrecorded without consent', () =>
    expect(reactionsTo(presenceToLesson, happens(together(), startsAt))).toEqual([
      now(start, { settledBy }),
      now(command(video.skipRecording, { lessonId }), notThere),
    ]));
  it('records when both agreed', () =>
    expect(reactionsTo(presenceToLesson, happens(together(true), startsAt))[1]).toEqual(
      now(effect(startRecording, { lessonId }), notThere),
    ));
  it('waits until ten minutes before the booked start', () =>
    expect(reactionsTo(presenceToLesson, happens(together(), plus(startsAt, -12 * MINUTE)))[0]).toEqual(
      at(plus(startsAt, -10 * MINUTE), start, { settledBy }),
    ));
  it('proposes the end ten minutes after somebody left', () =>
    expect(reactionsTo(presenceToLesson, happens(goesOut('student', endsAt)))).toEqual([
      at(plus(endsAt, 10 * MINUTE), command(booking.endLesson, { bookingId, because: 'everybody_left' }), {
        settledBy: ['too_early_to_end', 'lesson_not_in_progress', 'booking_not_found'],
      }),
    ]));
  it.each([completed, interrupted])('stops the recorder and closes the room after $type', (over) =>
    expect(reactionsTo(presenceToLesson, happens(over))).toEqual([
      now(effect(stopRecording, { lessonId })),
      now(command(video.closeVideoRoom, { lessonId }), { settledBy: ['video_room_not_found'] }),
    ]),
  );
  it('deletes a recording when its time is over', () => {
    const deleteAt = '2026-12-25T17:00:00.000Z';
    const uploaded = event(video.recordingUploaded, { lessonId, key: 'recordings/a.mp4', deleteAt });
    expect(reactionsTo(presenceToLesson, happens(uploaded))).toEqual([at(deleteAt, effect(deleteRecording, { lessonId }))]);
  });
});

describe('Checking announced files', () => {
  const { fileId, key } = worksheet;
  it('looks for the file when its time is over', () =>
    expect(reactionsTo(checkAnnouncedFile, happens(uploadRequested))).toEqual([
      at(uploadRequested.data.until, effect(checkLessonFile, { lessonId, fileId })),
    ]));
  it('deletes what was turned down', () =>
    expect(reactionsTo(checkAnnouncedFile, happens(fileRejected('wrong_type')))).toEqual([now(effect(deleteLessonFile, { key }))]));
});

describe('Telling of lessons', () => {
  const remind = (minutesBefore: number) =>
    at(plus(startsAt, -minutesBefore * MINUTE), command(booking.remindOfLesson, { bookingId, minutesBefore }), {
      settledBy: ['booking_ended', 'lesson_time_over'],
    });

  it('writes to both when a lesson is certain, and reminds them three times', () => {
    const sure = happens(confirmed, MONDAY_NOON);
    const mail = (userId: string, otherUserId: string) =>
      now(mailAbout(sure, 'lesson-confirmed', { userId }, { startsAt, minutes: '60', otherUserId }));
    expect(reactionsTo(tellOfLessons, sure)).toEqual([
      mail(studentId, tutorId),
      mail(tutorId, studentId),
      remind(1440),
      remind(60),
      remind(15),
    ]);
  });
  it('leaves out reminders whose time had passed when the lesson became certain', () =>
    expect(reactionsTo(tellOfLessons, happens(confirmed, plus(startsAt, -2 * 60 * MINUTE))).slice(2)).toEqual([remind(60), remind(15)]));
  it('writes to both when a reminder is due', () => {
    const due = happens(event(booking.lessonReminderDue, { ...miaBooksOkafor, startsAt, endsAt, minutesBefore: 60 }));
    const mail = (userId: string, otherUserId: string) => now(mailAbout(due, 'lesson-reminder', { userId }, { startsAt, otherUserId }));
    expect(reactionsTo(tellOfLessons, due)).toEqual([mail(studentId, tutorId), mail(tutorId, studentId)]);
  });
  it('writes to the student when a booking came to nothing', () => {
    const failed = happens(failedFor('slot_taken'));
    expect(reactionsTo(tellOfLessons, failed)).toEqual([
      now(mailAbout(failed, 'booking-failed', { userId: studentId }, { reason: 'slot_taken', otherUserId: tutorId })),
    ]);
  });
});
