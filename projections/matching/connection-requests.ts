import type { Events } from '#domain/deciders.ts';
import { change, put, type Change, type ReadModel } from '#domain/kernel/consumer.ts';

export interface ConnectionRequestRow {
  readonly connectionRequestId: string;
  readonly studentId: string;
  readonly tutorId: string;
  readonly subject: string;
  readonly level: string;
  readonly message: string | null;
  readonly status: 'Pending' | 'Viewed' | 'Accepted' | 'Rejected' | 'Expired' | 'Withdrawn' | 'Voided';
  readonly sentAt: string;
  readonly expiresAt: string;
  readonly viewedAt: string | null;
  /** When it was answered or ended. */
  readonly closedAt: string | null;
}

type Closing = 'Accepted' | 'Rejected' | 'Expired' | 'Withdrawn' | 'Voided';
const closed =
  (status: Closing) =>
  ({ aggregateId, at }: { aggregateId: string; at: string }): Change<ConnectionRequestRow> =>
    change(aggregateId, (row: ConnectionRequestRow) => ({ ...row, status, closedAt: at }));

export const connectionRequests: ReadModel<ConnectionRequestRow, Events> = {
  name: 'connection-requests',
  context: 'matching',
  version: 1,
  sentence: 'Requests to connect, as student and tutor see them.',
  columns: {
    connectionRequestId: 'uuid',
    studentId: 'uuid',
    tutorId: 'uuid',
    subject: 'text',
    level: 'text',
    message: 'text?',
    status: 'text',
    sentAt: 'instant',
    expiresAt: 'instant',
    viewedAt: 'instant?',
    closedAt: 'instant?',
  },
  indexes: [['tutorId', 'sentAt', 'connectionRequestId'], ['studentId', 'sentAt', 'connectionRequestId'], ['sentAt']],
  on: {
    ConnectionRequestSent: ({ at, data: { message, ...request } }) =>
      put(request.connectionRequestId, {
        ...request,
        message: message ?? null,
        status: 'Pending',
        sentAt: at,
        viewedAt: null,
        closedAt: null,
      }),
    ConnectionRequestViewed: ({ aggregateId, at }) =>
      change(aggregateId, (row: ConnectionRequestRow) => ({ ...row, status: 'Viewed', viewedAt: at })),
    ConnectionAccepted: closed('Accepted'),
    ConnectionRejected: closed('Rejected'),
    ConnectionRequestExpired: closed('Expired'),
    ConnectionWithdrawn: closed('Withdrawn'),
    ConnectionRequestVoided: closed('Voided'),
  },
};
