import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { emailAddress } from '#domain/identity/user-account.messages.ts';
import { byId, type ById, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { parentConsents } from '#projections/identity/parent-consents.ts';
import { studentProfiles } from '#projections/identity/student-profiles.ts';
import { userAccounts } from '#projections/identity/user-accounts.ts';
import { account, consentStatusOf, detailedConsentStatus } from './answers.ts';
import { UsersQueries } from './users.queries.ts';

const byEmail = z.object({ email: emailAddress });
const found = z.object({ users: z.array(account) });

@Controller('internal')
export class IdentityInternalQueriesController {
  constructor(@Inject(UsersQueries) private readonly users: UsersQueries) {}

  // Before `:id`, which would take the word for an id.
  @Get('users/search')
  @Endpoint({
    summary: 'The accounts of an e-mail address, the newest first.',
    actors: ['internal', 'admin'],
    query: byEmail,
    response: found,
    reads: [userAccounts.name],
  })
  async search(@Query() { email }: z.output<typeof byEmail>): Promise<z.output<typeof found>> {
    return { users: await this.users.accountsOf(email) };
  }

  @Get('users/:id')
  @Endpoint({
    summary: 'An account.',
    actors: ['internal', 'admin'],
    params: byId,
    response: account,
    reads: [userAccounts.name],
  })
  async user(@Params() { id }: ById): Promise<z.output<typeof account>> {
    const user = await this.users.account(id);
    if (user === undefined) throw new Problem('not_found');
    return user;
  }

  @Get('students/:id/consent-status')
  @Endpoint({
    summary: 'How the consent of a student’s parent stands.',
    actors: ['internal', 'admin'],
    params: byId,
    response: detailedConsentStatus,
    reads: [studentProfiles.name, parentConsents.name],
  })
  async consentStatus(@Params() { id }: ById): Promise<z.output<typeof detailedConsentStatus>> {
    const [student, consent] = await Promise.all([this.users.student(id), this.users.consent(id)]);
    if (student === undefined) throw new Problem('not_found');
    return consentStatusOf(student, consent);
  }
}
