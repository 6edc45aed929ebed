import 'reflect-metadata';
import { Catch, type ArgumentsHost, type DynamicModule, type ExceptionFilter, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Socket } from 'node:net';
import type { Authenticator } from './authenticator.ts';
import { installEdge } from './edge.ts';
import type { EndpointOptions } from './endpoint.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { Positions } from './positions.ts';
import { PROBLEM_JSON, problemOf, Problem } from './problems.ts';
import { rateLimiters, type RateLimits } from './rate-limits.ts';
import { sendProblem } from './send-problem.ts';

const SECOND = 1_000;

/** What a server is made of. */
export interface ServerParts {
  /** Recorded as the source of every event that its requests cause: `command-api`, `internal-api`. */
  readonly source: string;
  readonly authenticator: Authenticator;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly positions: Positions;
  readonly rateLimits: RateLimits;
  readonly log: Logger;
  /** Redis, which counts requests on all nodes together; without it each counts its own. */
  readonly redisUrl?: string | undefined;
  /** Origins that browsers may call from; none: no CORS at all. */
  readonly corsOrigins: readonly string[];
  /** Bytes that a body may have. */
  readonly bodyLimit: number;
  /** Addresses of proxies in front whose X-Forwarded-For is believed; false: none. */
  readonly trustProxy: boolean | string;
  /** Requests at work at once; more are answered 503. Default: no bound. */
  readonly maxConcurrent?: number;
  /** Called after every answer, for metrics and the access log. */
  readonly answered?: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Adds routes that are no endpoints of the product, such as health, metrics and documents. */
  readonly routes?: (fastify: FastifyInstance, endpoints: readonly RegisteredEndpoint[]) => void | Promise<void>;
}

/** An endpoint as it was registered: its method, its address with `:name` parameters, its declaration. */
export interface RegisteredEndpoint {
  readonly method: string;
  readonly path: string;
  readonly options: EndpointOptions;
}

export interface HttpServer {
  readonly app: NestFastifyApplication;
  /** Every endpoint of the server, complete once the server has been made. */
  readonly endpoints: readonly RegisteredEndpoint[];
  /** Starts to listen; the port in use (0 asks for a free one). */
  listen(port: number, host: string): Promise<number>;
  /** Stops taking requests, lets those at work finish, closes. */
  close(): Promise<void>;
}

/** Builds the HTTP server of a Nest module: Fastify with limits on everything a client sends, and the edge in front of the controllers. */
export async function createHttpServer(module: Type | DynamicModule, parts: ServerParts): Promise<HttpServer> {
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: parts.bodyLimit,
    trustProxy: parts.trustProxy,
    // Fastify switches Node's own request timeout off unless it is told one: a slow body would never be cut.
    requestTimeout: 15 * SECOND,
    connectionTimeout: 60 * SECOND,
    // Longer than the 60 s of a load balancer, which must be the one to close an idle connection.
    keepAliveTimeout: 72 * SECOND,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply, parts.log),
    clientErrorHandler: answerUnreadable,
    skipMiddie: true,
    multipart: false,
  });
  // Nest translates Fastify's errors into its own and loses their codes on the way.
  adapter.mapException = (error: unknown) => error;
  const fastify = adapter.getInstance() as unknown as FastifyInstance;

  const endpoints: RegisteredEndpoint[] = [];
  fastify.addHook('onRoute', ({ method, url, config }) => {
    if (config?.endpoint === undefined) return;
    for (const name of [method].flat()) if (name !== 'HEAD') endpoints.push({ method: name, path: url, options: config.endpoint });
  });
  const limiters = await rateLimiters(fastify, parts.rateLimits, { redisUrl: parts.redisUrl, log: parts.log });
  installEdge(fastify, { ...parts, limiters, answerWithin: 30 * SECOND });
  if (parts.maxConcurrent !== undefined) boundConcurrency(fastify, parts.maxConcurrent);
  if (parts.corsOrigins.length > 0)
    await fastify.register(cors, {
      origin: [...parts.corsOrigins],
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: [
        'x-correlation-id',
        'retry-after',
        'idempotency-replayed',
        'ratelimit-limit',
        'ratelimit-remaining',
        'ratelimit-reset',
      ],
      maxAge: 3600,
    });
  if (parts.answered !== undefined) {
    const { answered } = parts;
    fastify.addHook('onResponse', (request, reply, done) => {
      answered(request, reply);
      done();
    });
  }
  await parts.routes?.(fastify, endpoints);

  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { bodyParser: false, logger: false, abortOnError: false });
  app.useGlobalFilters(new ProblemFilter(parts.log));
  await app.init();
  await fastify.ready();

  return {
    app,
    endpoints,
    listen: async (port, host) => {
      await app.listen(port, host);
      const address = app.getHttpServer().address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    close: () => app.close(),
  };
}

/** The last stop of every error of a handler or hook: a problem document, never HTML. */
@Catch()
class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.log);
  }
}

/** Answers what is no HTTP at all, or too slow or too big to be read; there is no request to hang an answer on. */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const code =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'malformed_request';
  const { status, body } = problemOf(new Problem(code), 'none');
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\ncontent-type: ${PROBLEM_JSON}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

/** Refuses requests over a bound instead of queueing them without end. */
function boundConcurrency(fastify: FastifyInstance, most: number): void {
  let atWork = 0;
  fastify.addHook('onRequest', (_request, reply, done) => {
    if (atWork >= most) return done(new Problem('upstream_unavailable', { headers: { 'retry-after': '1' } }));
    atWork += 1;
    reply.raw.once('close', () => (atWork -= 1));
    done();
  });
}
