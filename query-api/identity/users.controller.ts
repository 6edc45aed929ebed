import { Controller, Get, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { Caller, Endpoint } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { parentConsents } from '#projections/identity/parent-consents.ts';
import { studentProfiles } from '#projections/identity/student-profiles.ts';
import { userAccounts } from '#projections/identity/user-accounts.ts';
import { consentStatus, consentStatusOf, userProfile } from './answers.ts';
import { UsersQueries } from './users.queries.ts';

@Controller()
export class UsersController {
  constructor(@Inject(UsersQueries) private readonly users: UsersQueries) {}

  @Get('users/profile')
  @Endpoint({
    summary: 'One’s own account and, for students, profile.',
    actors: ['student', 'tutor', 'parent', 'admin'],
    response: userProfile,
    reads: [userAccounts.name, studentProfiles.name],
  })
  async profile(@Caller() caller: Caller): Promise<z.output<typeof userProfile>> {
    const userId = caller.actor.userId!;
    const [account, student] = await Promise.all([this.users.account(userId), this.users.student(userId)]);
    if (account === undefined) throw new Problem('not_found');
    return { ...account, student: student === undefined ? null : { ...student, subjectsOfInterest: [...student.subjectsOfInterest] } };
  }

  @Get('students/consent-status')
  @Endpoint({
    summary: 'Whether a parent’s consent is needed, and how it stands.',
    actors: ['student'],
    response: consentStatus,
    reads: [studentProfiles.name, parentConsents.name],
  })
  async consentStatus(@Caller() caller: Caller): Promise<z.output<typeof consentStatus>> {
    const studentId = caller.actor.userId!;
    const [student, consent] = await Promise.all([this.users.student(studentId), this.users.consent(studentId)]);
    if (student === undefined) throw new Problem('not_found');
    return consentStatusOf(student, consent);
  }
}
