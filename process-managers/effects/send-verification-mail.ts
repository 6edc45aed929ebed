import { z } from 'zod';
import { recordVerificationSent } from '#domain/identity/user-account.messages.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { command } from '#domain/kernel/command.ts';
import { defineEffect } from '#domain/kernel/consumer.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import { writeMail } from './mail-templates.ts';
import { deliver, type MailAdapters } from './send-mail.ts';

export const sendVerificationMail = defineEffect('SendVerificationMail', {
  sentence: 'Send a mail with a link that proves whose address it is, and record the hash of its token.',
  data: z.object({ userId: uuid }),
  undo: { irreversible: 'The link ends by itself after 24 hours, and opens nothing that is not the reader’s own.' },
});

export const sendVerificationMailEffect = (adapters: MailAdapters) =>
  handleEffect(sendVerificationMail, async ({ userId }, context) => {
    const { tokens, publicUrl } = adapters;
    const { state } = await context.load(userAccount, userId);
    if (state.status !== 'PendingVerification' || state.account === undefined) return;
    const deliveryId = followUpId('mail', context.cause.id);
    const { token, hash } = tokens.mint('verify-email', userId, deliveryId);
    const { email, displayName, timeZone } = state.account;
    const letter = writeMail('verify-email', {}, { name: displayName, timeZone, publicUrl, token });
    // On record before the mail goes out: a quick reader must find the link valid.
    await context.commands.send(command(recordVerificationSent, { userId, deliveryId, tokenHash: hash }));
    await deliver({ deliveryId, template: 'verify-email', recipientId: userId, recipient: email, params: {}, letter }, adapters, context);
  });
