import { Inject, Injectable } from '@nestjs/common';
import { ChatChannelNotFound, NotAChannelMember } from '#domain/matching/chat-channel.ts';
import { Database } from '#infra/postgres/database.ts';
import { chatChannels, type ChatChannelRow } from '#projections/matching/chat-channels.ts';
import { chatMessages, type ChatMessageRow } from '#projections/matching/chat-messages.ts';
import { columnsOf, viewOf } from '../rows.ts';

/** Reads channels and their messages. */
@Injectable()
export class ChannelsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** The messages of a channel before a number, the newest first. Throws the refusal for whoever is no member. */
  async messages(
    channelId: string,
    readerId: string | undefined,
    { before, limit }: { before?: number | undefined; limit: number },
  ): Promise<ChatMessageRow[]> {
    const channels = `select ${columnsOf(chatChannels)} from ${viewOf(chatChannels)} where key = $1`;
    const [channel] = await this.database.query<ChatChannelRow>(channels, [channelId], 'matching.channel');
    if (channel === undefined) throw new ChatChannelNotFound();
    if (readerId !== channel.studentId && readerId !== channel.tutorId) throw new NotAChannelMember();
    const sql = `select ${columnsOf(chatMessages)} from ${viewOf(chatMessages)}
      where channel_id = $1 and ($2::integer is null or number < $2) order by number desc limit $3`;
    return this.database.query<ChatMessageRow>(sql, [channelId, before ?? null, limit], 'matching.channel_messages');
  }
}
