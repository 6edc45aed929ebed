import { describe, it } from '@jest/globals';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { archived, channelCreated, channelId, frozenFor, members, miaSaysHello, redacted, reopened } from './chat-channel.examples.ts';
import * as channel from './chat-channel.ts';
import { mia, okafor, somebodyElse } from './connection-request.examples.ts';
import { miaAndOkafor } from './student-tutor-match.examples.ts';

const { chatChannel } = channel;
type Past = readonly channel.ChatChannelEvent[];

describe('Creating the channel of a match', () => {
  const creating = (past: Past, matchActive = true) =>
    given(chatChannel, ...past).when(
      channel.createChatChannel,
      { channelId, matchId: miaAndOkafor.matchId, members },
      { facts: { matchActive } },
    );

  it('lets the two write', () => creating([]).then(channelCreated));
  it('is nothing new the second time', () => creating([channelCreated], false).alreadySo());
  it('opens again what the end of the match froze', () => creating([channelCreated, frozenFor('match_ended')]).then(reopened));
  it('does not open what was frozen for safety', () => creating([channelCreated, frozenFor('safeguarding')]).alreadySo());
  it('is refused when the match is over', () => creating([], false).refused(channel.MatchNotActive));
  it('is refused when it is archived', () =>
    creating([channelCreated, frozenFor('match_ended'), archived]).refused(channel.ChatChannelIsArchived));
});

describe('Writing a message', () => {
  const writing = (past: Past, by: Actor = mia) =>
    given(chatChannel, ...past).when(channel.postChatMessage, { channelId, clientMessageId: 'm1', text: ' Hello Mr Okafor! ' }, { by });

  it('reaches the channel', () => writing([channelCreated]).then(miaSaysHello));
  it('is nothing new when the client sends it again', () => writing([channelCreated, miaSaysHello, frozenFor('blocked')]).alreadySo());
  it("does not mistake the other's number for one's own", () =>
    writing([channelCreated, miaSaysHello], okafor).then(
      event(channel.chatMessagePosted, {
        ...miaSaysHello.data,
        senderId: members.tutorId,
        messageId: channel.chatMessageId(channelId, members.tutorId, 'm1'),
      }),
    ));
  it('is refused to others', () => writing([channelCreated], somebodyElse).refused(channel.NotAChannelMember));
  it('is refused to the platform', () => writing([channelCreated], SYSTEM).refused(channel.NotAChannelMember));
  it('is refused while frozen', () =>
    writing([channelCreated, frozenFor('match_ended')]).refused(channel.ChatChannelIsFrozen, { reason: 'match_ended' }));
  it('is refused in an archived channel', () =>
    writing([channelCreated, frozenFor('match_ended'), archived]).refused(channel.ChatChannelIsArchived));
  it('needs a channel', () => writing([]).refused(channel.ChatChannelNotFound));
});

describe('Reporting messages', () => {
  const { messageId } = miaSaysHello.data;
  const reporting = (by: Actor, note?: string) =>
    given(chatChannel, channelCreated, miaSaysHello).when(
      channel.reportChatMessages,
      { channelId, messageIds: [messageId], ...(note === undefined ? {} : { note }) },
      { by },
    );
  const reported = { channelId, messageIds: [messageId], reportedBy: members.tutorId };

  it('puts them before the platform', () => reporting(okafor).then(event(channel.chatMessageReported, reported)));
  it('may carry a note', () => reporting(okafor, 'rude').then(event(channel.chatMessageReported, { ...reported, note: 'rude' })));
  it('is refused to others', () => reporting(somebodyElse).refused(channel.NotAChannelMember));
});

describe('Freezing, reopening and archiving', () => {
  const freezing = (...past: Past) => given(chatChannel, ...past).when(channel.freezeChatChannel, { channelId, reason: 'blocked' });
  const reopening = (...past: Past) => given(chatChannel, ...past).when(channel.reopenChatChannel, { channelId });
  const archiving = (...past: Past) => given(chatChannel, ...past).when(channel.archiveChatChannel, { channelId });

  it('stops all writing', () => freezing(channelCreated).then(frozenFor('blocked')));
  it('freezes once', () => freezing(channelCreated, frozenFor('match_ended')).alreadySo());
  it('does not freeze what is archived', () =>
    freezing(channelCreated, frozenFor('blocked'), archived).refused(channel.ChatChannelIsArchived));
  it('lets the members write again', () => reopening(channelCreated, frozenFor('safeguarding')).then(reopened));
  it('reopens once', () => reopening(channelCreated).alreadySo());
  it('does not reopen what is archived', () =>
    reopening(channelCreated, frozenFor('blocked'), archived).refused(channel.ChatChannelIsArchived));
  it('archives a frozen channel', () => archiving(channelCreated, frozenFor('blocked')).then(archived));
  it('archives once', () => archiving(channelCreated, frozenFor('blocked'), archived).alreadySo());
  it('does not archive an open one', () => archiving(channelCreated).refused(channel.ChatChannelNotFrozen));
});

describe('Taking a message out of sight', () => {
  const redacting = (...past: Past) =>
    given(chatChannel, ...past).when(channel.redactChatMessage, { channelId, messageId: miaSaysHello.data.messageId });

  it('is on record', () => redacting(channelCreated, miaSaysHello).then(redacted));
  it('is nothing new the second time', () => redacting(channelCreated, miaSaysHello, redacted).alreadySo());
  it('needs a channel', () => redacting().refused(channel.ChatChannelNotFound));
});
