import { z } from 'zod';
import { requestParentConsent } from '#domain/identity/parent-consent.messages.ts';
import { command } from '#domain/kernel/command.ts';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { uuid } from '#domain/kernel/ids.ts';
import type { MailTokens } from '#infra/auth/mail-tokens.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';

export const askParent = defineEffect('AskParent', {
  sentence: 'Mint the token of a consent request, and open the request with its hash.',
  data: z.object({ studentId: uuid }),
  undo: { irreversible: 'It only opens a request, which the parent may decline and which ends by itself after seven days.' },
});

export const askParentEffect = ({ tokens }: { readonly tokens: MailTokens }) =>
  handleEffect(askParent, async ({ studentId }, { commands, cause }) => {
    const { hash } = tokens.mint('parent-consent', studentId, cause.id);
    await commands.send(command(requestParentConsent, { studentId, requestId: cause.id, tokenHash: hash }));
  });
