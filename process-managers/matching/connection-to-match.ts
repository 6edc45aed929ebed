import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { establishMatch } from '#domain/matching/student-tutor-match.ts';

export const connectionToMatch: ProcessManager<Events> = {
  name: 'connection-to-match',
  context: 'matching',
  sentence: 'An accepted request connects the two.',
  on: {
    ConnectionAccepted: ({ data: { connectionRequestId, studentId, tutorId } }) =>
      now(command(establishMatch, { matchId: pairId(studentId, tutorId), studentId, tutorId, connectionRequestId }), {
        settledBy: ['pair_is_blocked'],
      }),
  },
};
