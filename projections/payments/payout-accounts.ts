import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';

export interface PayoutAccountRow {
  readonly tutorId: string;
  readonly status: 'Pending' | 'Active' | 'Restricted' | 'Rejected' | 'Disconnected';
  readonly since: string;
}

const becomes =
  (status: PayoutAccountRow['status']) =>
  ({ at, data: { tutorId } }: { readonly at: string; readonly data: { readonly tutorId: string } }) =>
    change<PayoutAccountRow>(tutorId, (row) => ({ ...row, status, since: at }));

export const payoutAccounts: ReadModel<PayoutAccountRow, Events> = {
  name: 'payout_accounts',
  context: 'payments',
  version: 1,
  sentence: 'Whether a tutor can be paid.',
  columns: { tutorId: 'uuid', status: 'text', since: 'instant' },
  indexes: [],
  on: {
    PayoutOnboardingStarted: ({ at, data: { tutorId } }) => put(tutorId, { tutorId, status: 'Pending', since: at }),
    PayoutAccountActivated: becomes('Active'),
    PayoutAccountRestricted: becomes('Restricted'),
    PayoutAccountRejected: becomes('Rejected'),
    PayoutAccountDisconnected: becomes('Disconnected'),
  },
};
