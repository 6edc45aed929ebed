import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';
import { millisecondsBetween } from '#domain/kernel/time.ts';
import type { Side } from '#domain/lessons/video-session.ts';

/** Presence of one participant: the union of the times seen by Agora and by our socket. */
export interface Attendance {
  readonly uid: number;
  readonly seenBy: readonly ('agora' | 'app')[];
  readonly firstJoinedAt: string | null;
  readonly lastLeftAt: string | null;
  /** Since when in the room; null when not in it. */
  readonly since: string | null;
  /** Whole seconds in the room, without the stretch under way. */
  readonly seconds: number;
}

export interface LessonRoomRow {
  readonly lessonId: string;
  readonly studentId: string;
  readonly tutorId: string;
  readonly channel: string;
  readonly status: 'Provisioned' | 'Live' | 'Closed';
  readonly startsAt: string;
  readonly student: Attendance;
  readonly tutor: Attendance;
  readonly bothJoinedAt: string | null;
  readonly recording: string | null;
}

interface Presence {
  readonly lessonId: string;
  readonly side: Side;
  readonly via: 'agora' | 'app';
  readonly at: string;
}

function joined(person: Attendance, { via, at }: Presence): Attendance {
  return {
    ...person,
    seenBy: [...person.seenBy.filter((other) => other !== via), via],
    firstJoinedAt: person.firstJoinedAt ?? at,
    since: person.since ?? at,
  };
}

function left(person: Attendance, { via, at }: Presence): Attendance {
  const seenBy = person.seenBy.filter((other) => other !== via);
  if (seenBy.length > 0 || person.since === null) return { ...person, seenBy };
  const seconds = person.seconds + Math.floor(millisecondsBetween(person.since, at) / 1000);
  return { ...person, seenBy, since: null, lastLeftAt: at, seconds };
}

const moves =
  (move: typeof joined) =>
  ({ data }: { data: Presence }): Change<LessonRoomRow> =>
    change(data.lessonId, (row: LessonRoomRow) => ({ ...row, [data.side]: move(row[data.side], data) }));

const recording =
  (state: string) =>
  ({ aggregateId }: { aggregateId: string }): Change<LessonRoomRow> =>
    change(aggregateId, (row: LessonRoomRow) => ({ ...row, recording: state }));

const unseen = (uid: number): Attendance => ({ uid, seenBy: [], firstJoinedAt: null, lastLeftAt: null, since: null, seconds: 0 });

export const lessonRooms: ReadModel<LessonRoomRow, Events> = {
  name: 'lesson-rooms',
  context: 'lessons',
  version: 1,
  sentence: 'Rooms of lessons: who was there and for how long, and whether it was recorded.',
  columns: {
    lessonId: 'uuid',
    studentId: 'uuid',
    tutorId: 'uuid',
    channel: 'text',
    status: 'text',
    startsAt: 'instant',
    student: 'json',
    tutor: 'json',
    bothJoinedAt: 'instant?',
    recording: 'text?',
  },
  indexes: [],
  on: {
    VideoRoomCreated: ({ data: { lessonId, studentId, tutorId, channel, startsAt, uids } }) =>
      put(lessonId, {
        lessonId,
        studentId,
        tutorId,
        channel,
        status: 'Provisioned',
        startsAt,
        student: unseen(uids.student),
        tutor: unseen(uids.tutor),
        bothJoinedAt: null,
        recording: null,
      }),
    ParticipantJoined: moves(joined),
    ParticipantLeft: moves(left),
    BothParticipantsJoined: ({ at, data }) => change(data.lessonId, (row: LessonRoomRow) => ({ ...row, status: 'Live', bothJoinedAt: at })),
    VideoRoomClosed: ({ data }) => change(data.lessonId, (row: LessonRoomRow) => ({ ...row, status: 'Closed' })),
    RecordingStarted: recording('running'),
    RecordingFailed: recording('failed'),
    RecordingSkipped: recording('skipped'),
    RecordingStopped: recording('stopped'),
    RecordingUploaded: recording('uploaded'),
    RecordingUploadFailed: recording('upload_failed'),
    RecordingDeleted: recording('deleted'),
  },
};
