import { z } from 'zod';
import { emailReservation } from '#domain/identity/email-reservation.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { ERASED } from '#domain/kernel/event.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import type { SignInAdapters } from './sign-in.ts';

export const deleteSignUp = defineEffect('DeleteSignUp', {
  sentence: 'Remove the log-in of a registration that was never verified.',
  data: z.object({ userId: uuid }),
  undo: { irreversible: 'The person may register again with the same address.' },
});

/**
 * Log-ins are named by address, so the evidence is the reservation: once it is released the address may be somebody else's, and
 * nothing may be removed under it any more.
 */
export const deleteSignUpEffect = ({ pool }: SignInAdapters) =>
  handleEffect(deleteSignUp, async ({ userId }, { load }) => {
    const { state } = await load(userAccount, userId);
    if (state.status !== 'Closed' || state.account === undefined || state.account.email === ERASED) return;
    const { state: reservation } = await load(emailReservation, state.account.emailHash);
    if (reservation.heldBy === userId) await pool.deleteUser(state.account.email);
  });
