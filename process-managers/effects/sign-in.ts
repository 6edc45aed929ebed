import type { UserPool } from '#infra/adapters/cognito/user-pool.ts';

/** What the effects on log-ins need of the user pool. */
export interface SignInAdapters {
  readonly pool: Pick<UserPool, 'confirm' | 'deleteUser' | 'setEnabled' | 'signOutEverywhere'>;
}
