import { timingSafeEqual } from 'node:crypto';
import Stripe from 'stripe';
import { prepared } from '../http/database.ts';
import type { GroupCommit } from '../http/database.ts';
import type { JsonObject } from '../http/json.ts';
import type { StandInAnswer, StandInRequest } from '../http/server.ts';
import { StripeRefusal, invalid } from './errors.ts';
import { expandBody } from './expand.ts';
import type { FaultKind, Faults } from './faults.ts';
import { decodeForm } from './form.ts';
import type { Parameters } from './form.ts';
import { fingerprint } from './idempotency.ts';
import type { IdempotencyKeys, KeptAnswer } from './idempotency.ts';
import type { Match, Router } from './routes.ts';
import { PLATFORM, newId } from './store.ts';
import type { Webhooks } from './webhooks.ts';
import type { World } from './world.ts';

/** The parts of the stand-in that a request passes through. */
export interface ApiParts {
  world: World;
  route: Router;
  keys: IdempotencyKeys;
  faults: Faults;
  webhooks: Webhooks;
  commits: GroupCommit;
  secretKey: string;
  publishableKey: string;
}

/** A request that has been understood. */
interface Incoming {
  request: StandInRequest;
  path: string;
  params: Parameters;
  account: string;
  key: string | null;
  byCustomer: boolean;
  match: Match;
}

const same = (left: string, right: string): boolean =>
  left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));

/** The key that a request presents: as bearer, as the user of basic authentication, or as Stripe.js does in the body. */
function apiKey(request: StandInRequest, params: Parameters): string {
  const [scheme, value = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme === 'Bearer') return value;
  if (scheme === 'Basic') return Buffer.from(value, 'base64').toString().split(':')[0] ?? '';
  return typeof params['key'] === 'string' ? params['key'] : '';
}

/** Whether the request presents the secret key (the platform) or the publishable one (a customer). */
export function callerOf(parts: ApiParts, request: StandInRequest, params: Parameters): 'platform' | 'customer' {
  const given = apiKey(request, params);
  if (given !== '' && same(given, parts.secretKey)) return 'platform';
  if (given !== '' && same(given, parts.publishableKey)) return 'customer';
  const message = given === '' ? 'You did not provide an API key.' : 'Invalid API Key provided.';
  throw new StripeRefusal(401, 'invalid_request_error', message, {}, false);
}

function understand(parts: ApiParts, request: StandInRequest): Incoming {
  const text = request.method === 'POST' ? request.body.toString('utf8') : request.rawQuery;
  const params = decodeForm(text);
  const byCustomer = callerOf(parts, request, params) === 'customer';
  const path = decodeURIComponent(request.rawPath);
  const match = parts.route(request.method, path);
  if (!match) throw new StripeRefusal(404, 'invalid_request_error', `Unrecognized request URL (${request.method}: ${path}).`, {}, false);
  if (byCustomer && !match.publicRoute) {
    throw new StripeRefusal(
      401,
      'invalid_request_error',
      'This API call cannot be made with a publishable API key.',
      { code: 'secret_key_required' },
      false,
    );
  }
  const account = String(request.headers['stripe-account'] ?? PLATFORM);
  if (account !== PLATFORM && !parts.world.store.find('account', account)) {
    throw new StripeRefusal(
      403,
      'invalid_request_error',
      `The provided key does not have access to account '${account}'.`,
      { code: 'account_invalid' },
      false,
    );
  }
  const header = request.headers['idempotency-key'];
  const key = request.method === 'POST' && typeof header === 'string' ? header : null;
  return { request, path, params, account, key, byCustomer, match };
}

/** Runs the handler; what it refuses in the course of execution is undone and becomes the answer. */
function execute({ world }: ApiParts, incoming: Incoming, requestId: string): KeptAnswer {
  const { params, account, byCustomer, match } = incoming;
  world.store.database.exec('SAVEPOINT handler');
  try {
    const reply = match.handler({ world, path: match.path, params, account, byCustomer });
    world.store.database.exec('RELEASE handler');
    return { status: reply.status ?? 200, body: expandBody(world.store, reply.body, params), request: requestId };
  } catch (error) {
    if (!(error instanceof StripeRefusal) || !error.kept) throw error;
    world.store.database.exec('ROLLBACK TO handler; RELEASE handler');
    return { status: error.status, body: error.body(requestId), request: requestId };
  }
}

function serverError(requestId: string): KeptAnswer {
  const refusal = new StripeRefusal(500, 'api_error', 'An unknown error occurred');
  return { status: 500, body: refusal.body(requestId), request: requestId };
}

/** What became of a request: the answer, whether it is a repeated one, and what is to go wrong with it. */
interface Outcome {
  answer: KeptAnswer;
  repeated: boolean;
  fault: FaultKind | undefined;
}

/**
 * Repeats the answer that is kept under the key, or executes the request; with its kept answer and its line in the record of requests it is one
 * transaction: after the commit all is durable.
 */
function carryOut(parts: ApiParts, incoming: Incoming, requestId: string): Outcome {
  const { request, path, account, key } = incoming;
  const print = key === null ? '' : fingerprint(request.method, path, request.body.toString('utf8'));
  const kept = key === null ? undefined : parts.keys.find(key, account, print);
  if (kept) {
    record(parts, incoming, requestId, kept.status, true);
    return { answer: kept, repeated: true, fault: undefined };
  }
  const fault = parts.faults.take(request.method, path);
  if (fault === 'rate-limit') throw new StripeRefusal(429, 'invalid_request_error', 'Too many requests.', { code: 'rate_limit' }, false);
  parts.world.mark = { id: requestId, idempotency_key: key };
  const result = fault === 'error-before' ? serverError(requestId) : execute(parts, incoming, requestId);
  const answer = fault === 'error-after' ? serverError(requestId) : result;
  if (key !== null) parts.keys.keep(key, account, print, answer);
  record(parts, incoming, requestId, answer.status, false);
  return { answer, repeated: false, fault };
}

function record(
  { world }: ApiParts,
  { request, path, params, account, key }: Incoming,
  requestId: string,
  status: number,
  replayed: boolean,
): void {
  prepared(
    world.store.database,
    'INSERT INTO requests (id, at, method, path, account, idempotency_key, params, status, replayed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  ).run(requestId, Date.now(), request.method, path, account, key, JSON.stringify(params), status, replayed ? 1 : 0);
}

function wire(answer: { status: number; body: JsonObject }, requestId: string, headers: Record<string, string> = {}): StandInAnswer {
  return {
    status: answer.status,
    headers: { 'request-id': requestId, 'stripe-version': Stripe.API_VERSION, ...headers },
    json: answer.body,
  };
}

/** Answers a request to the API, or cuts the connection when a fault asks for it. */
export async function answerApi(parts: ApiParts, request: StandInRequest): Promise<StandInAnswer | undefined> {
  const requestId = newId('req');
  try {
    const incoming = understand(parts, request);
    const { key } = incoming;
    const { answer, repeated, fault } = await parts.commits.run(() => carryOut(parts, incoming, requestId));
    const keyHeaders = key === null ? {} : { 'idempotency-key': key, 'original-request': answer.request };
    if (repeated) return wire(answer, requestId, { ...keyHeaders, 'idempotent-replayed': 'true' });
    parts.webhooks.pump();
    if (fault === 'reset') return undefined;
    if (fault === 'hold' || fault === 'never-answer') await delayAnswer(parts, incoming, fault);
    return wire(answer, requestId, keyHeaders);
  } catch (error) {
    if (error instanceof StripeRefusal) return wire({ status: error.status, body: error.body(requestId) }, requestId);
    if (error instanceof URIError) return wire({ status: 400, body: invalid('The path is malformed.').body(requestId) }, requestId);
    throw error;
  }
}

/** Keeps the caller waiting; its key is busy as long. */
async function delayAnswer(parts: ApiParts, { request, path, key, account }: Incoming, fault: 'hold' | 'never-answer'): Promise<void> {
  const free = key === null ? undefined : parts.keys.occupy(key, account);
  try {
    if (fault === 'hold') await parts.faults.hold({ method: request.method, path, idempotencyKey: key }, request.abandoned);
    else await new Promise<void>((resolve) => request.abandoned.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    free?.();
  }
}
