import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { CommandApiModule, InternalCommandApiModule } from '#command-api/command-api.module.ts';
import { AccessTokens } from '#infra/auth/access-tokens.ts';
import { SignedRequests, UnsignedRequests } from '#infra/auth/signed-requests.ts';
import { documentRoutes } from '#infra/http/documents.ts';
import type { Positions } from '#infra/http/positions.ts';
import { createHttpServer, type HttpServer, type ServerParts } from '#infra/http/server.ts';
import { StoredAnswers } from '#infra/http/stored-answers.ts';
import { healthRoutes, type Check } from '#infra/telemetry/health.ts';
import type { Metrics } from '#infra/telemetry/metrics.ts';
import { InternalQueryApiModule, QueryApiModule } from '#query-api/query-api.module.ts';
import { RealtimeModule } from '#realtime/realtime.module.ts';
import { OperationsModule } from '../operations/operations.controller.ts';
import { events, internalApi, publicApi } from './documents.ts';
import type { Foundation } from './foundation.ts';

/** What both servers share, beside the foundation. */
export interface Shared {
  /** Stores, adapters and the bus, for injection. */
  readonly platform: DynamicModule;
  readonly positions: Positions;
  readonly answers: StoredAnswers;
  readonly metrics: Metrics;
  readonly checks: Readonly<Record<string, Check>>;
}

@Module({})
class Server {
  static of(...imports: (Type | DynamicModule)[]): DynamicModule {
    return { module: Server, imports };
  }
}

const PER_MINUTE_WITHOUT_END = { perIp: 0, perCaller: 0, strict: 0 };

/** The public server: commands, queries and tickets, as the process's roles say. */
export function publicServer(foundation: Foundation, shared: Shared): Promise<HttpServer> {
  const { config } = foundation;
  const { corsOrigins, trustProxy, bodyLimit, rateLimits, url } = config.publicHttp;
  const modules: (Type | DynamicModule)[] = [shared.platform];
  if (config.roles.has('command-api')) modules.push(CommandApiModule);
  if (config.roles.has('query-api')) modules.push(QueryApiModule);
  if (config.roles.has('realtime')) modules.push(RealtimeModule);
  return createHttpServer(Server.of(...modules), {
    ...common(foundation, shared, 'public'),
    source: 'command-api',
    authenticator: new AccessTokens({ ...config.cognito }),
    rateLimits,
    redisUrl: config.redisUrl,
    corsOrigins,
    trustProxy,
    bodyLimit,
    routes: async (fastify, endpoints) => {
      healthRoutes(fastify, shared.checks, undefined);
      await documentRoutes(fastify, endpoints, publicApi(url), events(url));
    },
  });
}

/** The internal server: for services and operators; health in detail and metrics for whoever runs the house. `extra` adds modules of this process. */
export function internalServer(foundation: Foundation, shared: Shared, extra: readonly (Type | DynamicModule)[]): Promise<HttpServer> {
  const { config, database } = foundation;
  const { auth, keys, bodyLimit, host, port } = config.internalHttp;
  return createHttpServer(Server.of(shared.platform, InternalCommandApiModule, InternalQueryApiModule, OperationsModule, ...extra), {
    ...common(foundation, shared, 'internal'),
    source: 'internal-api',
    authenticator: auth === 'none' ? new UnsignedRequests() : new SignedRequests(keys, database),
    rateLimits: PER_MINUTE_WITHOUT_END,
    corsOrigins: [],
    trustProxy: false,
    bodyLimit,
    maxConcurrent: 200,
    routes: async (fastify, endpoints) => {
      healthRoutes(fastify, shared.checks, { metrics: shared.metrics });
      await documentRoutes(fastify, endpoints, internalApi(`http://${host}:${port}`));
    },
  });
}

function common(
  { log }: Foundation,
  shared: Shared,
  server: string,
): Pick<ServerParts, 'idempotencyKeys' | 'positions' | 'log' | 'answered'> {
  return { idempotencyKeys: shared.answers, positions: shared.positions, log, answered: shared.metrics.answered(server, log) };
}
