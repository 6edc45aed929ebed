import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Authenticator, Identity } from './authenticator.ts';
import { claimKey, keepAnswer } from './claimed-key.ts';
import type { EndpointOptions, Exchange } from './endpoint.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import { FOR_PAGES, HTML } from './page.ts';
import type { Positions } from './positions.ts';
import { Problem, validationProblem } from './problems.ts';
import type { Limiters } from './rate-limits.ts';
import { callerOf, correlationIdOf, RequestExchange } from './request-exchange.ts';
import { sendProblem } from './send-problem.ts';

/** How long a GET with X-Min-Position waits for its read models, in milliseconds. */
const LONGEST_WAIT = 2_000;

/**
 * What an API's answers must say to browsers: they are data, no pages. Constants, because @fastify/helmet puts its headers together
 * again on every request, which took 8 % of one. The page of the API documents brings its own policy.
 */
const FOR_BROWSERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

/** What the edge of one HTTP server needs. */
export interface EdgeParts {
  /** Recorded as the source of every event that its requests cause. */
  readonly source: string;
  readonly authenticator: Authenticator;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly positions: Positions;
  readonly limiters: Limiters;
  /** Milliseconds after which a request is answered `overdue`, whatever its handler does. */
  readonly answerWithin: number;
  readonly log: Logger;
}

/**
 * Everything between the socket and a handler, in this order: correlation id, limit per address, credentials, role, limit per
 * caller, validation, X-Min-Position, Idempotency-Key; and behind it the answer's schema. One set of hooks for all endpoints;
 * what each asks for is in its declaration.
 */
export function installEdge(fastify: FastifyInstance, parts: EdgeParts): void {
  fastify.decorateRequest('exchange', null as unknown as Exchange);
  readBodies(fastify);

  fastify.addHook('onRequest', (request, reply, done) => {
    const correlationId = correlationIdOf(request);
    // Fastify makes its route options anew each time they are asked for: once is enough.
    const { endpoint } = request.routeOptions.config;
    const overdue = setTimeout(() => sendProblem(new Problem('overdue'), request, reply, parts.log), parts.answerWithin);
    // Not in onResponse: that never comes when the client has gone away.
    reply.raw.once('close', () => clearTimeout(overdue));
    request.exchange = new RequestExchange(correlationId, parts.source, endpoint);
    reply.header('x-correlation-id', correlationId);
    reply.headers(FOR_BROWSERS);
    settle(() => admit(request, reply, endpoint, parts), done);
  });

  fastify.addHook('preHandler', (request, reply, done) => {
    const { endpoint } = request.exchange as RequestExchange;
    if (endpoint === undefined) return done();
    settle(() => prepare(request, reply, endpoint, parts), done);
  });

  fastify.addHook('preSerialization', (request, reply, payload, done) => {
    const { endpoint } = request.exchange as RequestExchange;
    if (endpoint === undefined || reply.statusCode >= 400) return done(null, payload);
    const answer = endpoint.response.safeParse(payload);
    if (answer.success) return done(null, answer.data);
    done(
      new Error(`${request.method} ${request.routeOptions.url} answered with what its schema refuses: ${z.prettifyError(answer.error)}`),
    );
  });

  fastify.addHook('onSend', (request, reply, payload, done) => {
    const claimed = (request.exchange as RequestExchange | null)?.claimedKey;
    if (claimed === undefined) return done(null, payload);
    keepAnswer(claimed, reply, payload, { keys: parts.idempotencyKeys, log: parts.log }).then(() => done(null, payload), done);
  });
}

type Step = void | 'answered' | Promise<void | 'answered'>;

/** Runs a step after another, without a turn of the event loop where nothing has to be awaited. */
function after(step: void | Promise<void>, next: () => Step): Step {
  return step === undefined ? next() : step.then(next);
}

/** Runs the next hook after a step; not at all when the step has answered already. */
function settle(run: () => Step, done: (error?: Error) => void): void {
  try {
    const step = run();
    if (step === undefined) done();
    else if (step !== 'answered') step.then((outcome) => (outcome === 'answered' ? undefined : done()), done);
  } catch (error) {
    done(error as Error);
  }
}

/** Before the body is read: limit per address, then credentials unless they cover the body. */
function admit(request: FastifyRequest, reply: FastifyReply, endpoint: EndpointOptions | undefined, parts: EdgeParts): Step {
  // Health, metrics and documents have no declaration; an unknown address is counted, so that nobody can probe for free.
  const counted = endpoint !== undefined || request.is404;
  return after(counted ? parts.limiters.ip?.(request, reply) : undefined, () =>
    endpoint === undefined || parts.authenticator.needsBody ? undefined : identify(request, endpoint, parts),
  );
}

function identify(request: FastifyRequest, endpoint: EndpointOptions, parts: EdgeParts): void | Promise<void> {
  const open = endpoint.actors === 'anyone';
  if (open && request.headers.authorization === undefined) return;
  try {
    const found = parts.authenticator.identify(request);
    if (!(found instanceof Promise)) return permit(request, endpoint, found);
    return found.then(
      (identity) => permit(request, endpoint, identity),
      (error: unknown) => refuseUnlessOpen(error, open),
    );
  } catch (error) {
    refuseUnlessOpen(error, open);
  }
}

// Where no token is needed a spent one does no harm: somebody who refreshes it sends it along.
function refuseUnlessOpen(error: unknown, open: boolean): void {
  if (!(open && error instanceof Problem)) throw error;
}

function permit(request: FastifyRequest, endpoint: EndpointOptions, identity: Identity | undefined): void {
  if (endpoint.actors !== 'anyone') {
    if (identity === undefined) throw new Problem('unauthenticated');
    if (!identity.roles.some((role) => endpoint.actors.includes(role))) throw new Problem('forbidden');
  }
  if (identity !== undefined) (request.exchange as RequestExchange).identity = identity;
}

/** After the body has been read: the caller, limits, values, position and key, in this order. */
function prepare(request: FastifyRequest, reply: FastifyReply, endpoint: EndpointOptions, parts: EdgeParts): Step {
  if (endpoint.secretAnswer === true) reply.header('cache-control', 'no-store');
  if (endpoint.produces !== undefined) reply.type(endpoint.produces);
  if (endpoint.produces === HTML) reply.headers(FOR_PAGES);
  const exchange = request.exchange as RequestExchange;
  return after(parts.authenticator.needsBody ? identify(request, endpoint, parts) : undefined, () => {
    exchange.caller = callerOf(request, exchange, parts.source);
    return after((endpoint.rate === 'strict' ? parts.limiters.strict : parts.limiters.caller)?.(request, reply), () => {
      readValues(request, endpoint, exchange);
      return after(waitForReads(endpoint.reads, exchange.caller.minPosition, parts.positions), () =>
        endpoint.secretAnswer === true ? undefined : claimKey(exchange, reply, parts.idempotencyKeys),
      );
    });
  });
}

function readValues(request: FastifyRequest, endpoint: EndpointOptions, exchange: RequestExchange): void {
  exchange.params = read('path', endpoint.params, request.params);
  exchange.query = read('query', endpoint.query, request.query);
  exchange.body = read('body', endpoint.body, request.body ?? {});
}

function read(part: 'path' | 'query' | 'body', schema: z.ZodType | undefined, given: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(given);
  if (!result.success) throw validationProblem(part, result.error);
  return result.data;
}

function waitForReads(reads: readonly string[] | undefined, position: bigint | undefined, positions: Positions): void | Promise<void> {
  if (position === undefined || reads === undefined || reads.length === 0) return undefined;
  return positions.waitFor(reads, position, LONGEST_WAIT).then((arrived) => {
    if (!arrived) throw new Problem('stale_read', { headers: { 'retry-after': '1' } });
  });
}

/** JSON in, its bytes kept for signatures and keys; any other media type only where an endpoint takes raw bodies. */
function readBodies(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>(/^application\/(?:[\w.-]+\+)?json(?:\s*;|\s*$)/i, { parseAs: 'buffer' }, (request, body, done) => {
    request.exchange.rawBody = body;
    if (body.length === 0 || (request.exchange as RequestExchange).endpoint?.rawBody === true) return done(null, undefined);
    parseJson(request, body.toString('utf8'), (error, value) => (error === null ? done(null, value) : done(new Problem('malformed_json'))));
  });
  fastify.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    request.exchange.rawBody = body;
    const taken = body.length === 0 || (request.exchange as RequestExchange).endpoint?.rawBody === true;
    done(taken ? null : new Problem('unsupported_media_type'), undefined);
  });
}
