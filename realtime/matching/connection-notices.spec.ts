import { describe, expect, it } from '@jest/globals';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, noticesOf, recorded } from '#domain/kernel/given-when-then.ts';
import { miaSaysHello } from '#domain/matching/chat-channel.examples.ts';
import { miaAsksOkafor, requestAccepted, requestSent } from '#domain/matching/connection-request.examples.ts';
import { connectionRejected, connectionRequestExpired } from '#domain/matching/connection-request.ts';
import { established, miaAndOkafor } from '#domain/matching/student-tutor-match.examples.ts';
import { connectionNotices } from './connection-notices.ts';

const { connectionRequestId, studentId, tutorId } = miaAsksOkafor;
const after = (one: DomainEvent) =>
  noticesOf(connectionNotices, recorded(one, { aggregateType: 'ConnectionRequest', aggregateId: connectionRequestId }));
const news = (to: string, data: object) => ({ type: 'notification:new', to: [to], data });

describe('Frames about connections', () => {
  it('tell the tutor of a request', () =>
    expect(after(requestSent)).toEqual([
      {
        type: 'connection:request-received',
        to: [tutorId],
        data: { connectionRequestId, studentId, subject: 'mathematics', level: 'gcse', expiresAt: requestSent.data.expiresAt },
      },
      news(tutorId, { about: 'connection_request', connectionRequestId }),
    ]));
  it('never carry what the student wrote', () =>
    expect(JSON.stringify(after({ ...requestSent, data: { ...requestSent.data, message: 'secret' } }))).not.toContain('secret'));
  it('tell the student of a yes', () =>
    expect(after(requestAccepted)).toEqual([
      { type: 'connection:accepted', to: [studentId], data: { connectionRequestId, tutorId } },
      news(studentId, { about: 'connection_accepted', connectionRequestId }),
    ]));
  it('tell the student of a no, or of no answer', () => {
    expect(after(event(connectionRejected, miaAsksOkafor))).toEqual([
      news(studentId, { about: 'connection_rejected', connectionRequestId }),
    ]);
    expect(after(event(connectionRequestExpired, miaAsksOkafor))).toEqual([
      news(studentId, { about: 'connection_request_expired', connectionRequestId }),
    ]);
  });
  it('tell both of a match', () =>
    expect(after(established)).toEqual([{ type: 'match:established', to: [studentId, tutorId], data: miaAndOkafor }]));
  it('tell the other side of a message, without its text', () => {
    const { channelId, messageId, senderId } = miaSaysHello.data;
    expect(after(miaSaysHello)).toEqual([news(tutorId, { about: 'chat_message', channelId, messageId, senderId, sentAt: MONDAY_NOON })]);
    expect(after({ ...miaSaysHello, data: { ...miaSaysHello.data, senderId: tutorId } })).toMatchObject([{ to: [studentId] }]);
  });
});
