import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { followUpId, pair, uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';

export const LONGEST_CHAT_MESSAGE = 4000;
/** How many ids of messages are remembered to recognise one sent again. */
const REMEMBERED = 200;

// Events
const channel = { channelId: uuid };
const members = z.object({ studentId: uuid, tutorId: uuid });
const frozenBecause = z.enum(['match_ended', 'blocked', 'consent_revoked', 'safeguarding']);

export const chatChannelCreated = defineEvent('ChatChannelCreated', {
  sentence: 'A connected student and tutor can write to each other.',
  schema: z.object({ ...channel, matchId: pair, members }),
});
export const chatMessagePosted = defineEvent('ChatMessagePosted', {
  sentence: 'A member wrote a message.',
  schema: z.object({ ...channel, members, messageId: uuid, clientMessageId: z.string(), senderId: uuid, text: z.string() }),
  personal: { text: 'senderId' },
});
export const chatMessageReported = defineEvent('ChatMessageReported', {
  sentence: 'A member asked the platform to look at messages.',
  schema: z.object({ ...channel, messageIds: z.array(uuid), reportedBy: uuid, note: z.string().optional() }),
  personal: { note: 'reportedBy' },
});
export const chatChannelFrozen = defineEvent('ChatChannelFrozen', {
  sentence: 'Nobody can write in the channel for now.',
  schema: z.object({ ...channel, reason: frozenBecause }),
});
export const chatChannelReopened = defineEvent('ChatChannelReopened', {
  sentence: 'The members can write again.',
  schema: z.object({ ...channel, members }),
});
export const chatMessageRedacted = defineEvent('ChatMessageRedacted', {
  sentence: 'The platform took a message out of sight.',
  schema: z.object({ ...channel, messageId: uuid }),
});
export const chatChannelArchived = defineEvent('ChatChannelArchived', {
  sentence: 'The channel is kept for the record only.',
  schema: z.object(channel),
});

const events = [
  chatChannelCreated,
  chatMessagePosted,
  chatMessageReported,
  chatChannelFrozen,
  chatChannelReopened,
  chatMessageRedacted,
  chatChannelArchived,
] as const;
export type ChatChannelEvent = EventOf<typeof events>;

// Commands
const target = z.object(channel);

export const createChatChannel = defineCommand('CreateChatChannel', {
  sentence: 'Open the channel of a match, or open it again.',
  data: z.object({ ...channel, matchId: pair, members }),
  facts: z.object({ matchActive: z.boolean() }),
});
export const postChatMessage = defineCommand('PostChatMessage', {
  sentence: 'Write a message; the client numbers its messages, so one sent again is recognised.',
  data: target.extend({ clientMessageId: z.string().min(1).max(64), text: z.string().trim().min(1).max(LONGEST_CHAT_MESSAGE) }),
});
export const reportChatMessages = defineCommand('ReportChatMessages', {
  sentence: 'Ask the platform to look at messages.',
  data: target.extend({ messageIds: z.array(uuid).min(1).max(20), note: z.string().trim().max(1000).optional() }),
});
export const freezeChatChannel = defineCommand('FreezeChatChannel', {
  sentence: 'Stop all writing in a channel.',
  data: target.extend({ reason: frozenBecause }),
});
export const reopenChatChannel = defineCommand('ReopenChatChannel', { sentence: 'Let the members write again.', data: target });
export const redactChatMessage = defineCommand('RedactChatMessage', {
  sentence: 'Take a message out of sight.',
  data: target.extend({ messageId: uuid }),
});
export const archiveChatChannel = defineCommand('ArchiveChatChannel', { sentence: 'Close a frozen channel for good.', data: target });

const commands = [
  createChatChannel,
  postChatMessage,
  reportChatMessages,
  freezeChatChannel,
  reopenChatChannel,
  redactChatMessage,
  archiveChatChannel,
] as const;
type ChatChannelCommand = CommandOf<typeof commands>;

// Refusals
export class ChatChannelNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such channel.';
}
export class NotAChannelMember extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the student and the tutor of this channel take part in it.';
}
export class MatchNotActive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Student and tutor are no longer connected.';
}
export class ChatChannelIsFrozen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Nobody can write in this channel at the moment.';
}
export class ChatChannelIsArchived extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The channel is closed for good.';
}
export class ChatChannelNotFrozen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Only a frozen channel can be archived.';
}

// State
export interface ChatChannelState {
  readonly status: 'None' | 'Open' | 'Frozen' | 'Archived';
  readonly members: z.output<typeof members> | undefined;
  readonly frozenBecause: z.output<typeof frozenBecause> | undefined;
  /** Ids of the latest messages. */
  readonly recent: readonly string[];
  readonly redacted: readonly string[];
}

const initial: ChatChannelState = { status: 'None', members: undefined, frozenBecause: undefined, recent: [], redacted: [] };

/** The one channel of a match. */
export function channelOf(matchId: string): string {
  return followUpId('ChatChannel', matchId);
}

/** The id of a message follows from its sender's own number for it, so a message sent again has the same id. */
export function chatMessageId(channelId: string, senderId: string, clientMessageId: string): string {
  return followUpId('ChatMessage', channelId, senderId, clientMessageId);
}

// Decisions
function decide(command: ChatChannelCommand, state: ChatChannelState): readonly ChatChannelEvent[] {
  if (command.type === 'CreateChatChannel') return create(command, state);
  const { members } = state;
  if (members === undefined) throw new ChatChannelNotFound();
  const { channelId } = command.data;
  const memberId = () => {
    const { userId } = command.by;
    if (userId !== undefined && (userId === members.studentId || userId === members.tutorId)) return userId;
    throw new NotAChannelMember();
  };
  switch (command.type) {
    case 'PostChatMessage': {
      const senderId = memberId();
      const messageId = chatMessageId(channelId, senderId, command.data.clientMessageId);
      if (state.recent.includes(messageId)) return [];
      if (state.status === 'Archived') throw new ChatChannelIsArchived();
      if (state.status === 'Frozen') throw new ChatChannelIsFrozen({ reason: state.frozenBecause });
      return [event(chatMessagePosted, { ...command.data, members, messageId, senderId })];
    }
    case 'ReportChatMessages': {
      const { messageIds, note } = command.data;
      return [event(chatMessageReported, { channelId, messageIds, reportedBy: memberId(), ...(note === undefined ? {} : { note }) })];
    }
    case 'FreezeChatChannel':
      if (state.status === 'Archived') throw new ChatChannelIsArchived();
      return state.status === 'Frozen' ? [] : [event(chatChannelFrozen, { channelId, reason: command.data.reason })];
    case 'ReopenChatChannel':
      if (state.status === 'Archived') throw new ChatChannelIsArchived();
      return state.status === 'Open' ? [] : [event(chatChannelReopened, { channelId, members })];
    case 'RedactChatMessage':
      return state.redacted.includes(command.data.messageId) ? [] : [event(chatMessageRedacted, command.data)];
    case 'ArchiveChatChannel':
      if (state.status === 'Archived') return [];
      if (state.status !== 'Frozen') throw new ChatChannelNotFrozen();
      return [event(chatChannelArchived, { channelId })];
    default:
      return unreachable(command);
  }
}

function create(command: CommandOf<typeof createChatChannel>, state: ChatChannelState): readonly ChatChannelEvent[] {
  const { data, facts } = command;
  if (state.status === 'Open') return [];
  if (state.status === 'Archived') throw new ChatChannelIsArchived();
  if (!facts.matchActive) throw new MatchNotActive();
  if (state.status === 'None') return [event(chatChannelCreated, data)];
  // A new match undoes what the end of the old one did, and nothing else.
  return state.frozenBecause === 'match_ended' ? [event(chatChannelReopened, { channelId: data.channelId, members: state.members! })] : [];
}

function evolve(state: ChatChannelState, event: ChatChannelEvent): ChatChannelState {
  switch (event.type) {
    case 'ChatChannelCreated':
      return { ...initial, status: 'Open', members: event.data.members };
    case 'ChatMessagePosted':
      return { ...state, recent: [...state.recent, event.data.messageId].slice(-REMEMBERED) };
    case 'ChatMessageReported':
      return state;
    case 'ChatChannelFrozen':
      return { ...state, status: 'Frozen', frozenBecause: event.data.reason };
    case 'ChatChannelReopened':
      return { ...state, status: 'Open', frozenBecause: undefined };
    case 'ChatMessageRedacted':
      return { ...state, redacted: [...state.redacted, event.data.messageId] };
    case 'ChatChannelArchived':
      return { ...state, status: 'Archived' };
  }
}

export const chatChannel: Decider<ChatChannelState, ChatChannelCommand, ChatChannelEvent> = {
  aggregateType: 'ChatChannel',
  context: 'matching',
  idField: 'channelId',
  stateVersion: 1,
  commands,
  events,
  refusals: [ChatChannelNotFound, NotAChannelMember, MatchNotActive, ChatChannelIsFrozen, ChatChannelIsArchived, ChatChannelNotFrozen],
  initial,
  decide,
  evolve,
};
