import { Controller, Headers, Inject, Post } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { MailNotAttempted, recordMailAttemptFailed, recordMailBounced, recordMailSent } from '#domain/identity/mail-delivery.ts';
import { command, type CommandMessage } from '#domain/kernel/command.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { DELIVERY_TAG } from '#infra/adapters/ses/mailer.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Caller, Endpoint, RawBody } from '#infra/http/endpoint.ts';
import { CONFIG, LOG } from '#infra/http/injection.ts';
import { Problem } from '#infra/http/problems.ts';

const envelope = z.object({ Type: z.string(), MessageId: z.string().max(100), Message: z.string() });
const notice = z.object({
  eventType: z.string(),
  mail: z.object({ messageId: z.string().max(200), tags: z.record(z.string(), z.array(z.string())).default({}) }),
  bounce: z.object({ bounceType: z.string() }).optional(),
});

/** What becomes of mails, as SES tells it through SNS with basic authentication. */
@Controller('webhooks')
export class SesWebhookController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(CONFIG) private readonly config: Pick<Config, 'mail'>,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Post('ses')
  @Endpoint({
    summary: 'Takes the notices of the mail service: sent, bounced, complained, rejected.',
    actors: 'anyone',
    rawBody: true,
    response: z.object({ received: z.literal(true) }),
    status: 200,
  })
  async receive(
    @RawBody() body: Buffer,
    @Headers('authorization') authorization: string | undefined,
    @Caller() caller: Caller,
  ): Promise<{ received: true }> {
    this.#mustKnowPassword(authorization);
    const { Type, MessageId, Message } = parsed(envelope, body.toString('utf8'));
    if (Type === 'SubscriptionConfirmation')
      this.log.warn('the mail notices wait for their subscription to be confirmed, in the console of SNS');
    if (Type !== 'Notification') return { received: true };
    const message = commandFor(parsed(notice, Message));
    if (message !== undefined) {
      const commandId = followUpId('ses notice', MessageId);
      try {
        await this.commands.send(message, caller.commandContext({ by: { role: 'external' }, commandId }));
      } catch (refusal) {
        // Not a mail of ours, such as one that the user pool sent: nothing will ever take it.
        if (!(refusal instanceof MailNotAttempted)) throw refusal;
      }
    }
    return { received: true };
  }

  #mustKnowPassword(authorization: string | undefined): void {
    const { webhookUser, webhookPassword } = this.config.mail;
    const expected = `Basic ${Buffer.from(`${webhookUser}:${webhookPassword}`).toString('base64')}`;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    if (!timingSafeEqual(digest(expected), digest(authorization ?? ''))) {
      throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Basic realm="webhooks"' } });
    }
  }
}

function parsed<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem('malformed_json');
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new Problem('validation_failed');
  return result.data;
}

function commandFor({ eventType, mail, bounce }: z.output<typeof notice>): CommandMessage | undefined {
  const deliveryId = mail.tags[DELIVERY_TAG]?.[0];
  if (!uuid.safeParse(deliveryId).success || deliveryId === undefined) return undefined;
  switch (eventType) {
    case 'Send':
    case 'Delivery':
      return command(recordMailSent, { deliveryId, providerMessageId: mail.messageId });
    case 'Bounce':
      return command(recordMailBounced, { deliveryId, kind: bounce?.bounceType === 'Permanent' ? 'permanent' : 'transient' });
    case 'Complaint':
      return command(recordMailBounced, { deliveryId, kind: 'complaint' });
    case 'Reject':
    case 'Rendering Failure':
      return command(recordMailAttemptFailed, { deliveryId, code: eventType });
    default:
      return undefined;
  }
}
