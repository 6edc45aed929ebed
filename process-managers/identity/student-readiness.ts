import type { z } from 'zod';
import type { Events } from '#domain/deciders.ts';
import { lapseMinority, markStudentReady, restrictStudent, type studentRestricted } from '#domain/identity/student-profile.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager, type Reaction } from '#domain/kernel/consumer.ts';

/** There is nothing to open: the account is a tutor's, or the profile does not exist yet. */
const NO_PROFILE = ['student_profile_not_found'];
type Reason = z.output<typeof studentRestricted.schema>['reason'];

const ready = (studentId: string): Reaction => now(command(markStudentReady, { studentId }), { settledBy: NO_PROFILE });
const restrict = (studentId: string, reason: Reason): Reaction =>
  now(command(restrictStudent, { studentId, reason }), { settledBy: NO_PROFILE });

/** The 18th birthday has begun everywhere by noon UTC. A forgotten person's birthday is not known any more. */
function comingOfAge(studentId: string, born: { ageBand: string; becomesAdultOn: string }): readonly Reaction[] {
  if (born.ageBand === 'adult' || !/^\d{4}-\d\d-\d\d$/.test(born.becomesAdultOn)) return [];
  // A corrected date brings a timer of its own.
  return [at(`${born.becomesAdultOn}T12:00:00.000Z`, command(lapseMinority, { studentId }), { settledBy: ['still_a_minor'] })];
}

/** Opens the platform to a student when everything is in place, and closes it when something no longer is. */
export const studentReadiness: ProcessManager<Events> = {
  name: 'student-readiness',
  context: 'identity',
  sentence:
    'A student is ready when the account is active, the profile complete and, under 18, a parent has consented; and restricted when that ends.',
  on: {
    AccountActivated: ({ data }) => ready(data.userId),
    AccountReinstated: ({ data }) => ready(data.userId),
    AccountSuspended: ({ data }) => restrict(data.userId, 'account_suspended'),
    AccountDeletionRequested: ({ data }) => restrict(data.userId, 'account_closing'),
    StudentProfileCreated: ({ data }) => [ready(data.studentId), ...comingOfAge(data.studentId, data)],
    StudentProfileUpdated: ({ data }) => ready(data.studentId),
    DateOfBirthCorrected: ({ data }) => [ready(data.studentId), ...comingOfAge(data.studentId, data)],
    MinorStatusLapsed: ({ data }) => ready(data.studentId),
    ParentConsentGranted: ({ data }) => ready(data.studentId),
    ParentConsentDenied: ({ data }) => restrict(data.studentId, 'consent_missing'),
    ParentConsentExpired: ({ data }) => restrict(data.studentId, 'consent_missing'),
    ParentConsentRevoked: ({ data }) => (data.remaining.length === 0 ? restrict(data.studentId, 'consent_revoked') : []),
  },
};
