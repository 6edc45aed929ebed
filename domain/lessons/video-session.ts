import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { followUpId, uuid } from '../kernel/ids.ts';
import { DAY, MINUTE, plus, type Instant } from '../kernel/time.ts';
import * as refusal from './video-session.refusals.ts';

/** The room may be entered this long before the booked start and until this long after the booked end. */
export const JOIN_MARGIN = 15 * MINUTE;
/** Agora grants at most a day. */
export const TOKEN_VALID_AT_MOST = DAY;

// Events
const instant = z.iso.datetime();
const room = { lessonId: uuid };
const parties = { ...room, studentId: uuid, tutorId: uuid };
const times = { startsAt: instant, endsAt: instant };
/** Agora's id of a participant in a channel; 0 would let any id in. */
const uid = z
  .number()
  .int()
  .min(1)
  .max(2 ** 32 - 1);
const side = z.enum(['student', 'tutor']);
export type Side = z.output<typeof side>;
/** Agora's names of a running recorder: what it takes to stop it. */
const recorder = { sid: z.string().min(1), resourceId: z.string().min(1), recorderUid: uid };
/** Who saw it: Agora's notification, or our own socket. Each counts its comings and goings alone. */
const via = z.enum(['agora', 'app']);
const presence = z.object({ ...parties, userId: uuid, side, uid, via, clientSeq: z.number().int().nonnegative().optional(), at: instant });

export const videoRoomCreated = defineEvent('VideoRoomCreated', {
  sentence: 'The room of a lesson was prepared: a channel and the ids to join it with, never a token.',
  schema: z.object({
    ...parties,
    ...times,
    channel: z.string().max(63),
    uids: z.object({ student: uid, tutor: uid, recorder: uid, spareRecorder: uid }),
  }),
});
export const videoRoomFailed = defineEvent('VideoRoomFailed', {
  sentence: 'The room could not be prepared.',
  schema: z.object({ ...parties, reason: z.string() }),
});
export const joinTokenIssued = defineEvent('JoinTokenIssued', {
  sentence: 'A participant was given a token to join with; the token itself is kept nowhere.',
  schema: z.object({ ...room, userId: uuid, side, channel: z.string(), uid, expiresAt: instant, recordingConsent: z.boolean() }),
});
export const participantJoined = defineEvent('ParticipantJoined', { sentence: 'A participant came in.', schema: presence });
export const participantLeft = defineEvent('ParticipantLeft', { sentence: 'A participant went out.', schema: presence });
export const bothParticipantsJoined = defineEvent('BothParticipantsJoined', {
  sentence: 'Student and tutor were in the room together for the first time.',
  schema: z.object({ ...parties, ...times, recordingAllowed: z.boolean() }),
});
export const recordingStarted = defineEvent('RecordingStarted', {
  sentence: 'The lesson is recorded.',
  schema: z.object({ ...room, ...recorder }),
});
export const recordingFailed = defineEvent('RecordingFailed', {
  sentence: 'The lesson could not be recorded; it goes on.',
  schema: z.object({ ...room, reason: z.string() }),
});
export const recordingSkipped = defineEvent('RecordingSkipped', {
  sentence: 'The lesson is not recorded, as not everybody agreed.',
  schema: z.object({ ...room, reason: z.literal('no_consent') }),
});
export const recordingStopped = defineEvent('RecordingStopped', {
  sentence: 'The recording ended.',
  schema: z.object({ ...room, sid: z.string() }),
});
export const recordingUploaded = defineEvent('RecordingUploaded', {
  sentence: 'The recording is in our storage.',
  schema: z.object({ ...room, key: z.string(), deleteAt: instant }),
});
export const recordingUploadFailed = defineEvent('RecordingUploadFailed', {
  sentence: 'The recording did not reach our storage.',
  schema: z.object({ ...room, reason: z.string() }),
});
export const recordingDeleted = defineEvent('RecordingDeleted', { sentence: 'The recording was deleted.', schema: z.object(room) });
export const videoRoomClosed = defineEvent('VideoRoomClosed', {
  sentence: 'Nobody can enter the room any more.',
  schema: z.object(parties),
});

const events = [
  videoRoomCreated,
  videoRoomFailed,
  joinTokenIssued,
  participantJoined,
  participantLeft,
  bothParticipantsJoined,
  recordingStarted,
  recordingFailed,
  recordingSkipped,
  recordingStopped,
  recordingUploaded,
  recordingUploadFailed,
  recordingDeleted,
  videoRoomClosed,
] as const;
export type VideoSessionEvent = EventOf<typeof events>;

// Commands
const target = z.object(room);
const live = z.object({ lessonLive: z.boolean() });
const seen = target.extend({ uid, via, clientSeq: z.number().int().nonnegative().optional() });

export const provisionVideoRoom = defineCommand('ProvisionVideoRoom', {
  sentence: 'Prepare the room of a confirmed lesson.',
  data: z.object({ ...parties, ...times }),
  facts: live,
});
export const failVideoRoom = defineCommand('FailVideoRoom', {
  sentence: 'Note that the room could not be prepared.',
  data: z.object({ ...parties, reason: z.string().max(200) }),
});
export const issueJoinToken = defineCommand('IssueJoinToken', {
  sentence: 'Let a participant in; says whether the lesson may be recorded as far as this participant goes.',
  data: target.extend({ recordingConsent: z.boolean() }),
  facts: live.extend({ studentMayBeRecorded: z.boolean() }),
});
export const noteParticipantJoined = defineCommand('NoteParticipantJoined', { sentence: 'Record that a participant came in.', data: seen });
export const noteParticipantLeft = defineCommand('NoteParticipantLeft', { sentence: 'Record that a participant went out.', data: seen });
export const noteRecordingStarted = defineCommand('NoteRecordingStarted', {
  sentence: 'Record that the recorder runs.',
  data: target.extend(recorder),
});
export const noteRecordingFailed = defineCommand('NoteRecordingFailed', {
  sentence: 'Record that the recorder could not be started.',
  data: target.extend({ reason: z.string().max(200) }),
});
export const skipRecording = defineCommand('SkipRecording', { sentence: 'Leave the lesson unrecorded for want of consent.', data: target });
export const noteRecordingStopped = defineCommand('NoteRecordingStopped', { sentence: 'Record that the recorder stopped.', data: target });
export const noteRecordingUploaded = defineCommand('NoteRecordingUploaded', {
  sentence: 'Record where the recording is kept.',
  data: target.extend({ key: z.string().min(1) }),
});
export const noteRecordingUploadFailed = defineCommand('NoteRecordingUploadFailed', {
  sentence: 'Record that the recording did not arrive.',
  data: target.extend({ reason: z.string().max(200) }),
});
export const noteRecordingDeleted = defineCommand('NoteRecordingDeleted', { sentence: 'Record that the recording is gone.', data: target });
export const closeVideoRoom = defineCommand('CloseVideoRoom', {
  sentence: 'Close the room of a lesson that is over.',
  data: target,
  facts: live,
});

const commands = [
  provisionVideoRoom,
  failVideoRoom,
  issueJoinToken,
  noteParticipantJoined,
  noteParticipantLeft,
  noteRecordingStarted,
  noteRecordingFailed,
  skipRecording,
  noteRecordingStopped,
  noteRecordingUploaded,
  noteRecordingUploadFailed,
  noteRecordingDeleted,
  closeVideoRoom,
] as const;
type VideoSessionCommand = CommandOf<typeof commands>;

// State
interface Presence {
  readonly in: { readonly agora: boolean; readonly app: boolean };
  /** The last of Agora's numbers that was recorded, so that late notifications change nothing. */
  readonly clientSeq: number;
  readonly recordingConsent: boolean;
}

export interface VideoSessionState {
  readonly status: 'None' | 'Provisioned' | 'Live' | 'Closed' | 'Failed';
  readonly room: z.output<typeof videoRoomCreated.schema> | undefined;
  readonly people: Readonly<Record<Side, Presence>>;
  /** When student and tutor were in the room together for the first time. */
  readonly bothJoinedAt: Instant | undefined;
  /** Since when nobody is in the room, once somebody was. */
  readonly emptySince: Instant | undefined;
  readonly recording: 'None' | 'Skipped' | 'Failed' | 'Running' | 'Stopped' | 'Uploaded' | 'UploadFailed' | 'Deleted';
  readonly recorder: { readonly sid: string; readonly resourceId: string; readonly recorderUid: number } | undefined;
}

const nobody: Presence = { in: { agora: false, app: false }, clientSeq: -1, recordingConsent: false };
const initial: VideoSessionState = {
  status: 'None',
  room: undefined,
  people: { student: nobody, tutor: nobody },
  bothJoinedAt: undefined,
  emptySince: undefined,
  recording: 'None',
  recorder: undefined,
};

/** Whether a participant is in the room, by either account. */
export function isPresent(state: VideoSessionState, side: Side): boolean {
  return state.people[side].in.agora || state.people[side].in.app;
}

/** How long a recording is kept: 30 days. */
const KEEP_RECORDING = 30 * DAY;

// Decisions
function decide(command: VideoSessionCommand, state: VideoSessionState): readonly VideoSessionEvent[] {
  if (command.type === 'ProvisionVideoRoom') return provision(command, state);
  if (command.type === 'FailVideoRoom') {
    if (state.status === 'Failed') return [];
    if (state.status !== 'None') throw new refusal.VideoRoomExists();
    return [event(videoRoomFailed, command.data)];
  }
  const { room } = state;
  if (room === undefined) throw new refusal.VideoRoomNotFound();
  const { lessonId, studentId, tutorId } = room;
  switch (command.type) {
    case 'IssueJoinToken':
      return [issue(command, state, room)];
    case 'NoteParticipantJoined':
    case 'NoteParticipantLeft':
      return notePresence(command, state, room);
    case 'NoteRecordingStarted':
      if (state.recorder?.sid === command.data.sid) return [];
      recordingMustBe(state, 'None', 'Failed');
      return [event(recordingStarted, command.data)];
    case 'NoteRecordingFailed':
      if (state.recording === 'Failed') return [];
      recordingMustBe(state, 'None');
      return [event(recordingFailed, command.data)];
    case 'SkipRecording':
      if (state.recording === 'Skipped') return [];
      recordingMustBe(state, 'None');
      return [event(recordingSkipped, { lessonId, reason: 'no_consent' })];
    case 'NoteRecordingStopped':
      if (state.recorder !== undefined && state.recording !== 'Running') return [];
      recordingMustBe(state, 'Running');
      return [event(recordingStopped, { lessonId, sid: state.recorder!.sid })];
    case 'NoteRecordingUploaded':
      if (state.recording === 'Uploaded' || state.recording === 'Deleted') return [];
      // Also when its start went unrecorded, or seemed refused: whatever was recorded is ours to delete in time.
      recordingMustBe(state, 'None', 'Failed', 'Running', 'Stopped', 'UploadFailed');
      return [event(recordingUploaded, { ...command.data, deleteAt: plus(command.at, KEEP_RECORDING) })];
    case 'NoteRecordingUploadFailed':
      if (state.recording === 'UploadFailed') return [];
      recordingMustBe(state, 'Running', 'Stopped');
      return [event(recordingUploadFailed, command.data)];
    case 'NoteRecordingDeleted':
      if (state.recording === 'Deleted') return [];
      recordingMustBe(state, 'Uploaded');
      return [event(recordingDeleted, { lessonId })];
    case 'CloseVideoRoom':
      if (state.status === 'Closed') return [];
      if (command.facts.lessonLive) throw new refusal.LessonStillLive();
      return [event(videoRoomClosed, { lessonId, studentId, tutorId })];
    default:
      return unreachable(command);
  }
}

function provision(command: CommandOf<typeof provisionVideoRoom>, state: VideoSessionState): readonly VideoSessionEvent[] {
  if (state.room !== undefined) return [];
  if (!command.facts.lessonLive) throw new refusal.LessonNotLive();
  const { lessonId } = command.data;
  const [student, tutor, recorder, spareRecorder] = uidsOf(lessonId);
  return [event(videoRoomCreated, { ...command.data, channel: `lesson-${lessonId}`, uids: { student, tutor, recorder, spareRecorder } })];
}

/** Four ids that differ, the same for the same lesson: none is 0 and none above 2^32 - 1. */
function uidsOf(lessonId: string): [number, number, number, number] {
  const first = 1 + (Number.parseInt(followUpId('agora uid', lessonId).slice(0, 8), 16) % (2 ** 32 - 4));
  return [first, first + 1, first + 2, first + 3];
}

function issue(
  command: CommandOf<typeof issueJoinToken>,
  state: VideoSessionState,
  room: z.output<typeof videoRoomCreated.schema>,
): VideoSessionEvent {
  const { at, by, data, facts } = command;
  const side = by.userId === room.studentId ? 'student' : by.userId === room.tutorId ? 'tutor' : undefined;
  if (side === undefined) throw new refusal.NotAParticipant();
  if (state.status === 'Closed' || !facts.lessonLive) throw new refusal.VideoRoomIsClosed();
  const opensAt = plus(room.startsAt, -JOIN_MARGIN);
  const closesAt = plus(room.endsAt, JOIN_MARGIN);
  if (at < opensAt) throw new refusal.VideoRoomNotOpen({ opensAt });
  if (at >= closesAt) throw new refusal.VideoRoomIsClosed();
  const longest = plus(at, TOKEN_VALID_AT_MOST);
  return event(joinTokenIssued, {
    lessonId: room.lessonId,
    userId: by.userId!,
    side,
    channel: room.channel,
    uid: room.uids[side],
    expiresAt: closesAt < longest ? closesAt : longest,
    recordingConsent: data.recordingConsent && (side === 'tutor' || facts.studentMayBeRecorded),
  });
}

function notePresence(
  command: CommandOf<typeof noteParticipantJoined | typeof noteParticipantLeft>,
  state: VideoSessionState,
  room: z.output<typeof videoRoomCreated.schema>,
): readonly VideoSessionEvent[] {
  const { at, data } = command;
  const side = data.uid === room.uids.student ? 'student' : data.uid === room.uids.tutor ? 'tutor' : undefined;
  if (side === undefined) throw new refusal.NotAParticipant();
  const person = state.people[side];
  const coming = command.type === 'NoteParticipantJoined';
  const late = data.clientSeq !== undefined && data.clientSeq <= person.clientSeq;
  if (late || person.in[data.via] === coming) return [];
  if (coming && state.status === 'Closed') throw new refusal.VideoRoomIsClosed();
  const { lessonId, studentId, tutorId, startsAt, endsAt } = room;
  const seen = { ...data, studentId, tutorId, userId: side === 'student' ? studentId : tutorId, side, at } as const;
  if (!coming) return [event(participantLeft, seen)];
  const joined = event(participantJoined, seen);
  const other: Side = side === 'student' ? 'tutor' : 'student';
  if (state.status === 'Live' || !isPresent(state, other)) return [joined];
  const recordingAllowed = state.people.student.recordingConsent && state.people.tutor.recordingConsent;
  return [joined, event(bothParticipantsJoined, { lessonId, studentId, tutorId, startsAt, endsAt, recordingAllowed })];
}

function recordingMustBe(state: VideoSessionState, ...allowed: readonly VideoSessionState['recording'][]): void {
  if (!allowed.includes(state.recording)) throw new refusal.RecordingNotThere({ recording: state.recording });
}

function evolve(state: VideoSessionState, event: VideoSessionEvent): VideoSessionState {
  switch (event.type) {
    case 'VideoRoomCreated':
      return { ...state, status: 'Provisioned', room: event.data };
    case 'VideoRoomFailed':
      return { ...state, status: 'Failed' };
    case 'JoinTokenIssued': {
      const { side, recordingConsent } = event.data;
      return { ...state, people: { ...state.people, [side]: { ...state.people[side], recordingConsent } } };
    }
    case 'ParticipantJoined':
    case 'ParticipantLeft': {
      const { side, via, clientSeq, at } = event.data;
      const before = state.people[side];
      const coming = event.type === 'ParticipantJoined';
      const person = { ...before, in: { ...before.in, [via]: coming }, clientSeq: clientSeq ?? before.clientSeq };
      const after = { ...state, people: { ...state.people, [side]: person } };
      const [student, tutor] = [isPresent(after, 'student'), isPresent(after, 'tutor')];
      const bothJoinedAt = state.bothJoinedAt ?? (student && tutor ? at : undefined);
      return { ...after, bothJoinedAt, emptySince: student || tutor ? undefined : at };
    }
    case 'BothParticipantsJoined':
      return { ...state, status: 'Live' };
    case 'RecordingStarted':
      return { ...state, recording: 'Running', recorder: event.data };
    case 'RecordingFailed':
      return { ...state, recording: 'Failed' };
    case 'RecordingSkipped':
      return { ...state, recording: 'Skipped' };
    case 'RecordingStopped':
      return { ...state, recording: 'Stopped' };
    case 'RecordingUploaded':
      return { ...state, recording: 'Uploaded' };
    case 'RecordingUploadFailed':
      return { ...state, recording: 'UploadFailed' };
    case 'RecordingDeleted':
      return { ...state, recording: 'Deleted' };
    case 'VideoRoomClosed':
      return { ...state, status: 'Closed' };
  }
}

export const videoSession: Decider<VideoSessionState, VideoSessionCommand, VideoSessionEvent> = {
  aggregateType: 'VideoSession',
  context: 'lessons',
  idField: 'lessonId',
  stateVersion: 2,
  commands,
  events,
  refusals: Object.values(refusal),
  initial,
  decide,
  evolve,
};
