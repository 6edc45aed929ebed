import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { freeConnectionPlace } from '#domain/matching/connection-allowance.ts';
import { releaseConnectionGuard } from '#domain/matching/connection-guard.ts';
import { expireConnectionRequest } from '#domain/matching/connection-request.ts';

type Ended = 'ConnectionAccepted' | 'ConnectionRejected' | 'ConnectionWithdrawn' | 'ConnectionRequestExpired' | 'ConnectionRequestVoided';

const makeRoom = ({ data: { connectionRequestId, studentId, tutorId } }: RecordedEvent<Events[Ended]>) => [
  now(command(releaseConnectionGuard, { pairId: pairId(studentId, tutorId), connectionRequestId })),
  now(command(freeConnectionPlace, { studentId, connectionRequestId })),
];

/** 24-hour Request Expiry Policy. */
export const answerInADay: ProcessManager<Events> = {
  name: 'answer-in-a-day',
  context: 'matching',
  sentence: 'A request that nobody answers in its time expires; one that ended makes room for the next.',
  on: {
    ConnectionRequestSent: ({ data: { connectionRequestId, expiresAt } }) =>
      at(expiresAt, command(expireConnectionRequest, { connectionRequestId }), { settledBy: ['request_closed'] }),
    ConnectionAccepted: makeRoom,
    ConnectionRejected: makeRoom,
    ConnectionWithdrawn: makeRoom,
    ConnectionRequestExpired: makeRoom,
    ConnectionRequestVoided: makeRoom,
  },
};
