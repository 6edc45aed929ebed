import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Actor } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { MINUTE, plus } from '../kernel/time.ts';
import { mia, okafor, stranger, wednesdayAtFour } from './lesson-booking.examples.ts';
import { comesIn, goesOut, joins, parties, roomClosed, roomCreated, together, uids } from './video-session.examples.ts';
import * as refusal from './video-session.refusals.ts';
import * as video from './video-session.ts';

const { videoSession } = video;
const { lessonId } = parties;
const { startsAt, endsAt } = wednesdayAtFour;
type Past = readonly video.VideoSessionEvent[];

describe('Preparing a room', () => {
  const provisioning = (past: Past, lessonLive = true) =>
    given(videoSession, ...past).when(video.provisionVideoRoom, { ...parties, ...wednesdayAtFour }, { facts: { lessonLive } });

  it('gives each participant an own id in the channel', () => provisioning([]).then(roomCreated));
  it('works after it failed once', () =>
    provisioning([event(video.videoRoomFailed, { ...parties, reason: 'no certificate' })]).then(roomCreated));
  it('is refused when the lesson is not confirmed', () => provisioning([], false).refused(refusal.LessonNotLive));
  it('is nothing new the second time', () => provisioning([roomCreated], false).alreadySo());
  it('never gives the id 0 nor one beyond 32 bits, nor the same twice', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 7 }), (id) => {
        const command = {
          type: 'ProvisionVideoRoom' as const,
          data: { ...parties, lessonId: id, ...wednesdayAtFour },
          facts: { lessonLive: true },
          at: startsAt,
          by: mia,
        };
        const [created] = videoSession.decide(command, videoSession.initial);
        const data = video.videoRoomCreated.schema.parse(created!.data);
        expect(new Set(Object.values(data.uids)).size).toBe(4);
        expect(data.channel.length).toBeLessThan(64);
      }),
      { numRuns: 200 },
    );
  });
});

describe('A room that cannot be prepared', () => {
  const failed = event(video.videoRoomFailed, { ...parties, reason: 'no certificate' });
  const failing = (...past: Past) => given(videoSession, ...past).when(video.failVideoRoom, failed.data);

  it('is on record', () => failing().then(failed));
  it('is nothing new the second time', () => failing(failed).alreadySo());
  it('is refused when the room is there', () => failing(roomCreated).refused(refusal.VideoRoomExists));
});

describe('Joining', () => {
  const joining = (
    by: Actor,
    { at = startsAt, past = [roomCreated] as Past, lessonLive = true, recordingConsent = false, studentMayBeRecorded = true } = {},
  ) =>
    given(videoSession, ...past).when(
      video.issueJoinToken,
      { lessonId, recordingConsent },
      { by, at, facts: { lessonLive, studentMayBeRecorded } },
    );

  it('lets the student in until a quarter of an hour after the end', () => joining(mia).then(joins('student')));
  it('lets the tutor in, who agrees to be recorded', () => joining(okafor, { recordingConsent: true }).then(joins('tutor', true)));
  it('counts the consent of a child only with that of the parent', () =>
    joining(mia, { recordingConsent: true, studentMayBeRecorded: false }).then(joins('student', false)));
  it('lets the same person in again', () => joining(mia, { past: [roomCreated, joins('student')] }).then(joins('student')));
  it('is possible a quarter of an hour before', () => joining(mia, { at: plus(startsAt, -15 * MINUTE) }).then(joins('student')));
  it('is refused earlier', () =>
    joining(mia, { at: plus(startsAt, -15 * MINUTE - 1) }).refused(refusal.VideoRoomNotOpen, { opensAt: plus(startsAt, -15 * MINUTE) }));
  it('is refused later', () => joining(mia, { at: plus(endsAt, 15 * MINUTE) }).refused(refusal.VideoRoomIsClosed));
  it('is refused when the lesson is over', () => joining(mia, { lessonLive: false }).refused(refusal.VideoRoomIsClosed));
  it('is refused when the room was closed', () => joining(mia, { past: [roomCreated, roomClosed] }).refused(refusal.VideoRoomIsClosed));
  it('is refused to strangers', () => joining(stranger).refused(refusal.NotAParticipant));
  it('needs a room', () => joining(mia, { past: [] }).refused(refusal.VideoRoomNotFound));
});

describe('Coming and going', () => {
  const coming = (past: Past, side: video.Side, seen: { via?: 'agora' | 'app'; clientSeq?: number } = {}, at = startsAt) =>
    given(videoSession, roomCreated, ...past).when(video.noteParticipantJoined, { lessonId, uid: uids[side], via: 'app', ...seen }, { at });
  const going = (past: Past, side: video.Side, seen: { via?: 'agora' | 'app'; clientSeq?: number } = {}, at = endsAt) =>
    given(videoSession, roomCreated, ...past).when(video.noteParticipantLeft, { lessonId, uid: uids[side], via: 'app', ...seen }, { at });

  it('is on record for the first', () => coming([], 'student').then(comesIn('student')));
  it('brings both together with the second', () => coming([comesIn('student')], 'tutor').then(comesIn('tutor'), together()));
  it('allows the recording when both agreed', () =>
    coming([joins('student', true), joins('tutor', true), comesIn('student')], 'tutor').then(comesIn('tutor'), together(true)));
  it('does not allow it when one did not', () =>
    coming([joins('student', true), joins('tutor'), comesIn('student')], 'tutor').then(comesIn('tutor'), together(false)));
  it('does not count somebody who left before', () => coming([comesIn('student'), goesOut('student')], 'tutor').then(comesIn('tutor')));
  it('brings them together only once', () =>
    coming([comesIn('student'), comesIn('tutor'), together(), goesOut('tutor')], 'tutor').then(comesIn('tutor')));
  it('is nothing new the second time', () => coming([comesIn('student')], 'student').alreadySo());
  it('counts a person seen in two ways as one', () =>
    coming([comesIn('student')], 'student', { via: 'agora', clientSeq: 1 }).then(comesIn('student', startsAt, 'agora', 1)));
  it('ignores what arrives late', () =>
    coming([comesIn('student', startsAt, 'agora', 1), goesOut('student', startsAt, 'agora', 3)], 'student', {
      via: 'agora',
      clientSeq: 2,
    }).alreadySo());
  it('is refused to the recorder', () =>
    given(videoSession, roomCreated)
      .when(video.noteParticipantJoined, { lessonId, uid: uids.recorder, via: 'agora' })
      .refused(refusal.NotAParticipant));
  it('is refused in a closed room', () => coming([roomClosed], 'student').refused(refusal.VideoRoomIsClosed));
  it('records who leaves', () => going([comesIn('student')], 'student').then(goesOut('student')));
  it('records no leaving of who is not there', () => going([], 'student').alreadySo());
  it('is refused for leaving to others', () =>
    given(videoSession, roomCreated).when(video.noteParticipantLeft, { lessonId, uid: 7, via: 'app' }).refused(refusal.NotAParticipant));

  it('keeps the moment when both were there for the first time', () => {
    const bothJoinedAt = (...past: Past) => fold(videoSession, [roomCreated, ...past]).bothJoinedAt;
    const late = plus(startsAt, 5 * MINUTE);
    expect(bothJoinedAt(comesIn('student'), goesOut('student'), comesIn('tutor', late))).toBeUndefined();
    expect(bothJoinedAt(comesIn('student'), comesIn('tutor', late), together())).toBe(late);
    expect(bothJoinedAt(comesIn('student'), comesIn('tutor', late), together(), goesOut('tutor'), comesIn('tutor', endsAt))).toBe(late);
    expect(bothJoinedAt(comesIn('student'), comesIn('tutor', late), together(), goesOut('tutor'), goesOut('student'), roomClosed)).toBe(
      late,
    );
  });
  it('leaves the room empty when nobody is seen in any way', () => {
    const emptySince = (...past: Past) => fold(videoSession, [roomCreated, ...past]).emptySince;
    expect(emptySince()).toBeUndefined();
    expect(emptySince(comesIn('student'), comesIn('student', startsAt, 'agora', 1), goesOut('student'))).toBeUndefined();
    expect(emptySince(comesIn('student'), comesIn('tutor'), together(), goesOut('student'), goesOut('tutor'))).toBe(endsAt);
  });
});

describe('Recording', () => {
  const started = event(video.recordingStarted, { lessonId, sid: 'sid1', resourceId: 'r1', recorderUid: uids.recorder });
  const failed = event(video.recordingFailed, { lessonId, reason: 'busy' });
  const skipped = event(video.recordingSkipped, { lessonId, reason: 'no_consent' });
  const stopped = event(video.recordingStopped, { lessonId, sid: 'sid1' });
  const uploaded = event(video.recordingUploaded, { lessonId, key: 'recordings/a.mp4', deleteAt: '2026-12-25T17:00:00.000Z' });
  const notUploaded = event(video.recordingUploadFailed, { lessonId, reason: 'no bucket' });
  const deleted = event(video.recordingDeleted, { lessonId });
  const past = (...more: Past) => given(videoSession, roomCreated, ...more);

  it('starts', () => past().when(video.noteRecordingStarted, started.data).then(started));
  it('starts at a second try', () => past(failed).when(video.noteRecordingStarted, started.data).then(started));
  it('starts only once', () => past(started, stopped).when(video.noteRecordingStarted, started.data).alreadySo());
  it('does not start a second recorder', () =>
    past(started)
      .when(video.noteRecordingStarted, { ...started.data, sid: 'sid2' })
      .refused(refusal.RecordingNotThere, { recording: 'Running' }));
  it('may fail', () => past().when(video.noteRecordingFailed, failed.data).then(failed));
  it('fails only once', () => past(failed).when(video.noteRecordingFailed, failed.data).alreadySo());
  it('cannot fail to start once it runs', () =>
    past(started).when(video.noteRecordingFailed, failed.data).refused(refusal.RecordingNotThere));
  it('is left out without consent', () => past().when(video.skipRecording, { lessonId }).then(skipped));
  it('is left out once', () => past(skipped).when(video.skipRecording, { lessonId }).alreadySo());
  it('cannot be left out once it runs', () => past(started).when(video.skipRecording, { lessonId }).refused(refusal.RecordingNotThere));
  it('stops', () => past(started).when(video.noteRecordingStopped, { lessonId }).then(stopped));
  it('stops once', () => past(started, stopped).when(video.noteRecordingStopped, { lessonId }).alreadySo());
  it('cannot stop before it runs', () => past().when(video.noteRecordingStopped, { lessonId }).refused(refusal.RecordingNotThere));
  it('arrives, and is kept for thirty days', () =>
    past(started, stopped).when(video.noteRecordingUploaded, { lessonId, key: 'recordings/a.mp4' }, { at: endsAt }).then(uploaded));
  it('arrives once', () =>
    past(started, stopped, uploaded).when(video.noteRecordingUploaded, { lessonId, key: 'recordings/a.mp4' }).alreadySo());
  it('arrives also when nobody noted that it started, or when the start seemed to fail', () => {
    for (const before of [[], [failed]])
      past(...before)
        .when(video.noteRecordingUploaded, { lessonId, key: 'recordings/a.mp4' }, { at: endsAt })
        .then(uploaded);
  });
  it('is deleted in time also when its start seemed to fail', () =>
    past(failed, uploaded).when(video.noteRecordingDeleted, { lessonId }).then(deleted));
  it('is not started once it arrived', () =>
    past(uploaded).when(video.noteRecordingStarted, started.data).refused(refusal.RecordingNotThere, { recording: 'Uploaded' }));
  it('cannot arrive when there was none', () =>
    past(skipped).when(video.noteRecordingUploaded, { lessonId, key: 'x' }).refused(refusal.RecordingNotThere));
  it('may not arrive', () => past(started, stopped).when(video.noteRecordingUploadFailed, notUploaded.data).then(notUploaded));
  it('does not arrive only once', () =>
    past(started, stopped, notUploaded).when(video.noteRecordingUploadFailed, notUploaded.data).alreadySo());
  it('cannot be missed when there was none', () =>
    past().when(video.noteRecordingUploadFailed, notUploaded.data).refused(refusal.RecordingNotThere));
  it('is deleted', () => past(started, stopped, uploaded).when(video.noteRecordingDeleted, { lessonId }).then(deleted));
  it('is deleted once', () => past(started, stopped, uploaded, deleted).when(video.noteRecordingDeleted, { lessonId }).alreadySo());
  it('cannot be deleted when it is not there', () =>
    past().when(video.noteRecordingDeleted, { lessonId }).refused(refusal.RecordingNotThere));
});

describe('Closing the room', () => {
  const closing = (past: Past, lessonLive = false) =>
    given(videoSession, ...past).when(video.closeVideoRoom, { lessonId }, { facts: { lessonLive } });

  it('ends the session', () => closing([roomCreated]).then(roomClosed));
  it('is refused during the lesson', () => closing([roomCreated], true).refused(refusal.LessonStillLive));
  it('is nothing new the second time', () => closing([roomCreated, roomClosed]).alreadySo());
});
