import { Inject, Injectable } from '@nestjs/common';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { Config } from '#infra/config/config.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { Database } from '#infra/postgres/database.ts';
import type { ParentConsentRow } from '#projections/identity/parent-consents.ts';
import type { StudentProfileRow } from '#projections/identity/student-profiles.ts';
import type { UserAccountRow } from '#projections/identity/user-accounts.ts';

const ACCOUNT = `user_id as "userId", email, role, display_name as "displayName", time_zone as "timeZone", locale, status,
  registered_at as "registeredAt", activated_at as "activatedAt"`;
export type Account = Omit<UserAccountRow, 'emailHash'>;

const STUDENT = `student_id as "studentId", name, grade_level as "gradeLevel", subjects_of_interest as "subjectsOfInterest",
  learning_goals as "learningGoals", date_of_birth as "dateOfBirth", age_band as "ageBand", time_zone as "timeZone",
  parent_email as "parentEmail", status, restricted_because as "restrictedBecause", ready_since as "readySince"`;

const CONSENT = `student_id as "studentId", status, round, parent_email as "parentEmail", notice_version as "noticeVersion",
  scopes_asked as "scopesAsked", scopes_granted as "scopesGranted", method, requested_at as "requestedAt", expires_at as "expiresAt",
  reminded_at as "remindedAt", decided_at as "decidedAt"`;

/** Reads accounts, students and consents. */
@Injectable()
export class UsersQueries {
  readonly #tokens: MailTokens;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) config: Pick<Config, 'masterKey'>,
  ) {
    this.#tokens = new MailTokens(config.masterKey);
  }

  async account(userId: string): Promise<Account | undefined> {
    const sql = `select ${ACCOUNT} from identity.user_accounts where key = $1`;
    return (await this.database.query<Account>(sql, [userId], 'identity.account'))[0];
  }

  /** The accounts of an address, the newest first: one is live, earlier ones may be closed. `email` is normalised. */
  accountsOf(email: string): Promise<Account[]> {
    const sql = `select ${ACCOUNT} from identity.user_accounts where email_hash = $1 order by registered_at desc, key limit 20`;
    return this.database.query<Account>(sql, [this.#tokens.emailHash(email)], 'identity.accounts_of');
  }

  async student(studentId: string): Promise<StudentProfileRow | undefined> {
    const sql = `select ${STUDENT} from identity.student_profiles where key = $1`;
    return (await this.database.query<StudentProfileRow>(sql, [studentId], 'identity.student'))[0];
  }

  async consent(studentId: string): Promise<ParentConsentRow | undefined> {
    const sql = `select ${CONSENT} from identity.parent_consents where key = $1`;
    return (await this.database.query<ParentConsentRow>(sql, [studentId], 'identity.consent'))[0];
  }
}
