import { z } from 'zod';
import { isActive, userAccount } from '#domain/identity/user-account.ts';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import type { SignInAdapters } from './sign-in.ts';

export const disableSignIn = defineEffect('DisableSignIn', {
  sentence: 'Keep a suspended person from logging in, and end all sessions.',
  data: z.object({ userId: uuid }),
  undo: { by: 'EnableSignIn' },
});
export const enableSignIn = defineEffect('EnableSignIn', {
  sentence: 'Let a reinstated person log in again.',
  data: z.object({ userId: uuid }),
  undo: { by: 'DisableSignIn' },
});

// Each looks at how the account stands now: what a later event has changed must not be put back by an earlier one.
export const disableSignInEffect = ({ pool }: SignInAdapters) =>
  handleEffect(disableSignIn, async ({ userId }, { load }) => {
    const { state } = await load(userAccount, userId);
    if (state.status !== 'Suspended') return;
    await pool.setEnabled(state.account!.email, false);
    await pool.signOutEverywhere(state.account!.email);
  });

export const enableSignInEffect = ({ pool }: SignInAdapters) =>
  handleEffect(enableSignIn, async ({ userId }, { load }) => {
    const { state } = await load(userAccount, userId);
    if (isActive(state)) await pool.setEnabled(state.account!.email, true);
  });
