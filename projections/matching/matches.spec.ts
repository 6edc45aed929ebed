import { describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import {
  archived,
  channelCreated,
  channelId,
  frozenFor,
  members,
  miaSaysHello,
  redacted,
  reopened,
} from '#domain/matching/chat-channel.examples.ts';
import { blockedBy, endedBy, established, miaAndOkafor } from '#domain/matching/student-tutor-match.examples.ts';
import { chatChannels } from './chat-channels.ts';
import { chatMessages } from './chat-messages.ts';
import { matches } from './matches.ts';

const { matchId, studentId, tutorId } = miaAndOkafor;
const happened = (aggregateType: string, aggregateId: string, ...events: readonly DomainEvent[]) =>
  events.map((one, nth) => recorded(one, { aggregateType, aggregateId, nth, at: plus(MONDAY_NOON, nth * HOUR) }));

describe('The list of matches', () => {
  const rows = (...events: readonly DomainEvent[]) => rowsAfter(matches, ...happened('StudentTutorMatch', matchId, ...events));
  const active = { matchId, studentId, tutorId, status: 'Active', since: MONDAY_NOON, endedAt: null };

  it('shows who is connected', () => expect(rows(established)).toEqual({ [matchId]: active }));
  it('shows when it ended', () =>
    expect(rows(established, endedBy('student'))).toEqual({ [matchId]: { ...active, status: 'Ended', endedAt: plus(MONDAY_NOON, HOUR) } }));
  it('shows a block, and the end that came before it', () =>
    expect(rows(established, endedBy('student'), blockedBy('tutor'))).toEqual({
      [matchId]: { ...active, status: 'Blocked', endedAt: plus(MONDAY_NOON, HOUR) },
    }));
  it('starts anew when the two connect again', () =>
    expect(rows(established, endedBy('student'), established)).toEqual({ [matchId]: { ...active, since: plus(MONDAY_NOON, 2 * HOUR) } }));
});

describe('The list of channels', () => {
  const rows = (...events: readonly DomainEvent[]) => rowsAfter(chatChannels, ...happened('ChatChannel', channelId, ...events));
  const open = { channelId, matchId, ...members, status: 'Open' };

  it('shows the channel of a match', () => expect(rows(channelCreated)).toEqual({ [channelId]: open }));
  it('shows whether anybody can write', () => {
    expect(rows(channelCreated, frozenFor('blocked'))).toEqual({ [channelId]: { ...open, status: 'Frozen' } });
    expect(rows(channelCreated, frozenFor('blocked'), reopened)).toEqual({ [channelId]: open });
    expect(rows(channelCreated, frozenFor('blocked'), archived)).toEqual({ [channelId]: { ...open, status: 'Archived' } });
  });
});

describe('The messages of a channel', () => {
  const { messageId, senderId, text } = miaSaysHello.data;
  const rows = (...events: readonly DomainEvent[]) => rowsAfter(chatMessages, ...happened('ChatChannel', channelId, ...events));
  const message = { messageId, channelId, senderId, text, sentAt: plus(MONDAY_NOON, HOUR), number: 1 };

  it('are in the order of their stream', () => expect(rows(channelCreated, miaSaysHello)).toEqual({ [messageId]: message }));
  it('lose their text when taken out of sight', () =>
    expect(rows(channelCreated, miaSaysHello, redacted)).toEqual({ [messageId]: { ...message, text: null } }));
});
