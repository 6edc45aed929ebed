import { SESClient, SendEmailCommand, SendRawEmailCommand } from '@aws-sdk/client-ses';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver } from '../../http/webhook-receiver.ts';
import { ELSEWHERE, awsUnderTest } from '../harness.ts';
import type { AwsUnderTest } from '../harness.ts';

interface OutboxMail {
  seq: number;
  messageId: string;
  to: string[];
  subject: string;
  text: string;
  html: string | null;
  tags: Record<string, string>;
}

let aws: AwsUnderTest;
let ses: SESClient;
beforeAll(async () => {
  aws = await awsUnderTest();
  ses = new SESClient({ region: aws.region, endpoint: aws.endpoints.ses, credentials: aws.credentials, maxAttempts: 1 });
});
afterAll(() => aws.stop());

const send = (to: string, more: { from?: string; tags?: { Name: string; Value: string }[] } = {}) =>
  ses.send(
    new SendEmailCommand({
      Source: more.from ?? aws.sender,
      Destination: { ToAddresses: [to] },
      Message: {
        Subject: { Data: 'Grüße & <Küsse>' },
        Body: { Text: { Data: 'Zeile 1\nZeile 2 + mehr' }, Html: { Data: '<p>Zeile</p>' } },
      },
      Tags: more.tags ?? [],
    }),
  );

describe('SES', () => {
  it('accepts a mail and names it', async () => {
    expect((await send('student@example.com', { tags: [{ Name: 'deliveryId', Value: 'd-1' }] })).MessageId).toMatch(/.{10,}/);
  });

  it('refuses a sender that was not verified', async () => {
    await expect(send('student@example.com', { from: 'stranger@example.com' })).rejects.toMatchObject({ name: 'MessageRejected' });
  });

  it('accepts a mail in MIME', async () => {
    const Data = Buffer.from(
      `From: ${aws.sender}\r\nTo: raw@example.com\r\nSubject: =?utf-8?B?${Buffer.from('Größe').toString('base64')}?=\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=B6=C3=9Fe\r\n`,
    );
    expect((await ses.send(new SendRawEmailCommand({ RawMessage: { Data } }))).MessageId).toMatch(/.{10,}/);
  });
});

if (!ELSEWHERE) {
  describe('the stand-in for SES', () => {
    const outbox = async (query: string): Promise<OutboxMail[]> =>
      (await (await fetch(`${aws.endpoints.ses}/_outbox?${query}`)).json()) as OutboxMail[];

    it('shows what was sent, to one address or to all, and waits for the next', async () => {
      expect(await outbox('to=student@example.com')).toMatchObject([
        {
          to: ['student@example.com'],
          subject: 'Grüße & <Küsse>',
          text: 'Zeile 1\nZeile 2 + mehr',
          html: '<p>Zeile</p>',
          tags: { deliveryId: 'd-1' },
        },
      ]);
      const [last] = (await outbox('')).slice(-1);
      expect(last).toMatchObject({ to: ['raw@example.com'], subject: 'Größe', text: 'Größe\r\n' });
      const next = outbox(`to=later@example.com&wait=10000&after=${last?.seq}`);
      await send('later@example.com');
      expect(await next).toMatchObject([{ to: ['later@example.com'] }]);
    });

    it('refuses a request with a wrong signature', async () => {
      const forged = new SESClient({
        region: aws.region,
        endpoint: aws.endpoints.ses,
        credentials: { ...aws.credentials, secretAccessKey: 'wrong' },
        maxAttempts: 1,
      });
      await expect(
        forged.send(new SendEmailCommand({ Source: aws.sender, Destination: {}, Message: { Subject: { Data: '' }, Body: {} } })),
      ).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    });

    it('notifies of each mail with its tags until it is answered with 2xx, and simulates bounces', async () => {
      const receiver = await startReceiver();
      receiver.state.status = 503;
      const target = await fetch(`${aws.endpoints.ses}/_control/webhooks`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${aws.credentials.secretAccessKey}` },
        body: JSON.stringify({ url: receiver.url }),
      });
      expect(target.status).toBe(200);
      await receiver.count(1);
      const ids = (): string[] => receiver.received.map(({ body }) => (JSON.parse(body) as { MessageId: string }).MessageId);
      const refused = ids();
      receiver.state.status = 200;
      while (!refused.every((id) => ids().indexOf(id) !== ids().lastIndexOf(id))) await receiver.next();
      await send('bounce@simulator.amazonses.com', { tags: [{ Name: 'deliveryId', Value: 'd-2' }] });
      interface SesEvent {
        eventType: string;
        mail: { tags: Record<string, string[]> };
      }
      const events = (): SesEvent[] =>
        receiver.received.map(({ body }) => JSON.parse((JSON.parse(body) as { Message: string }).Message) as SesEvent);
      while (!events().some(({ eventType }) => eventType === 'Bounce')) await receiver.next();
      expect(events()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ eventType: 'Delivery', mail: expect.objectContaining({ tags: { deliveryId: ['d-1'] } }) }),
        ]),
      );
      expect(events().find(({ eventType }) => eventType === 'Bounce')).toMatchObject({
        mail: { tags: { deliveryId: ['d-2'] } },
        bounce: { bounceType: 'Permanent' },
      });
      const basic = `Basic ${Buffer.from('ses:notices').toString('base64')}`;
      expect(receiver.received.every(({ headers }) => headers.authorization === basic)).toBe(true);
      await receiver.stop();
    });
  });
}
