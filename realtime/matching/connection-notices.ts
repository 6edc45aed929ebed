import type { Events } from '#domain/deciders.ts';
import type { Notice, Notices } from '#domain/kernel/consumer.ts';

/** Something new in somebody's inbox; `about` says what, and the ids say where to look. */
const news = (to: readonly string[], about: string, ids: Readonly<Record<string, string>>): Notice => ({
  type: 'notification:new',
  to,
  data: { about, ...ids },
});

export const connectionNotices: Notices<Events> = {
  name: 'connection-notices',
  context: 'matching',
  on: {
    ConnectionRequestSent: ({ data: { connectionRequestId, studentId, tutorId, subject, level, expiresAt } }) => [
      { type: 'connection:request-received', to: [tutorId], data: { connectionRequestId, studentId, subject, level, expiresAt } },
      news([tutorId], 'connection_request', { connectionRequestId }),
    ],
    ConnectionAccepted: ({ data: { connectionRequestId, studentId, tutorId } }) => [
      { type: 'connection:accepted', to: [studentId], data: { connectionRequestId, tutorId } },
      news([studentId], 'connection_accepted', { connectionRequestId }),
    ],
    ConnectionRejected: ({ data: { connectionRequestId, studentId } }) => news([studentId], 'connection_rejected', { connectionRequestId }),
    ConnectionRequestExpired: ({ data: { connectionRequestId, studentId } }) =>
      news([studentId], 'connection_request_expired', { connectionRequestId }),
    MatchEstablished: ({ data: { matchId, studentId, tutorId } }) => ({
      type: 'match:established',
      to: [studentId, tutorId],
      data: { matchId, studentId, tutorId },
    }),
    ChatMessagePosted: ({ at, data: { channelId, messageId, senderId, members } }) =>
      news(senderId === members.studentId ? [members.tutorId] : [members.studentId], 'chat_message', {
        channelId,
        messageId,
        senderId,
        sentAt: at,
      }),
  },
};
