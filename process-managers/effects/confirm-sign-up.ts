import { z } from 'zod';
import { isActive, userAccount } from '#domain/identity/user-account.ts';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import type { SignInAdapters } from './sign-in.ts';

export const confirmSignUp = defineEffect('ConfirmSignUp', {
  sentence: 'Let somebody log in whose e-mail address is verified.',
  data: z.object({ userId: uuid }),
  undo: { by: 'DisableSignIn' },
});

/** Confirming twice is confirming once, so the account itself is all the evidence that is needed. */
export const confirmSignUpEffect = ({ pool }: SignInAdapters) =>
  handleEffect(confirmSignUp, async ({ userId }, { load }) => {
    const { state } = await load(userAccount, userId);
    if (isActive(state)) await pool.confirm(state.account!.email);
  });
