import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import * as account from './user-account.messages.ts';

/** Mia Sommer, a student, registers on Monday at noon. */
export const miaId = '01939a00-0000-7000-8000-0000000000a1';
export const miaEmail = 'mia@example.org';
export const miaEmailHash = 'a1'.repeat(32);
export const mia: Actor = { role: 'student', userId: miaId };
export const somebody: Actor = { role: 'student', userId: '01939a00-0000-7000-8000-0000000000fe' };
export const anonymous: Actor = { role: 'anonymous' };
export const anAdmin: Actor = { role: 'admin', userId: '01939a00-0000-7000-8000-0000000000ad' };

export const miaRegisters = {
  userId: miaId,
  email: miaEmail,
  emailHash: miaEmailHash,
  role: 'student' as const,
  displayName: 'Mia',
  timeZone: 'Europe/Berlin',
  locale: 'de-DE',
};
export const verificationToken = { deliveryId: '01939a00-0000-7000-8000-0000000000d1', tokenHash: 'b2'.repeat(32) };

export const miaRegistered = event(account.accountCreated, {
  ...miaRegisters,
  registeredAt: '2026-11-23T12:00:00.000Z',
  verifyBy: '2026-11-30T12:00:00.000Z',
});
export const miaWasSentAToken = event(account.emailVerificationSent, {
  userId: miaId,
  ...verificationToken,
  expiresAt: '2026-11-24T12:00:00.000Z',
});
export const miaActivated = event(account.accountActivated, { userId: miaId, method: 'email_token' });
export const miaSuspended = event(account.accountSuspended, { userId: miaId, reason: 'spam' });
export const miaAskedForDeletion = event(account.accountDeletionRequested, { userId: miaId });
export const miaRegistrationExpired = event(account.accountRegistrationExpired, { userId: miaId, emailHash: miaEmailHash });
