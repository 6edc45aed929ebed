import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ANONYMOUS, type Identity } from './authenticator.ts';
import { meaningOfKey, RequestCaller } from './caller.ts';
import type { EndpointOptions, Exchange } from './endpoint.ts';
import { Problem } from './problems.ts';

/** What is known of one request; `caller` stands for nobody until the credentials have been read. */
export class RequestExchange implements Exchange {
  caller: RequestCaller;
  body: unknown = undefined;
  query: unknown = undefined;
  params: unknown = undefined;
  rawBody: Buffer | undefined = undefined;
  identity: Identity = ANONYMOUS;
  /** Set while this request holds an Idempotency-Key whose answer is to be kept. */
  claimedKey: string | undefined = undefined;

  constructor(
    readonly correlationId: string,
    source: string,
    readonly endpoint: EndpointOptions | undefined,
  ) {
    this.caller = new RequestCaller(ANONYMOUS.actor, correlationId, source, undefined, undefined);
  }
}

const CORRELATION_ID = /^[A-Za-z0-9._-]{8,64}$/;

/** The caller's own id for what it is doing, else a new one. */
export function correlationIdOf(request: FastifyRequest): string {
  const given = request.headers['x-correlation-id'];
  return typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID();
}

/** Who calls, once the credentials have been read. Throws `validation_failed` for a header that is not as it must be. */
export function callerOf(request: FastifyRequest, exchange: RequestExchange, source: string): RequestCaller {
  const { actor } = exchange.identity;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const key = reading ? undefined : keyOf(request);
  const meaning = key === undefined ? undefined : meaningOfKey(actor, request.method, request.url, key);
  return new RequestCaller(actor, exchange.correlationId, source, meaning, reading ? minPositionOf(request) : undefined);
}

function headerProblem(name: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ path: `header.${name}`, message }] });
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw headerProblem('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
  return key;
}

function minPositionOf(request: FastifyRequest): bigint | undefined {
  const position = request.headers['x-min-position'];
  if (position === undefined) return undefined;
  if (typeof position !== 'string' || !/^\d{1,19}$/.test(position))
    throw headerProblem('X-Min-Position', 'must be a position as commands answer it');
  return BigInt(position);
}
