import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import * as consent from './parent-consent.messages.ts';
import { parentEmail, studentId } from './student-profile.examples.ts';

/** Mia's mother is asked on Monday at noon, and consents to all but recording. */
export const aParent: Actor = { role: 'anonymous' };
export const anOperator: Actor = { role: 'internal' };
export const requestId = '01939a00-0000-7000-8000-0000000000e1';
export const tokenHash = 'e5'.repeat(32);
export const scopesGranted: consent.Scope[] = ['account', 'messaging', 'video', 'payment'];

export const consentAsked = event(consent.parentConsentRequested, {
  studentId,
  round: 1,
  requestId,
  parentEmail,
  noticeVersion: consent.NOTICE_VERSION,
  scopes: [...consent.SCOPES_ASKED],
  tokenHash,
  requestedAt: '2026-11-23T12:00:00.000Z',
  expiresAt: '2026-11-30T12:00:00.000Z',
});
export const consentGranted = event(consent.parentConsentGranted, {
  studentId,
  round: 1,
  method: 'email_link',
  scopes: scopesGranted,
  noticeVersion: consent.NOTICE_VERSION,
});
export const consentDenied = event(consent.parentConsentDenied, { studentId, round: 1 });
export const consentExpired = event(consent.parentConsentExpired, { studentId, round: 1 });
export const consentRevoked = event(consent.parentConsentRevoked, { studentId, round: 1, revoked: scopesGranted, remaining: [] });
