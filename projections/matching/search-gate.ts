import type { Events } from '#domain/deciders.ts';
import { put, remove, type ReadModel } from '#domain/kernel/consumer.ts';

export interface SearchGateRow {
  readonly studentId: string;
  readonly openSince: string;
}

export const searchGate: ReadModel<SearchGateRow, Events> = {
  name: 'search-gate',
  context: 'matching',
  version: 1,
  sentence: 'Students who may search: those ready for the platform.',
  columns: { studentId: 'uuid', openSince: 'instant' },
  indexes: [],
  on: {
    StudentReadyForPlatform: ({ at, data: { studentId } }) => put(studentId, { studentId, openSince: at }),
    StudentRestricted: ({ data }) => remove(data.studentId),
  },
};
