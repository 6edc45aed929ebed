import type { z } from 'zod';
import type { Events } from '#domain/deciders.ts';
import type { accountRole } from '#domain/identity/user-account.messages.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import { ERASED } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';

export interface UserAccountRow {
  readonly userId: string;
  readonly email: string;
  /** The keyed hash by which an account is found by its address. */
  readonly emailHash: string;
  readonly role: z.output<typeof accountRole>;
  readonly displayName: string | null;
  readonly timeZone: string;
  readonly locale: string;
  readonly status: 'PendingVerification' | 'Active' | 'Suspended' | 'Closing' | 'Closed';
  readonly registeredAt: Instant;
  readonly activatedAt: Instant | null;
}

const status = (userId: string, status: UserAccountRow['status']) => change<UserAccountRow>(userId, (row) => ({ ...row, status }));

/** Every account, by user. */
export const userAccounts: ReadModel<UserAccountRow, Events> = {
  name: 'user_accounts',
  context: 'identity',
  version: 1,
  sentence: 'Who has an account, and whether it may be used.',
  columns: {
    userId: 'uuid',
    email: 'text',
    emailHash: 'text',
    role: 'text',
    displayName: 'text?',
    timeZone: 'text',
    locale: 'text',
    status: 'text',
    registeredAt: 'instant',
    activatedAt: 'instant?',
  },
  indexes: [['emailHash']],
  on: {
    AccountCreated: ({ data }) =>
      put<UserAccountRow>(data.userId, {
        userId: data.userId,
        email: data.email,
        emailHash: data.emailHash,
        role: data.role,
        displayName: data.displayName ?? null,
        timeZone: data.timeZone,
        locale: data.locale,
        status: 'PendingVerification',
        registeredAt: data.registeredAt,
        activatedAt: null,
      }),
    AccountActivated: ({ data, at }) => change<UserAccountRow>(data.userId, (row) => ({ ...row, status: 'Active', activatedAt: at })),
    AccountRegistrationExpired: ({ data }) => status(data.userId, 'Closed'),
    AccountSuspended: ({ data }) => status(data.userId, 'Suspended'),
    AccountReinstated: ({ data }) => status(data.userId, 'Active'),
    AccountDeletionRequested: ({ data }) => status(data.userId, 'Closing'),
    // What a replay would read from the events of a forgotten person stands here at once.
    AccountErased: ({ data }) =>
      change<UserAccountRow>(data.userId, (row) => ({
        ...row,
        status: 'Closed',
        email: ERASED,
        displayName: row.displayName === null ? null : ERASED,
      })),
  },
};
