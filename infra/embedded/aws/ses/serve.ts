import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { inTransaction, openDatabase } from '../../http/database.ts';
import type { Json } from '../../http/json.ts';
import { serveStandIn } from '../../http/server.ts';
import type { RunningStandIn, StandInAnswer, StandInRequest } from '../../http/server.ts';
import { answerWebhookTarget } from '../../http/webhook-control.ts';
import { WebhookQueue } from '../../http/webhook-queue.ts';
import { refuseInProduction } from '../../production-guard.ts';
import { NotAuthentic, verifyRequest } from '../sigv4.ts';
import type { AwsKeys } from '../sigv4.ts';
import { xmlDocument } from '../xml.ts';
import { bareAddress, mailOfForm, mailOfRaw } from './mail.ts';
import type { Mail } from './mail.ts';

/** What the stand-in is started with. */
export interface SesOptions {
  dir: string;
  port: number;
  keys: AwsKeys;
  /** The addresses that may send, as verified identities. */
  verifiedSenders: string[];
  /** What the notices carry as basic authentication. */
  webhookUser: string;
  webhookPassword: string;
}

const NAMESPACE = 'http://ses.amazonaws.com/doc/2010-12-01/';
const LONGEST_WAIT_MS = 10_000;
const schema = `
  CREATE TABLE IF NOT EXISTS mails (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, mail TEXT NOT NULL);`;

class SesError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

function errorAnswer(error: SesError): StandInAnswer {
  const body = {
    Error: { Type: error.status >= 500 ? 'Receiver' : 'Sender', Code: error.code, Message: error.message },
    RequestId: randomUUID(),
  };
  return { status: error.status, headers: { 'content-type': 'text/xml' }, body: xmlDocument('ErrorResponse', body, NAMESPACE) };
}

/** The address simulator of SES: these recipients never get a mail, they cause a notice. */
const simulated: Record<string, string[]> = {
  'bounce@simulator.amazonses.com': ['Send', 'Bounce'],
  'suppressionlist@simulator.amazonses.com': ['Send', 'Bounce'],
  'complaint@simulator.amazonses.com': ['Send', 'Delivery', 'Complaint'],
};

/** The details that an SES event of a type has besides the mail. */
function eventDetails(type: string, to: string[], at: string): Json {
  const recipients = to.map((emailAddress) => ({ emailAddress }));
  if (type === 'Delivery')
    return { timestamp: at, recipients: to, processingTimeMillis: 1, smtpResponse: '250 2.6.0 Message received', reportingMTA: 'local' };
  if (type === 'Bounce')
    return { timestamp: at, bounceType: 'Permanent', bounceSubType: 'General', bouncedRecipients: recipients, feedbackId: randomUUID() };
  if (type === 'Complaint')
    return { timestamp: at, complainedRecipients: recipients, complaintFeedbackType: 'abuse', feedbackId: randomUUID() };
  return {};
}

/** An SES event in the SNS message that would carry it. */
function notice(type: string, id: string, mail: Mail, at: string): string {
  const tags = Object.fromEntries(Object.entries(mail.tags).map(([name, value]) => [name, [value]]));
  const event: Json = {
    eventType: type,
    mail: { timestamp: at, messageId: id, source: mail.from, destination: mail.to, headersTruncated: false, tags },
    [type.toLowerCase()]: eventDetails(type, mail.to.map(bareAddress), at),
  };
  const message: Json = {
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: 'arn:aws:sns:eu-central-1:000000000000:mail-events',
    Subject: 'Amazon SES Email Event Notification',
    Message: JSON.stringify(event),
    Timestamp: at,
  };
  return JSON.stringify(message);
}

/**
 * Serves the sending half of SES (version 1) on a loopback port. Mails are kept, and read at `GET /_outbox?to=…&wait=ms`. Of each accepted mail
 * the notices `Send` and `Delivery` (or what the simulator's address asks for) go to the webhook, with the mail's tags.
 */
export async function serveSes(options: SesOptions): Promise<RunningStandIn> {
  refuseInProduction('ses');
  const database = openDatabase(join(options.dir, 'ses.sqlite'), schema);
  const basic = Buffer.from(`${options.webhookUser}:${options.webhookPassword}`).toString('base64');
  const queue = new WebhookQueue(database, () => ({
    authorization: `Basic ${basic}`,
    'content-type': 'text/plain; charset=UTF-8',
    'x-amz-sns-message-type': 'Notification',
  }));
  const arrivals = new EventEmitter().setMaxListeners(0);
  const verified = new Set(options.verifiedSenders.map(bareAddress));

  const accept = (mail: Mail): string => {
    if (mail.to.length === 0) throw new SesError('InvalidParameterValue', 'There are no recipients.');
    if (mail.to.some((address) => !/^[^@\s]+@[^@\s]+$/.test(bareAddress(address))))
      throw new SesError('InvalidParameterValue', 'Invalid recipient address.');
    if (!verified.has(bareAddress(mail.from))) throw new SesError('MessageRejected', `Email address is not verified: ${mail.from}`);
    const id = `${Date.now().toString(16).padStart(16, '0')}-${randomUUID()}-000000`;
    const at = new Date().toISOString();
    inTransaction(database, () => {
      database.prepare('INSERT INTO mails (id, at, mail) VALUES (?, ?, ?)').run(id, at, JSON.stringify(mail));
      const types = mail.to.flatMap((address) => simulated[bareAddress(address)] ?? []);
      for (const type of types.length > 0 ? types : ['Send', 'Delivery']) queue.add(notice(type, id, mail, at));
    });
    queue.pump();
    arrivals.emit('mail');
    return id;
  };

  const outbox = (to: string | null): Json[] => {
    const rows = database.prepare('SELECT seq, id, at, mail FROM mails ORDER BY seq').all();
    const mails = rows.map((row) => ({
      seq: row['seq'] as number,
      messageId: row['id'] as string,
      at: row['at'] as string,
      ...(JSON.parse(row['mail'] as string) as Mail),
    }));
    return to === null ? mails : mails.filter((mail) => mail.to.some((address) => bareAddress(address) === bareAddress(to)));
  };

  /** The mails to an address after a number, waiting a while for the first. */
  const answerOutbox = async (request: StandInRequest): Promise<StandInAnswer> => {
    const after = Number(request.query.get('after') ?? 0);
    const wait = AbortSignal.timeout(Math.min(Number(request.query.get('wait') ?? 0), LONGEST_WAIT_MS));
    for (;;) {
      const mails = outbox(request.query.get('to')).filter((mail) => (mail as { seq: number }).seq > after);
      if (mails.length > 0 || wait.aborted || request.abandoned.aborted) return { status: 200, json: mails };
      await once(arrivals, 'mail', { signal: AbortSignal.any([wait, request.abandoned]) }).catch(() => undefined);
    }
  };

  const answerAction = (request: StandInRequest): StandInAnswer => {
    try {
      verifyRequest(options.keys, 'ses', request);
      const form = new URLSearchParams(request.body.toString('utf8'));
      const action = form.get('Action') ?? '';
      if (action !== 'SendEmail' && action !== 'SendRawEmail')
        throw new SesError('InvalidAction', `The action ${action} is not valid for this web service.`);
      const MessageId = accept(action === 'SendEmail' ? mailOfForm(form) : mailOfRaw(form));
      const body = { [`${action}Result`]: { MessageId }, ResponseMetadata: { RequestId: randomUUID() } };
      return { status: 200, headers: { 'content-type': 'text/xml' }, body: xmlDocument(`${action}Response`, body, NAMESPACE) };
    } catch (error) {
      if (error instanceof NotAuthentic)
        return errorAnswer(new SesError(error.code === 'InvalidAccessKeyId' ? 'InvalidClientTokenId' : error.code, error.message, 403));
      if (error instanceof SesError) return errorAnswer(error);
      throw error;
    }
  };

  const server = await serveStandIn('ses', options.port, async (request) => {
    if (request.method === 'GET' && request.rawPath === '/_outbox') return answerOutbox(request);
    return answerWebhookTarget(request, options.keys.secretAccessKey, queue) ?? answerAction(request);
  });
  queue.pump();
  return {
    port: server.port,
    stop: async () => {
      queue.stop();
      await server.stop();
      database.close();
    },
  };
}
