import { SESClient, SendEmailCommand } from '@aws-sdk/client-ses';
import { callAws, clientSettings } from '../aws-errors.ts';
import type { AwsOptions } from '../aws-errors.ts';

/** A mail to one person. */
export interface OutgoingMail {
  to: string;
  subject: string;
  text: string;
  html?: string;
  /** Names this delivery; it comes back with every notice about the mail. Letters, digits, hyphen and underscore. */
  deliveryId: string;
}

/** The tag under which notices name the delivery. */
export const DELIVERY_TAG = 'deliveryId';

/** Sends mail through SES. It throws `UpstreamRefused` or `UpstreamUnsure`; SES knows no idempotency, so an unsure mail may have been sent. */
export class Mailer {
  private readonly client: SESClient;

  constructor(private readonly options: AwsOptions & { from: string; configurationSet?: string | undefined }) {
    this.client = new SESClient(clientSettings(options));
  }

  /** The message id that SES gave it. */
  async sendMail({ to, subject, text, html, deliveryId }: OutgoingMail): Promise<string> {
    const content = (Data: string) => ({ Data, Charset: 'UTF-8' });
    const command = new SendEmailCommand({
      Source: this.options.from,
      Destination: { ToAddresses: [to] },
      Message: { Subject: content(subject), Body: { Text: content(text), ...(html === undefined ? {} : { Html: content(html) }) } },
      Tags: [{ Name: DELIVERY_TAG, Value: deliveryId }],
      ...(this.options.configurationSet === undefined ? {} : { ConfigurationSetName: this.options.configurationSet }),
    });
    const { MessageId } = await callAws('ses', () => this.client.send(command));
    return MessageId ?? '';
  }

  close(): void {
    this.client.destroy();
  }
}
