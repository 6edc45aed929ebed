import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { StandInAnswer, StandInRequest } from './server.ts';
import type { WebhookQueue } from './webhook-queue.ts';

const targetInput = z.strictObject({ url: z.url() });

/** Whether a request carries `secret` as its bearer token. */
export function bears(request: StandInRequest, secret: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${secret}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** `PUT /_control/webhooks {url}` with the stand-in's secret: where its notices go. Undefined for any other request. */
export function answerWebhookTarget(request: StandInRequest, secret: string, queue: WebhookQueue): StandInAnswer | undefined {
  if (request.rawPath !== '/_control/webhooks' || request.method !== 'PUT') return undefined;
  if (!bears(request, secret)) return { status: 401, json: { message: 'The control API takes the secret key.' } };
  queue.setTarget(targetInput.parse(JSON.parse(request.body.toString('utf8'))).url);
  return { status: 200, json: {} };
}
