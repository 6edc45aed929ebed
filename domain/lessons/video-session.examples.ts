import { event } from '../kernel/event.ts';
import { miaBooksOkafor, wednesdayAtFour } from './lesson-booking.examples.ts';
import * as video from './video-session.ts';

const { bookingId: lessonId, studentId, tutorId } = miaBooksOkafor;
export const parties = { lessonId, studentId, tutorId };
export const uids = { student: 3835460028, tutor: 3835460029, recorder: 3835460030, spareRecorder: 3835460031 };
const channel = `lesson-${lessonId}`;

export const roomCreated = event(video.videoRoomCreated, { ...parties, ...wednesdayAtFour, channel, uids });
export const joins = (side: video.Side, recordingConsent = false) =>
  event(video.joinTokenIssued, {
    lessonId,
    userId: side === 'student' ? studentId : tutorId,
    side,
    channel,
    uid: uids[side],
    expiresAt: '2026-11-25T17:15:00.000Z',
    recordingConsent,
  });
const presence = (side: video.Side, at: string, via: 'agora' | 'app', clientSeq: number | undefined) => ({
  ...parties,
  userId: side === 'student' ? studentId : tutorId,
  side,
  uid: uids[side],
  via,
  at,
  ...(clientSeq === undefined ? {} : { clientSeq }),
});
export const comesIn = (side: video.Side, at: string = wednesdayAtFour.startsAt, via: 'agora' | 'app' = 'app', clientSeq?: number) =>
  event(video.participantJoined, presence(side, at, via, clientSeq));
export const goesOut = (side: video.Side, at: string = wednesdayAtFour.endsAt, via: 'agora' | 'app' = 'app', clientSeq?: number) =>
  event(video.participantLeft, presence(side, at, via, clientSeq));
export const together = (recordingAllowed = false) =>
  event(video.bothParticipantsJoined, { ...parties, ...wednesdayAtFour, recordingAllowed });
export const roomClosed = event(video.videoRoomClosed, parties);
