import { describe, expect, it } from '@jest/globals';
import { event } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import { miaAsksOkafor, requestAccepted, requestSent, requestViewed } from '#domain/matching/connection-request.examples.ts';
import * as request from '#domain/matching/connection-request.ts';
import { connectionRequests } from './connection-requests.ts';

const { connectionRequestId } = miaAsksOkafor;
const happened = (...events: readonly request.ConnectionRequestEvent[]) =>
  events.map((one, nth) =>
    recorded(one, { aggregateType: 'ConnectionRequest', aggregateId: connectionRequestId, nth, at: plus(MONDAY_NOON, nth * HOUR) }),
  );
const sent = {
  ...miaAsksOkafor,
  subject: 'mathematics',
  level: 'gcse',
  message: null,
  status: 'Pending',
  sentAt: MONDAY_NOON,
  expiresAt: requestSent.data.expiresAt,
  viewedAt: null,
  closedAt: null,
};

describe('The list of connection requests', () => {
  it('shows a request that was sent', () =>
    expect(rowsAfter(connectionRequests, ...happened(requestSent))).toEqual({ [connectionRequestId]: sent }));
  it('keeps what the student wrote', () =>
    expect(
      rowsAfter(connectionRequests, ...happened(event(request.connectionRequestSent, { ...requestSent.data, message: 'Please!' }))),
    ).toMatchObject({ [connectionRequestId]: { message: 'Please!' } }));
  it('shows when it was seen and when it was answered', () =>
    expect(rowsAfter(connectionRequests, ...happened(requestSent, requestViewed, requestAccepted))).toEqual({
      [connectionRequestId]: { ...sent, status: 'Accepted', viewedAt: plus(MONDAY_NOON, HOUR), closedAt: plus(MONDAY_NOON, 2 * HOUR) },
    }));
  it.each([
    [event(request.connectionRejected, miaAsksOkafor), 'Rejected'],
    [event(request.connectionRequestExpired, miaAsksOkafor), 'Expired'],
    [event(request.connectionWithdrawn, miaAsksOkafor), 'Withdrawn'],
    [event(request.connectionRequestVoided, { ...miaAsksOkafor, reason: 'account_closed' }), 'Voided'],
  ] as const)('shows how it ended: %j', (end, status) =>
    expect(rowsAfter(connectionRequests, ...happened(requestSent, end))).toEqual({
      [connectionRequestId]: { ...sent, status, closedAt: plus(MONDAY_NOON, HOUR) },
    }),
  );
});
