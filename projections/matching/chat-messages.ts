import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface ChatMessageRow {
  readonly messageId: string;
  readonly channelId: string;
  readonly senderId: string;
  /** Null once the message was taken out of sight. */
  readonly text: string | null;
  readonly sentAt: string;
  /** The order of messages in their channel; it has gaps. */
  readonly number: number;
}

export const chatMessages: ReadModel<ChatMessageRow, Events> = {
  name: 'chat-messages',
  context: 'matching',
  version: 1,
  sentence: 'Messages of channels, in the order of their stream.',
  columns: { messageId: 'uuid', channelId: 'uuid', senderId: 'uuid', text: 'text?', sentAt: 'instant', number: 'integer' },
  indexes: [['channelId', 'number']],
  on: {
    ChatMessagePosted: ({ at, revision, data: { messageId, channelId, senderId, text } }) =>
      put(messageId, { messageId, channelId, senderId, text, sentAt: at, number: revision }),
    ChatMessageRedacted: ({ data }) => change(data.messageId, (row: ChatMessageRow) => ({ ...row, text: null })),
  },
};
