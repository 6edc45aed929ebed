import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface MatchRow {
  readonly matchId: string;
  readonly studentId: string;
  readonly tutorId: string;
  readonly status: 'Active' | 'Ended' | 'Blocked';
  readonly since: string;
  readonly endedAt: string | null;
}

export const matches: ReadModel<MatchRow, Events> = {
  name: 'matches',
  context: 'matching',
  version: 1,
  sentence: 'Students and tutors who are, or were, connected.',
  columns: {
    matchId: 'text',
    studentId: 'uuid',
    tutorId: 'uuid',
    status: 'text',
    since: 'instant',
    endedAt: 'instant?',
  },
  indexes: [['studentId'], ['tutorId']],
  on: {
    MatchEstablished: ({ at, data: { matchId, studentId, tutorId } }) =>
      put(matchId, { matchId, studentId, tutorId, status: 'Active', since: at, endedAt: null }),
    MatchEnded: ({ at, data }) => change(data.matchId, (row: MatchRow) => ({ ...row, status: 'Ended', endedAt: at })),
    MatchBlocked: ({ at, data }) => change(data.matchId, (row: MatchRow) => ({ ...row, status: 'Blocked', endedAt: row.endedAt ?? at })),
  },
};
