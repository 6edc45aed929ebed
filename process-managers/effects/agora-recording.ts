import { command } from '#domain/kernel/command.ts';
import { HOUR, millisecondsBetween } from '#domain/kernel/time.ts';
import {
  JOIN_MARGIN,
  noteRecordingDeleted,
  noteRecordingFailed,
  noteRecordingStarted,
  noteRecordingStopped,
  videoSession,
} from '#domain/lessons/video-session.ts';
import type { AgoraRooms, RecordingStorage } from '#infra/adapters/agora/rooms.ts';
import type { AgoraTokens } from '#infra/adapters/agora/tokens.ts';
import type { FileStore } from '#infra/adapters/s3/file-store.ts';
import { UpstreamRefused } from '#infra/adapters/upstream-errors.ts';
import { handleEffect, type EffectHandler } from '#infra/process-managers/effect.ts';
import { deleteRecording, startRecording, stopRecording } from './agora-effects.ts';

/** What recording takes. `rooms` and `storage` are absent where Agora's REST API is not configured: then nothing is recorded. */
export interface RecordingAdapters {
  readonly tokens: AgoraTokens;
  readonly rooms: AgoraRooms | undefined;
  readonly storage: Omit<RecordingStorage, 'fileNamePrefix'> | undefined;
  readonly files: FileStore;
}

/** Where the recorder puts its files: Agora allows letters and digits only. */
function recordingPrefix(lessonId: string): readonly [string, string] {
  return ['recordings', lessonId.replaceAll('-', '')];
}

/** The handlers of all that the recorder is asked for. */
export function recordingHandlers({ tokens, rooms, storage, files }: RecordingAdapters): readonly EffectHandler[] {
  return [
    handleEffect(startRecording, async ({ lessonId }, { commands, load, clock }) => {
      const { room, recording, status } = (await load(videoSession, lessonId)).state;
      if (room === undefined || status !== 'Live' || (recording !== 'None' && recording !== 'Failed')) return;
      const failed = (reason: string) => commands.send(command(noteRecordingFailed, { lessonId, reason }));
      if (rooms === undefined || storage === undefined) return void (await failed('not_configured'));
      const { channel, endsAt, uids } = room;
      const recorderUid = uids.recorder;
      // The recorder's token cannot be renewed, so it outlives the lesson and the time in which one may still talk.
      const seconds = Math.max(millisecondsBetween(clock.now(), endsAt) + JOIN_MARGIN, HOUR) / 1000;
      try {
        const resourceId = await rooms.acquire(channel, recorderUid);
        const token = tokens.rtcToken({ channel, uid: recorderUid, seconds });
        const fileNamePrefix = [...recordingPrefix(lessonId)];
        const sid = await rooms.start({ channel, recorderUid, resourceId, token, storage: { ...storage, fileNamePrefix } });
        await commands.send(command(noteRecordingStarted, { lessonId, sid, resourceId, recorderUid }));
      } catch (error) {
        if (!(error instanceof UpstreamRefused)) throw error;
        await failed(`agora_${error.code}`);
      }
    }),
    handleEffect(stopRecording, async ({ lessonId }, { commands, load }) => {
      const { room, recording, recorder } = (await load(videoSession, lessonId)).state;
      if (room === undefined || recorder === undefined || recording !== 'Running' || rooms === undefined) return;
      await rooms.stop({ channel: room.channel, ...recorder });
      await commands.send(command(noteRecordingStopped, { lessonId }));
    }),
    handleEffect(deleteRecording, async ({ lessonId }, { commands, load }) => {
      if ((await load(videoSession, lessonId)).state.recording !== 'Uploaded') return;
      for (const key of await files.list(`${recordingPrefix(lessonId).join('/')}/`)) await files.delete(key);
      await commands.send(command(noteRecordingDeleted, { lessonId }));
    }),
  ];
}
