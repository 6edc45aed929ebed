import type { Events } from '#domain/deciders.ts';
import type { AgeBand } from '#domain/identity/student-profile.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import { ERASED } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';

export interface StudentProfileRow {
  readonly studentId: string;
  readonly name: string | null;
  readonly gradeLevel: string | null;
  readonly subjectsOfInterest: readonly string[];
  readonly learningGoals: string | null;
  readonly dateOfBirth: string;
  readonly ageBand: AgeBand;
  readonly timeZone: string;
  readonly parentEmail: string | null;
  readonly status: 'Draft' | 'AwaitingConsent' | 'Ready' | 'Restricted';
  readonly restrictedBecause: string | null;
  readonly readySince: Instant | null;
}

const erased = (value: string | null): string | null => (value === null ? null : ERASED);
const afterConsent = (row: StudentProfileRow): StudentProfileRow['status'] => (row.status === 'AwaitingConsent' ? 'Draft' : row.status);

/** Every student profile, by student. */
export const studentProfiles: ReadModel<StudentProfileRow, Events> = {
  name: 'student_profiles',
  context: 'identity',
  version: 1,
  sentence: 'What students say of themselves, and whether they may use the platform.',
  columns: {
    studentId: 'uuid',
    name: 'text?',
    gradeLevel: 'text?',
    subjectsOfInterest: 'text[]',
    learningGoals: 'text?',
    dateOfBirth: 'text',
    ageBand: 'text',
    timeZone: 'text',
    parentEmail: 'text?',
    status: 'text',
    restrictedBecause: 'text?',
    readySince: 'instant?',
  },
  indexes: [['status']],
  on: {
    StudentProfileCreated: ({ data }) =>
      put<StudentProfileRow>(data.studentId, {
        studentId: data.studentId,
        name: data.name ?? null,
        gradeLevel: data.gradeLevel ?? null,
        subjectsOfInterest: data.subjectsOfInterest ?? [],
        learningGoals: data.learningGoals ?? null,
        dateOfBirth: data.dateOfBirth,
        ageBand: data.ageBand,
        timeZone: data.timeZone,
        parentEmail: null,
        status: 'Draft',
        restrictedBecause: null,
        readySince: null,
      }),
    StudentProfileUpdated: ({ data }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({
        ...row,
        name: data.name ?? row.name,
        gradeLevel: data.gradeLevel ?? row.gradeLevel,
        subjectsOfInterest: data.subjectsOfInterest ?? row.subjectsOfInterest,
        learningGoals: data.learningGoals ?? row.learningGoals,
      })),
    DateOfBirthCorrected: ({ data }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({
        ...row,
        dateOfBirth: data.dateOfBirth,
        ageBand: data.ageBand,
        timeZone: data.timeZone,
        status: afterConsent(row),
      })),
    MinorStatusDetected: ({ data }) => change<StudentProfileRow>(data.studentId, (row) => ({ ...row, ageBand: data.ageBand })),
    ParentConsentRequired: ({ data }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({ ...row, status: 'AwaitingConsent', parentEmail: data.parentEmail })),
    MinorStatusLapsed: ({ data }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({ ...row, ageBand: 'adult', status: afterConsent(row) })),
    StudentReadyForPlatform: ({ data, at }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({ ...row, status: 'Ready', restrictedBecause: null, readySince: at })),
    StudentRestricted: ({ data }) =>
      change<StudentProfileRow>(data.studentId, (row) => ({
        ...row,
        status: 'Restricted',
        restrictedBecause: data.reason,
        readySince: null,
      })),
    AccountErased: ({ data }) =>
      change<StudentProfileRow>(data.userId, (row) => ({
        ...row,
        name: erased(row.name),
        learningGoals: erased(row.learningGoals),
        dateOfBirth: ERASED,
        parentEmail: erased(row.parentEmail),
      })),
  },
};
