import { describe, expect, it } from '@jest/globals';
import { command } from '#domain/kernel/command.ts';
import { at, now } from '#domain/kernel/consumer.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { reactionsTo, recorded } from '#domain/kernel/given-when-then.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import { channelId, members } from '#domain/matching/chat-channel.examples.ts';
import { createChatChannel, freezeChatChannel } from '#domain/matching/chat-channel.ts';
import { freeConnectionPlace } from '#domain/matching/connection-allowance.ts';
import { releaseConnectionGuard } from '#domain/matching/connection-guard.ts';
import { miaAsksOkafor, requestAccepted, requestSent, requestViewed } from '#domain/matching/connection-request.examples.ts';
import * as request from '#domain/matching/connection-request.ts';
import { blockedBy, endedBy, established, miaAndOkafor } from '#domain/matching/student-tutor-match.examples.ts';
import { establishMatch } from '#domain/matching/student-tutor-match.ts';
import { mailAbout } from '../effects/send-mail.ts';
import { answerInADay } from './answer-in-a-day.ts';
import { connectionToMatch } from './connection-to-match.ts';
import { matchToChat } from './match-to-chat.ts';
import { tellOfRequests } from './tell-of-requests.ts';

const { connectionRequestId, studentId, tutorId } = miaAsksOkafor;
const about = (one: DomainEvent) => recorded(one, { aggregateType: 'ConnectionRequest', aggregateId: connectionRequestId });
const aboutMatch = (one: DomainEvent) => recorded(one, { aggregateType: 'StudentTutorMatch', aggregateId: miaAndOkafor.matchId });

describe('Answer in a day', () => {
  it('ends a request when its time is over, unless it was answered', () =>
    expect(reactionsTo(answerInADay, about(requestSent))).toEqual([
      at(requestSent.data.expiresAt, command(request.expireConnectionRequest, { connectionRequestId }), { settledBy: ['request_closed'] }),
    ]));
  it('has nothing to do when the tutor looks at it', () => expect(reactionsTo(answerInADay, about(requestViewed))).toEqual([]));
  it.each([
    requestAccepted,
    event(request.connectionRejected, miaAsksOkafor),
    event(request.connectionWithdrawn, miaAsksOkafor),
    event(request.connectionRequestExpired, miaAsksOkafor),
    event(request.connectionRequestVoided, { ...miaAsksOkafor, reason: 'account_closed' }),
  ])('makes room for the next request after $type', (ended) =>
    expect(reactionsTo(answerInADay, about(ended))).toEqual([
      now(command(releaseConnectionGuard, { pairId: pairId(studentId, tutorId), connectionRequestId })),
      now(command(freeConnectionPlace, { studentId, connectionRequestId })),
    ]),
  );
});

describe('Connection to match', () => {
  it('connects the two', () =>
    expect(reactionsTo(connectionToMatch, about(requestAccepted))).toEqual([
      now(command(establishMatch, { ...miaAndOkafor, connectionRequestId }), { settledBy: ['pair_is_blocked'] }),
    ]));
});

describe('Match to chat', () => {
  const frozen = (reason: 'match_ended' | 'blocked') => [
    now(command(freezeChatChannel, { channelId, reason }), { settledBy: ['chat_channel_not_found', 'chat_channel_is_archived'] }),
  ];

  it('creates the one channel of a match', () =>
    expect(reactionsTo(matchToChat, aboutMatch(established))).toEqual([
      now(command(createChatChannel, { channelId, matchId: miaAndOkafor.matchId, members }), {
        settledBy: ['match_not_active', 'chat_channel_is_archived'],
      }),
    ]));
  it('freezes it when the match ends', () =>
    expect(reactionsTo(matchToChat, aboutMatch(endedBy('student')))).toEqual(frozen('match_ended')));
  it('freezes it when one blocks the other', () =>
    expect(reactionsTo(matchToChat, aboutMatch(blockedBy('tutor')))).toEqual(frozen('blocked')));
});

describe('Telling of requests', () => {
  const { subject, level, expiresAt } = requestSent.data;
  const params = { subject, level, expiresAt, otherUserId: studentId };

  it('writes to the tutor, says so, and reminds after twenty hours', () => {
    const sent = about(requestSent);
    expect(reactionsTo(tellOfRequests, sent)).toEqual([
      now(mailAbout(sent, 'connection-request-received', { userId: tutorId }, params)),
      now(command(request.noteTutorNotified, { connectionRequestId })),
      at(plus(expiresAt, -4 * HOUR), command(request.remindTutor, { connectionRequestId }), { settledBy: ['request_closed'] }),
    ]);
  });
  it('reminds the tutor', () => {
    const reminded = about(event(request.tutorReminded, { ...miaAsksOkafor, subject, level, expiresAt }));
    expect(reactionsTo(tellOfRequests, reminded)).toEqual([
      now(mailAbout(reminded, 'connection-request-reminder', { userId: tutorId }, params)),
    ]);
  });
  it('tells the student of a yes', () => {
    const accepted = about(requestAccepted);
    expect(reactionsTo(tellOfRequests, accepted)).toEqual([
      now(mailAbout(accepted, 'connection-accepted', { userId: studentId }, { otherUserId: tutorId })),
    ]);
  });
  it('tells the student that nobody answered', () => {
    const expired = about(event(request.connectionRequestExpired, miaAsksOkafor));
    expect(reactionsTo(tellOfRequests, expired)).toEqual([
      now(mailAbout(expired, 'connection-request-expired', { userId: studentId }, { otherUserId: tutorId })),
    ]);
  });
});
