import { once } from 'node:events';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Problem } from './problems.ts';
import { RequestCounter } from './request-counter.ts';

/** Requests per minute; 0 switches that limit off. */
export interface RateLimits {
  /** Of one address, whoever the user is. */
  readonly perIp: number;
  /** Of one user at ordinary endpoints; of one address for callers without a token. */
  readonly perCaller: number;
  /** The same at endpoints marked `strict`, counted for each endpoint apart. */
  readonly strict: number;
}

const WINDOW_MS = 60_000;

/** Counts a request and says so in headers. Throws `rate_limited` for one too many. */
type Limit = (request: FastifyRequest, reply: FastifyReply) => void | Promise<void>;
type KeyOf = (request: FastifyRequest) => string;

export interface Limiters {
  readonly ip: Limit | undefined;
  readonly caller: Limit | undefined;
  readonly strict: Limit | undefined;
}

const callerOf = (request: FastifyRequest): string => request.exchange.caller.actor.userId ?? request.ip;

/** Where requests are counted: in Redis when several nodes serve, else in memory. */
export interface Counting {
  readonly redisUrl: string | undefined;
  readonly log: Logger;
}

/** Makes the limiters on one Fastify instance. While Redis is away nobody is limited: it must not take the API with it. */
export async function rateLimiters(fastify: FastifyInstance, limits: RateLimits, counting: Counting): Promise<Limiters> {
  let limiter: (max: number, name: string, keyOf: KeyOf) => Limit = (max, _name, keyOf) => inMemory(max, keyOf);
  if (counting.redisUrl !== undefined) {
    const redis = await connect(fastify, counting.redisUrl, counting.log);
    await fastify.register(rateLimit, { global: false, redis, nameSpace: 'rate:', skipOnError: true });
    limiter = (max, name, keyOf) => inRedis(fastify, max, (request) => `${name}:${keyOf(request)}`);
  }
  const unlessOff = (max: number, name: string, keyOf: KeyOf): Limit | undefined => (max === 0 ? undefined : limiter(max, name, keyOf));
  return {
    ip: unlessOff(limits.perIp, 'ip', (request) => request.ip),
    caller: unlessOff(limits.perCaller, 'caller', callerOf),
    strict: unlessOff(limits.strict, 'strict', (request) => `${request.method} ${request.routeOptions.url} ${callerOf(request)}`),
  };
}

/** A connection that answers soon or fails: without a queue for the time while Redis is away, no request waits for its return. */
async function connect(fastify: FastifyInstance, url: string, log: Logger): Promise<Redis> {
  const redis = new Redis(url, {
    connectTimeout: 500,
    commandTimeout: 500,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    // Told to disconnect, the client keeps the process alive for so long, even when there is no connection left to wait for.
    disconnectTimeout: 100,
  });
  redis.on('error', (error) => log.warn({ err: error }, 'requests are not counted: Redis is away'));
  fastify.addHook('onClose', async () => {
    // Asked to, Redis ends the connection itself; one that is away has none.
    await redis.quit().catch(() => redis.disconnect());
  });
  // The first requests are counted too, if Redis is there; the listener above has said it when it is not.
  await once(redis, 'ready').catch(() => undefined);
  return redis;
}

function inMemory(max: number, keyOf: KeyOf): Limit {
  const counter = new RequestCounter(WINDOW_MS);
  return (request, reply) => {
    const { requests, leftMs } = counter.count(keyOf(request));
    check(reply, max, requests, Math.ceil(leftMs / 1_000));
  };
}

function inRedis(fastify: FastifyInstance, max: number, keyOf: KeyOf): Limit {
  const count = fastify.createRateLimit({ max, timeWindow: WINDOW_MS, keyGenerator: keyOf });
  return async (request, reply) => {
    const result = await count(request);
    if (!result.isAllowed) check(reply, max, result.isExceeded ? max + 1 : max - result.remaining, result.ttlInSeconds);
  };
}

function check(reply: FastifyReply, max: number, requests: number, secondsLeft: number): void {
  reply
    .header('ratelimit-limit', max)
    .header('ratelimit-remaining', Math.max(0, max - requests))
    .header('ratelimit-reset', secondsLeft);
  if (requests > max) throw new Problem('rate_limited', { headers: { 'retry-after': String(Math.max(1, secondsLeft)) } });
}
