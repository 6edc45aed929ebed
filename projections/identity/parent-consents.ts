import type { Events } from '#domain/deciders.ts';
import { change, put, type ReadModel } from '#domain/kernel/consumer.ts';
import { ERASED } from '#domain/kernel/event.ts';
import type { Instant } from '#domain/kernel/time.ts';

export interface ParentConsentRow {
  readonly studentId: string;
  readonly status: 'Requested' | 'Granted' | 'Denied' | 'Expired' | 'Revoked';
  readonly round: number;
  readonly parentEmail: string;
  readonly noticeVersion: string;
  readonly scopesAsked: readonly string[];
  readonly scopesGranted: readonly string[];
  readonly method: string | null;
  readonly requestedAt: Instant;
  readonly expiresAt: Instant;
  readonly remindedAt: Instant | null;
  readonly decidedAt: Instant | null;
}

/** The consent of each minor's parent, by student: the latest round. */
export const parentConsents: ReadModel<ParentConsentRow, Events> = {
  name: 'parent_consents',
  context: 'identity',
  version: 1,
  sentence: 'Whether a parent was asked, answered, and what the parent allows.',
  columns: {
    studentId: 'uuid',
    status: 'text',
    round: 'integer',
    parentEmail: 'text',
    noticeVersion: 'text',
    scopesAsked: 'text[]',
    scopesGranted: 'text[]',
    method: 'text?',
    requestedAt: 'instant',
    expiresAt: 'instant',
    remindedAt: 'instant?',
    decidedAt: 'instant?',
  },
  indexes: [['status', 'expiresAt']],
  on: {
    ParentConsentRequested: ({ data }) =>
      put<ParentConsentRow>(data.studentId, {
        studentId: data.studentId,
        status: 'Requested',
        round: data.round,
        parentEmail: data.parentEmail,
        noticeVersion: data.noticeVersion,
        scopesAsked: data.scopes,
        scopesGranted: [],
        method: null,
        requestedAt: data.requestedAt,
        expiresAt: data.expiresAt,
        remindedAt: null,
        decidedAt: null,
      }),
    ParentConsentReminderSent: ({ data }) => change<ParentConsentRow>(data.studentId, (row) => ({ ...row, remindedAt: data.remindedAt })),
    ParentConsentGranted: ({ data, at }) =>
      change<ParentConsentRow>(data.studentId, (row) => ({
        ...row,
        status: 'Granted',
        scopesGranted: data.scopes,
        method: data.method,
        decidedAt: at,
      })),
    ParentConsentDenied: ({ data, at }) => change<ParentConsentRow>(data.studentId, (row) => ({ ...row, status: 'Denied', decidedAt: at })),
    ParentConsentExpired: ({ data }) => change<ParentConsentRow>(data.studentId, (row) => ({ ...row, status: 'Expired' })),
    ParentConsentRevoked: ({ data, at }) =>
      change<ParentConsentRow>(data.studentId, (row) => ({
        ...row,
        status: data.remaining.length === 0 ? 'Revoked' : 'Granted',
        scopesGranted: data.remaining,
        decidedAt: at,
      })),
    AccountErased: ({ data }) => change<ParentConsentRow>(data.userId, (row) => ({ ...row, parentEmail: ERASED })),
  },
};
