import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { channelOf, createChatChannel, freezeChatChannel } from '#domain/matching/chat-channel.ts';

const freeze = (matchId: string, reason: 'match_ended' | 'blocked') =>
  now(command(freezeChatChannel, { channelId: channelOf(matchId), reason }), {
    settledBy: ['chat_channel_not_found', 'chat_channel_is_archived'],
  });

/** Auto Chat Creation on Match Policy. */
export const matchToChat: ProcessManager<Events> = {
  name: 'match-to-chat',
  context: 'matching',
  sentence: 'Connected people get a channel to write in; it freezes when they part.',
  on: {
    MatchEstablished: ({ data: { matchId, studentId, tutorId } }) =>
      now(command(createChatChannel, { channelId: channelOf(matchId), matchId, members: { studentId, tutorId } }), {
        settledBy: ['match_not_active', 'chat_channel_is_archived'],
      }),
    MatchEnded: ({ data }) => freeze(data.matchId, 'match_ended'),
    MatchBlocked: ({ data }) => freeze(data.matchId, 'blocked'),
  },
};
