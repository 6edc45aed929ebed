import { z } from 'zod';
import {
  attemptMail,
  MailOutcomeUnknown,
  mailDelivery,
  OUTCOME_AWAITED_FOR,
  recordMailAttemptFailed,
  recordMailSent,
  wasSent,
} from '#domain/identity/mail-delivery.ts';
import { parentConsent } from '#domain/identity/parent-consent.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { command } from '#domain/kernel/command.ts';
import { defineEffect, effect } from '#domain/kernel/consumer.ts';
import { ERASED, type RecordedEvent } from '#domain/kernel/event.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import type { MailTokens } from '#infra/auth/mail-tokens.ts';
import { handleEffect, type EffectContext } from '#infra/process-managers/effect.ts';
import { mailTemplateNames, writeMail, type Letter, type MailParams, type MailTemplateName } from './mail-templates.ts';

const to = z.union([z.object({ userId: uuid }), z.object({ consentOf: uuid })]);
export type MailRecipient = z.output<typeof to>;

export const sendMail = defineEffect('SendMail', {
  sentence: 'Send a mail, once.',
  data: z.object({
    deliveryId: uuid,
    template: z.enum(mailTemplateNames),
    /** A user, or the parent who was asked to consent for a student. */
    to,
    params: z.record(z.string().max(60), z.string().max(500)).default({}),
  }),
  undo: { irreversible: 'A mail that went out cannot be called back; it only tells what has happened.' },
});

/**
 * The reaction's message for a mail about an event. Its delivery follows from event, template and recipient, so neither a repetition
 * nor a replay sends it again. `params` hold ids and times, never a name or a secret.
 */
export function mailAbout(event: RecordedEvent, template: MailTemplateName, to: MailRecipient, params: MailParams = {}) {
  const recipientId = 'userId' in to ? to.userId : to.consentOf;
  return effect(sendMail, { deliveryId: followUpId('mail', event.id, template, recipientId), template, to, params: { ...params } });
}

/** What sending needs of the outside world. */
export interface MailAdapters {
  readonly mailer: {
    sendMail(mail: { to: string; subject: string; text: string; deliveryId: string }): Promise<string>;
  };
  readonly tokens: MailTokens;
  /** Where clients reach the platform, without a slash at the end. */
  readonly publicUrl: string;
  /** Milliseconds for which the platform has been able to hear the mail service's notices. */
  readonly listeningFor: () => number | Promise<number>;
}

export const sendMailEffect = (adapters: MailAdapters) =>
  handleEffect(sendMail, async ({ deliveryId, template, to, params }, context) => {
    const { tokens, publicUrl } = adapters;
    if ('consentOf' in to) {
      const { state } = await context.load(parentConsent, to.consentOf);
      if (state.request === undefined || state.request.parentEmail === ERASED) return;
      const { requestId, parentEmail } = state.request;
      const { state: child } = await context.load(userAccount, to.consentOf);
      const { token } = tokens.mint('parent-consent', to.consentOf, params['requestId'] ?? requestId);
      const letter = writeMail(template, params, { timeZone: child.account?.timeZone ?? 'UTC', publicUrl, token });
      return deliver({ deliveryId, template, recipientId: to.consentOf, recipient: parentEmail, params, letter }, adapters, context);
    }
    const reader = await personOf(to.userId, context);
    if (reader === undefined) return;
    const other = params['otherUserId'] === undefined ? undefined : await personOf(params['otherUserId'], context);
    const letter = writeMail(template, params, { ...reader, other, publicUrl });
    await deliver({ deliveryId, template, recipientId: to.userId, recipient: reader.email, params, letter }, adapters, context);
  });

/** Somebody who can still be written to. */
async function personOf(userId: string, { load }: EffectContext) {
  const { state } = await load(userAccount, userId);
  if (state.account === undefined || state.account.email === ERASED) return undefined;
  const { email, displayName, timeZone } = state.account;
  return { email, name: displayName === ERASED ? undefined : displayName, timeZone };
}

export interface Delivery {
  readonly deliveryId: string;
  readonly template: MailTemplateName;
  /** Whose the address is: the parent's belongs to the child. */
  readonly recipientId: string;
  readonly recipient: string;
  readonly params: MailParams;
  readonly letter: Letter;
}

/**
 * Hands a mail over for sending, unless it went out before. The attempt is on record before the call: after a crash in between nobody knows
 * whether it was sent, so the next attempt waits for the mail service's notice, or for some seconds without one in which the platform could have heard it.
 */
export async function deliver(mail: Delivery, { mailer, listeningFor }: MailAdapters, { load, commands }: EffectContext): Promise<void> {
  const { deliveryId, template, recipientId, recipient, params, letter } = mail;
  const { state } = await load(mailDelivery, deliveryId);
  if (wasSent(state)) return;
  if (state.status === 'Attempted' && (await listeningFor()) < OUTCOME_AWAITED_FOR) throw new MailOutcomeUnknown();
  const step = `attempt ${state.attempt + 1}`;
  await commands.send(command(attemptMail, { deliveryId, template, recipientId, recipient, params: { ...params } }), step);
  let providerMessageId: string;
  try {
    providerMessageId = await mailer.sendMail({ to: recipient, ...letter, deliveryId });
  } catch (error) {
    const surelyNot = error instanceof UpstreamRefused || (error instanceof UpstreamUnsure && error.certainlyNot);
    if (surelyNot) await commands.send(command(recordMailAttemptFailed, { deliveryId, code: error.code }), step);
    throw error;
  }
  await commands.send(command(recordMailSent, { deliveryId, providerMessageId }), step);
}
