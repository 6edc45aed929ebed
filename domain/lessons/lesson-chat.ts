import { z } from 'zod';
import { defineCommand, type Actor, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { followUpId, uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { DAY, MINUTE, plus, type Instant } from '../kernel/time.ts';

/** The chat opens this long before the booked start and closes this long after the booked end. */
export const OPENS_BEFORE = 15 * MINUTE;
export const CLOSES_AFTER = DAY;
export const LONGEST_MESSAGE = 4000;
/** How long an upload may take. */
export const UPLOAD_WITHIN = 15 * MINUTE;
export const LARGEST_FILE_BYTES = 25 * 1024 * 1024;
export const MOST_FILES = 50;
/** What may be shared; nothing that a browser would run. */
export const FILE_TYPES = [
  'application/pdf',
  'image/png',
  'image/jpeg',
  'image/webp',
  'text/plain',
  'text/csv',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
] as const;
/** How many ids of messages are remembered to recognise one sent again. */
const REMEMBERED = 200;

// Events
const instant = z.iso.datetime();
const parties = { lessonId: uuid, studentId: uuid, tutorId: uuid };
const file = { lessonId: uuid, fileId: uuid, uploadedBy: uuid };
const described = { name: z.string(), contentType: z.enum(FILE_TYPES), bytes: z.number().int().positive(), key: z.string() };

export const lessonChatOpened = defineEvent('LessonChatOpened', {
  sentence: 'Student and tutor of a lesson may write to each other, from a time to a time.',
  schema: z.object({ ...parties, opensAt: instant, closesAt: instant }),
});
export const realtimeMessageSent = defineEvent('RealtimeMessageSent', {
  sentence: 'A participant wrote in the chat of the lesson.',
  schema: z.object({ ...parties, messageId: uuid, clientMessageId: z.string(), senderId: uuid, text: z.string() }),
  personal: { text: 'senderId' },
});
export const lessonFileUploadRequested = defineEvent('LessonFileUploadRequested', {
  sentence: 'A participant was allowed to upload one file, for a while.',
  schema: z.object({ ...file, ...described, until: instant }),
  personal: { name: 'uploadedBy' },
});
export const lessonFileShared = defineEvent('LessonFileShared', {
  sentence: 'The file is in storage as it was announced, and the other side can see it.',
  schema: z.object({ ...parties, ...file, ...described }),
  personal: { name: 'uploadedBy' },
});
export const lessonFileRejected = defineEvent('LessonFileRejected', {
  sentence: 'The file did not arrive as it was announced.',
  schema: z.object({ ...file, key: z.string(), reason: z.enum(['not_uploaded', 'wrong_size', 'wrong_type']) }),
});
export const lessonChatClosed = defineEvent('LessonChatClosed', {
  sentence: 'Nothing can be written in the chat of the lesson any more.',
  schema: z.object(parties),
});

const events = [
  lessonChatOpened,
  realtimeMessageSent,
  lessonFileUploadRequested,
  lessonFileShared,
  lessonFileRejected,
  lessonChatClosed,
] as const;
export type LessonChatEvent = EventOf<typeof events>;

// Commands
const target = z.object({ lessonId: uuid });

export const openLessonChat = defineCommand('OpenLessonChat', {
  sentence: 'Open the chat of a confirmed lesson.',
  data: z.object({ ...parties, startsAt: instant, endsAt: instant }),
});
export const postLessonMessage = defineCommand('PostLessonMessage', {
  sentence: 'Write in the chat of a lesson; the client numbers its messages, so one sent again is recognised.',
  data: target.extend({ clientMessageId: z.string().min(1).max(64), text: z.string().trim().min(1).max(LONGEST_MESSAGE) }),
});
export const requestLessonFileUpload = defineCommand('RequestLessonFileUpload', {
  sentence: 'Ask to upload one file of a named type and size.',
  data: target.extend({
    fileId: uuid,
    name: z.string().trim().min(1).max(200),
    contentType: z.enum(FILE_TYPES),
    bytes: z.number().int().positive().max(LARGEST_FILE_BYTES),
  }),
});
export const confirmLessonFile = defineCommand('ConfirmLessonFile', {
  sentence: 'Say what storage holds of an announced file: it is shared, or turned down.',
  data: target.extend({ fileId: uuid, found: z.object({ contentType: z.string(), bytes: z.number().int().nonnegative() }).nullable() }),
});
export const closeLessonChat = defineCommand('CloseLessonChat', { sentence: 'Close the chat when its time is over.', data: target });

const commands = [openLessonChat, postLessonMessage, requestLessonFileUpload, confirmLessonFile, closeLessonChat] as const;
type LessonChatCommand = CommandOf<typeof commands>;

// Refusals
export class LessonChatNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'This lesson has no chat.';
}
export class NotInThisLesson extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the student and the tutor of this lesson take part in its chat.';
}
export class LessonChatNotOpen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The chat of this lesson is not open yet.';
}
export class LessonChatIsClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The chat of this lesson is closed.';
}
export class LessonChatStillOpen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The chat of this lesson is open for longer.';
}
export class LessonFileNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such file in this lesson.';
}
export class LessonFileIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another file of this lesson has this id.';
}
export class TooManyLessonFiles extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'This lesson holds as many files as it can.';
}
export class UploadNotFinished extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The file has not arrived yet.';
}

// State
type Requested = z.output<typeof lessonFileUploadRequested.schema>;
interface FileState extends Requested {
  readonly status: 'Requested' | 'Shared' | 'Rejected';
}

export interface LessonChatState {
  readonly status: 'None' | 'Open' | 'Closed';
  readonly parties: z.output<typeof lessonChatClosed.schema> | undefined;
  readonly opensAt: Instant | undefined;
  readonly closesAt: Instant | undefined;
  /** Ids of the latest messages. */
  readonly recent: readonly string[];
  readonly files: Readonly<Record<string, FileState>>;
}

const initial: LessonChatState = { status: 'None', parties: undefined, opensAt: undefined, closesAt: undefined, recent: [], files: {} };

/** The id of a message follows from its sender's own number for it, so a message sent again has the same id. */
export function lessonMessageId(lessonId: string, senderId: string, clientMessageId: string): string {
  return followUpId('LessonMessage', lessonId, senderId, clientMessageId);
}

/** Where a shared file is kept. */
export function lessonFileKey(lessonId: string, fileId: string): string {
  return `lesson-files/${lessonId}/shared-documents/${fileId}`;
}

// Decisions
function decide(command: LessonChatCommand, state: LessonChatState): readonly LessonChatEvent[] {
  if (command.type === 'OpenLessonChat') {
    if (state.parties !== undefined) return [];
    const { startsAt, endsAt, ...parties } = command.data;
    return [event(lessonChatOpened, { ...parties, opensAt: plus(startsAt, -OPENS_BEFORE), closesAt: plus(endsAt, CLOSES_AFTER) })];
  }
  const { parties } = state;
  if (parties === undefined) throw new LessonChatNotFound();
  const { at, by } = command;
  switch (command.type) {
    case 'PostLessonMessage': {
      const senderId = participant(by, parties);
      const messageId = lessonMessageId(parties.lessonId, senderId, command.data.clientMessageId);
      if (state.recent.includes(messageId)) return [];
      mustBeOpen(state, at);
      return [event(realtimeMessageSent, { ...parties, messageId, senderId, ...command.data })];
    }
    case 'RequestLessonFileUpload':
      return requestUpload(command, state, participant(by, parties));
    case 'ConfirmLessonFile':
      return confirmFile(command, state, parties);
    case 'CloseLessonChat':
      if (state.status === 'Closed') return [];
      if (at < state.closesAt!) throw new LessonChatStillOpen({ closesAt: state.closesAt });
      return [event(lessonChatClosed, parties)];
    default:
      return unreachable(command);
  }
}

function requestUpload(
  command: CommandOf<typeof requestLessonFileUpload>,
  state: LessonChatState,
  uploadedBy: string,
): readonly LessonChatEvent[] {
  const { at, data } = command;
  const known = state.files[data.fileId];
  if (known !== undefined) {
    const same = known.uploadedBy === uploadedBy && known.bytes === data.bytes && known.contentType === data.contentType;
    if (same) return [];
    throw new LessonFileIdTaken();
  }
  mustBeOpen(state, at);
  if (Object.keys(state.files).length >= MOST_FILES) throw new TooManyLessonFiles({ most: MOST_FILES });
  const key = lessonFileKey(data.lessonId, data.fileId);
  return [event(lessonFileUploadRequested, { ...data, uploadedBy, key, until: plus(at, UPLOAD_WITHIN) })];
}

function confirmFile(
  command: CommandOf<typeof confirmLessonFile>,
  state: LessonChatState,
  parties: z.output<typeof lessonChatClosed.schema>,
): readonly LessonChatEvent[] {
  const { at, by, data } = command;
  if (by.role !== 'system') participant(by, parties);
  const file = state.files[data.fileId];
  if (file === undefined) throw new LessonFileNotFound();
  if (by.role !== 'system' && by.userId !== file.uploadedBy) throw new NotInThisLesson();
  if (file.status !== 'Requested') return [];
  const { lessonId, fileId, uploadedBy, key, name, contentType, bytes, until } = file;
  const rejected = (reason: 'not_uploaded' | 'wrong_size' | 'wrong_type') => [
    event(lessonFileRejected, { lessonId, fileId, uploadedBy, key, reason }),
  ];
  if (data.found === null) {
    if (at < until) throw new UploadNotFinished({ until });
    return rejected('not_uploaded');
  }
  if (data.found.bytes !== bytes) return rejected('wrong_size');
  if (data.found.contentType !== contentType) return rejected('wrong_type');
  return [event(lessonFileShared, { ...parties, fileId, uploadedBy, key, name, contentType, bytes })];
}

function participant(by: Actor, parties: { studentId: string; tutorId: string }): string {
  if (by.userId !== undefined && (by.userId === parties.studentId || by.userId === parties.tutorId)) return by.userId;
  throw new NotInThisLesson();
}

function mustBeOpen(state: LessonChatState, at: Instant): void {
  if (state.status === 'Closed' || at >= state.closesAt!) throw new LessonChatIsClosed();
  if (at < state.opensAt!) throw new LessonChatNotOpen({ opensAt: state.opensAt });
}

function evolve(state: LessonChatState, event: LessonChatEvent): LessonChatState {
  const fileIs = (status: FileState['status'], fileId: string) => ({
    ...state,
    files: { ...state.files, [fileId]: { ...state.files[fileId]!, status } },
  });
  switch (event.type) {
    case 'LessonChatOpened': {
      const { opensAt, closesAt, ...parties } = event.data;
      return { ...initial, status: 'Open', parties, opensAt, closesAt };
    }
    case 'RealtimeMessageSent':
      return { ...state, recent: [...state.recent, event.data.messageId].slice(-REMEMBERED) };
    case 'LessonFileUploadRequested':
      return { ...state, files: { ...state.files, [event.data.fileId]: { ...event.data, status: 'Requested' } } };
    case 'LessonFileShared':
      return fileIs('Shared', event.data.fileId);
    case 'LessonFileRejected':
      return fileIs('Rejected', event.data.fileId);
    case 'LessonChatClosed':
      return { ...state, status: 'Closed' };
  }
}

export const lessonChat: Decider<LessonChatState, LessonChatCommand, LessonChatEvent> = {
  aggregateType: 'LessonChat',
  context: 'lessons',
  idField: 'lessonId',
  stateVersion: 1,
  commands,
  events,
  refusals: [
    LessonChatNotFound,
    NotInThisLesson,
    LessonChatNotOpen,
    LessonChatIsClosed,
    LessonChatStillOpen,
    LessonFileNotFound,
    LessonFileIdTaken,
    TooManyLessonFiles,
    UploadNotFinished,
  ],
  initial,
  decide,
  evolve,
};
