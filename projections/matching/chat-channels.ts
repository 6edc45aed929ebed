import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';

export interface ChatChannelRow {
  readonly channelId: string;
  readonly matchId: string;
  readonly studentId: string;
  readonly tutorId: string;
  readonly status: 'Open' | 'Frozen' | 'Archived';
}

const becomes =
  (status: ChatChannelRow['status']) =>
  ({ aggregateId }: { aggregateId: string }): Change<ChatChannelRow> =>
    change(aggregateId, (row: ChatChannelRow) => ({ ...row, status }));

export const chatChannels: ReadModel<ChatChannelRow, Events> = {
  name: 'chat-channels',
  context: 'matching',
  version: 1,
  sentence: 'Channels with their two members.',
  columns: { channelId: 'uuid', matchId: 'text', studentId: 'uuid', tutorId: 'uuid', status: 'text' },
  indexes: [['matchId']],
  on: {
    ChatChannelCreated: ({ data: { channelId, matchId, members } }) => put(channelId, { channelId, matchId, ...members, status: 'Open' }),
    ChatChannelFrozen: becomes('Frozen'),
    ChatChannelReopened: becomes('Open'),
    ChatChannelArchived: becomes('Archived'),
  },
};
