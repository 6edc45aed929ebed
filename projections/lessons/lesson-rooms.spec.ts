import { describe, expect, it } from '@jest/globals';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { MINUTE, plus } from '#domain/kernel/time.ts';
import { miaBooksOkafor, wednesdayAtFour } from '#domain/lessons/lesson-booking.examples.ts';
import { fileRejected, fileShared, miaWrites, uploadRequested, worksheet } from '#domain/lessons/lesson-chat.examples.ts';
import { comesIn, goesOut, parties, roomClosed, roomCreated, together, uids } from '#domain/lessons/video-session.examples.ts';
import { recordingStarted } from '#domain/lessons/video-session.ts';
import { lessonFiles } from './lesson-files.ts';
import { lessonMessages } from './lesson-messages.ts';
import { lessonRooms } from './lesson-rooms.ts';

const { lessonId } = parties;
const { startsAt } = wednesdayAtFour;
const minute = (n: number) => plus(startsAt, n * MINUTE);
const happened = (aggregateType: string, ...events: readonly DomainEvent[]) =>
  events.map((one, nth) => recorded(one, { aggregateType, aggregateId: lessonId, nth, at: plus(MONDAY_NOON, nth * MINUTE) }));

describe('The rooms of lessons', () => {
  const row = (...events: readonly DomainEvent[]) => rowsAfter(lessonRooms, ...happened('VideoSession', roomCreated, ...events))[lessonId];
  const unseen = { seenBy: [], firstJoinedAt: null, lastLeftAt: null, since: null, seconds: 0 };

  it('begin empty', () =>
    expect(row()).toEqual({
      ...parties,
      channel: `lesson-${lessonId}`,
      status: 'Provisioned',
      startsAt,
      student: { ...unseen, uid: uids.student },
      tutor: { ...unseen, uid: uids.tutor },
      bothJoinedAt: null,
      recording: null,
    }));
  it('count the time that somebody was seen in any way', () =>
    expect(
      row(
        comesIn('student', minute(0)),
        comesIn('student', minute(2), 'agora', 1),
        goesOut('student', minute(5)),
        goesOut('student', minute(10), 'agora', 2),
        comesIn('student', minute(20)),
        goesOut('student', minute(25)),
      )?.student,
    ).toEqual({ uid: uids.student, seenBy: [], firstJoinedAt: minute(0), lastLeftAt: minute(25), since: null, seconds: 15 * 60 }));
  it('say who is there now', () =>
    expect(row(comesIn('tutor', minute(1)))?.tutor).toEqual({
      uid: uids.tutor,
      seenBy: ['app'],
      firstJoinedAt: minute(1),
      lastLeftAt: null,
      since: minute(1),
      seconds: 0,
    }));
  it('say when both had joined, and when the room closed', () => {
    expect(row(comesIn('student'), comesIn('tutor'), together())).toMatchObject({
      status: 'Live',
      bothJoinedAt: plus(MONDAY_NOON, 3 * MINUTE),
    });
    expect(row(roomClosed)).toMatchObject({ status: 'Closed' });
  });
  it('say whether the lesson is recorded', () =>
    expect(row(event(recordingStarted, { lessonId, sid: 's', resourceId: 'r', recorderUid: uids.recorder }))).toMatchObject({
      recording: 'running',
    }));
});

describe('The messages of lessons', () => {
  it('are in the order of their stream', () =>
    expect(rowsAfter(lessonMessages, ...happened('LessonChat', miaWrites))).toEqual({
      [miaWrites.data.messageId]: {
        messageId: miaWrites.data.messageId,
        lessonId,
        senderId: miaBooksOkafor.studentId,
        text: 'Is that a minus?',
        sentAt: MONDAY_NOON,
        number: 0,
      },
    }));
});

describe('The files of lessons', () => {
  const { key: storageKey, ...file } = worksheet;
  const rows = (...events: readonly DomainEvent[]) => rowsAfter(lessonFiles, ...happened('LessonChat', ...events));
  const announced = { ...file, storageKey, status: 'Requested', sharedAt: null };

  it('are announced first', () => expect(rows(uploadRequested)).toEqual({ [`${lessonId}/${file.fileId}`]: announced }));
  it('are then shared', () =>
    expect(rows(uploadRequested, fileShared)).toEqual({
      [`${lessonId}/${file.fileId}`]: { ...announced, status: 'Shared', sharedAt: plus(MONDAY_NOON, MINUTE) },
    }));
  it('or turned down', () =>
    expect(rows(uploadRequested, fileRejected('wrong_size'))).toEqual({
      [`${lessonId}/${file.fileId}`]: { ...announced, status: 'Rejected' },
    }));
});
