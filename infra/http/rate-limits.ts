import { once } from 'node:events';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Problem } from './problems.ts';

/** Requests per minute; 0 switches that limit off. */
export interface RateLimits {
  /** Of one address, whoever the user is. */
  readonly perIp: number;
  /** Of one user at ordinary endpoints; of one address for callers without a token. */
  readonly perCaller: number;
  /** The same at endpoints marked `strict`, counted for each endpoint apart. */
  readonly strict: number;
}

type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

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
  const redis = counting.redisUrl === undefined ? undefined : await connect(fastify, counting.redisUrl, counting.log);
  await fastify.register(rateLimit, { global: false, ...(redis === undefined ? {} : { redis, nameSpace: 'rate:', skipOnError: true }) });
  return {
    ip: limiter(fastify, limits.perIp, 'ip', (request) => request.ip),
    caller: limiter(fastify, limits.perCaller, 'caller', callerOf),
    strict: limiter(fastify, limits.strict, 'strict', (request) => `${request.method} ${request.routeOptions.url} ${callerOf(request)}`),
  };
}

/** A connection that answers soon or fails: without a queue for the time while Redis is away, no request waits for its return. */
async function connect(fastify: FastifyInstance, url: string, log: Logger): Promise<Redis> {
  const redis = new Redis(url, { connectTimeout: 500, commandTimeout: 500, maxRetriesPerRequest: 1, enableOfflineQueue: false });
  redis.on('error', (error) => log.warn({ err: error }, 'requests are not counted: Redis is away'));
  fastify.addHook('onClose', async () => {
    // Asked to, Redis ends the connection itself; one that is away has none.
    await redis.quit().catch(() => redis.disconnect());
  });
  // The first requests are counted too, if Redis is there; the listener above has said it when it is not.
  await once(redis, 'ready').catch(() => undefined);
  return redis;
}

function limiter(fastify: FastifyInstance, max: number, name: string, keyOf: (request: FastifyRequest) => string): Limit | undefined {
  if (max === 0) return undefined;
  const count = fastify.createRateLimit({ max, timeWindow: 60_000, keyGenerator: (request) => `${name}:${keyOf(request)}` });
  return async (request, reply) => {
    const result = await count(request);
    if (result.isAllowed) return;
    reply
      .header('ratelimit-limit', result.max)
      .header('ratelimit-remaining', result.remaining)
      .header('ratelimit-reset', result.ttlInSeconds);
    if (result.isExceeded) throw new Problem('rate_limited', { headers: { 'retry-after': String(Math.max(1, result.ttlInSeconds)) } });
  };
}
