import { event } from '../kernel/event.ts';
import * as channel from './chat-channel.ts';
import { miaAndOkafor } from './student-tutor-match.examples.ts';

const { matchId, studentId, tutorId } = miaAndOkafor;
export const channelId = channel.channelOf(matchId);
export const members = { studentId, tutorId };

export const channelCreated = event(channel.chatChannelCreated, { channelId, matchId, members });
export const miaSaysHello = event(channel.chatMessagePosted, {
  channelId,
  members,
  messageId: channel.chatMessageId(channelId, studentId, 'm1'),
  clientMessageId: 'm1',
  senderId: studentId,
  text: 'Hello Mr Okafor!',
});
export const frozenFor = (reason: 'match_ended' | 'blocked' | 'consent_revoked' | 'safeguarding') =>
  event(channel.chatChannelFrozen, { channelId, reason });
export const reopened = event(channel.chatChannelReopened, { channelId, members });
export const archived = event(channel.chatChannelArchived, { channelId });
export const redacted = event(channel.chatMessageRedacted, { channelId, messageId: miaSaysHello.data.messageId });
