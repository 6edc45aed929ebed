import { describe, expect, it } from '@jest/globals';
import { command } from '#domain/kernel/command.ts';
import { miaBooksOkafor } from '#domain/lessons/lesson-booking.examples.ts';
import { uids } from '#domain/lessons/video-session.examples.ts';
import { noteParticipantJoined, noteParticipantLeft, noteRecordingStopped, noteRecordingUploaded } from '#domain/lessons/video-session.ts';
import { commandForNotice } from './agora-notices.ts';

const { bookingId: lessonId } = miaBooksOkafor;
const channelName = `lesson-${lessonId}`;
const rtc = (eventType: number, payload: object = {}) =>
  commandForNotice({ noticeId: 'n', productId: 1, eventType, payload: { channelName, uid: uids.student, clientSeq: 7, ...payload } });
const recording = (eventType: number, details?: object) =>
  commandForNotice({ noticeId: 'n', productId: 3, eventType, payload: { cname: channelName, uid: '1', details } });
const seen = { lessonId, uid: uids.student, via: 'agora' as const, clientSeq: 7 };

describe('Notifications of Agora', () => {
  it.each([103, 107])('say who came in: %i', (type) => expect(rtc(type)).toEqual(command(noteParticipantJoined, seen)));
  it.each([104, 108])('say who went out: %i', (type) => expect(rtc(type)).toEqual(command(noteParticipantLeft, seen)));
  it('do not count the recorder', () => expect(rtc(103, { clientType: 10 })).toBeUndefined());
  it('are ignored for rooms that are not ours', () => expect(rtc(103, { channelName: 'somebody-elses' })).toBeUndefined());
  it('are ignored when they tell something else', () => expect(rtc(101)).toBeUndefined());
  it('say where the film is', () =>
    expect(recording(31, { fileList: [{ fileName: 'recordings/a/x.m3u8' }, { fileName: 'recordings/a/x_0.mp4' }] })).toEqual(
      command(noteRecordingUploaded, { lessonId, key: 'recordings/a/x_0.mp4' }),
    ));
  it('say that the recorder left', () =>
    expect(recording(41, { msgName: 'recorder_leave' })).toEqual(command(noteRecordingStopped, { lessonId })));
  it('are ignored when no file is named', () => expect(recording(31)).toBeUndefined());
  it('are ignored when they are from another product', () =>
    expect(commandForNotice({ noticeId: 'n', productId: 9, eventType: 103, payload: {} })).toBeUndefined());
});
