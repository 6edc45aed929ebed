import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { serveStandIn } from '../http/server.ts';
import type { RunningStandIn, StandInAnswer, StandInRequest } from '../http/server.ts';
import { answerWebhookTarget, bears } from '../http/webhook-control.ts';
import { WebhookQueue } from '../http/webhook-queue.ts';
import type { Json } from '../http/json.ts';
import { refuseInProduction } from '../production-guard.ts';
import { AgoraError, badRequest } from './errors.ts';
import { acquire, query, start, stop } from './recording.ts';
import type { RecordingParts } from './recording.ts';
import { channelUsers, kick, recordPresence } from './rooms.ts';
import { AgoraState } from './state.ts';

/** What the stand-in is started with. */
export interface AgoraOptions {
  dir: string;
  port: number;
  appId: string;
  appCertificate: string;
  customerId: string;
  customerSecret: string;
  webhookSecret: string;
  /** The address of S3; undefined is the real one. */
  storageEndpoint: () => string | undefined;
}

const bodyOf = (request: StandInRequest): unknown => (request.body.length === 0 ? {} : JSON.parse(request.body.toString('utf8')));

async function answerRest(parts: RecordingParts, request: StandInRequest): Promise<Json> {
  const { state, queue, appId } = parts;
  const path = decodeURIComponent(request.rawPath).split('/').slice(1);
  const route = `${request.method} /${path.join('/')}`;
  const recording = new RegExp(
    `^/v1/apps/${appId}/cloud_recording/(?:(?<acquire>acquire)|resourceid/(?<resource>[^/]+)/(?:sid/(?<sid>[^/]+)/)?mode/(?:mix|individual|web)/(?<step>start|query|stop))$`,
  );
  const groups = recording.exec(`/${path.join('/')}`)?.groups;
  if (groups) {
    const { resource = '', sid = '' } = groups;
    if (groups['acquire'] !== undefined && request.method === 'POST') return acquire(parts, bodyOf(request));
    if (groups['step'] === 'start' && request.method === 'POST') return start(parts, resource, bodyOf(request));
    if (groups['step'] === 'query' && request.method === 'GET') return query(parts, resource, sid);
    if (groups['step'] === 'stop' && request.method === 'POST') return stop(parts, resource, sid, bodyOf(request));
  }
  if (route === 'POST /dev/v1/kicking-rule') return kick(state, queue, appId, bodyOf(request));
  if (route === 'GET /dev/v1/kicking-rule') return { status: 'success', rules: state.kickingRules() };
  if (route === 'DELETE /dev/v1/kicking-rule') {
    state.removeKickingRule(z.looseObject({ id: z.int() }).parse(bodyOf(request)).id);
    return { status: 'success' };
  }
  if (route.startsWith(`GET /dev/v1/channel/user/${appId}/`)) return channelUsers(state, path[5] ?? '');
  throw new AgoraError(404, 404, 'no such path');
}

/**
 * Serves the REST half of Agora on a loopback port: cloud recording, sending people out of a room, and who is in one. What clients would do in
 * a room is said to it at `POST /_control/presence`. Notifications are signed and repeated until they are answered with 2xx.
 */
export async function serveAgora(options: AgoraOptions): Promise<RunningStandIn> {
  refuseInProduction('agora');
  const state = new AgoraState(options.dir);
  const mac = (algorithm: string, body: string): string => createHmac(algorithm, options.webhookSecret).update(body).digest('hex');
  const queue = new WebhookQueue(state.database, (body) => ({
    'content-type': 'application/json;charset=utf-8',
    'agora-signature': mac('sha1', body),
    'agora-signature-v2': mac('sha256', body),
  }));
  const parts: RecordingParts = {
    state,
    queue,
    appId: options.appId,
    appCertificate: options.appCertificate,
    storageEndpoint: options.storageEndpoint,
  };
  const credentials = `Basic ${Buffer.from(`${options.customerId}:${options.customerSecret}`).toString('base64')}`;

  const answer = async (request: StandInRequest): Promise<StandInAnswer> => {
    const control = answerWebhookTarget(request, options.customerSecret, queue);
    if (control) return control;
    if (request.rawPath.startsWith('/_control/')) {
      if (!bears(request, options.customerSecret)) return { status: 401, json: { message: 'The control API takes the customer secret.' } };
      if (request.rawPath === '/_control/presence') return { status: 200, json: recordPresence(state, queue, bodyOf(request)) };
      if (request.rawPath === '/_control/recordings')
        return { status: 200, json: state.recordings().map(({ storage: _storage, ...shown }) => shown) };
    }
    if (request.headers.authorization !== credentials) return { status: 401, json: { message: 'Invalid authentication credentials' } };
    const json = await answerRest(parts, request);
    queue.pump();
    return { status: 200, json };
  };
  const server = await serveStandIn('agora', options.port, async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      const refusal = error instanceof SyntaxError || error instanceof z.ZodError ? badRequest('The body is not valid.') : error;
      if (refusal instanceof AgoraError) return { status: refusal.status, json: { code: refusal.code, reason: refusal.reason } };
      throw error;
    }
  });
  queue.pump();
  return {
    port: server.port,
    stop: async () => {
      queue.stop();
      await server.stop();
      state.database.close();
    },
  };
}
