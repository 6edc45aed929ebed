/** The servers that the benchmarks compare over HTTP: a bare Fastify handler, and our edge in front of a controller. */
import type { EventStoreDBClient } from '@eventstore/db-client';
import type { DynamicModule, Type } from '@nestjs/common';
import fastify from 'fastify';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { AccessTokens } from '#infra/auth/access-tokens.ts';
import type { IdempotencyKeys } from '#infra/http/idempotency.ts';
import { createHttpServer } from '#infra/http/server.ts';

export interface BenchServer {
  readonly origin: string;
  /** Headers of an authenticated caller. */
  readonly headers: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

const chatMessage = {
  body: {
    type: 'object',
    required: ['clientMessageId', 'text'],
    properties: {
      clientMessageId: { type: 'string', minLength: 1, maxLength: 64 },
      text: { type: 'string', minLength: 1, maxLength: 4000 },
    },
  },
};

/** A handler that checks the body with a compiled schema and answers, without any work. */
export async function idleServer(): Promise<BenchServer> {
  const server = fastify();
  server.post<{ Params: { id: string } }>('/channels/:id/messages', { schema: chatMessage }, ({ params }, reply) =>
    reply.code(201).send({ id: params.id, revision: 1, position: '1' }),
  );
  return { origin: await server.listen({ host: HOST, port: 0 }), headers: {}, close: () => server.close() };
}

/** A handler that checks the body with a compiled schema and appends what `event` gives, with nothing around it. */
export async function bareServer(
  client: EventStoreDBClient,
  event: (channelId: string, text: string) => Parameters<EventStoreDBClient['appendToStream']>[1],
): Promise<BenchServer> {
  const revisions = new Map<string, bigint>();
  const server = fastify();
  server.post<{ Params: { id: string }; Body: { text: string } }>(
    '/channels/:id/messages',
    { schema: chatMessage },
    async ({ params, body }, reply) => {
      const stream = `BareHttp-${params.id}`;
      const expectedRevision = revisions.get(stream) ?? 'no_stream';
      const { nextExpectedRevision, position } = await client.appendToStream(stream, event(params.id, body.text), { expectedRevision });
      revisions.set(stream, nextExpectedRevision);
      return reply.code(201).send({ id: params.id, revision: Number(nextExpectedRevision), position: String(position?.commit) });
    },
  );
  return { origin: await server.listen({ host: HOST, port: 0 }), headers: {}, close: () => server.close() };
}

/** No request of the benchmark brings an Idempotency-Key, so nothing is ever asked of this. */
const unused: IdempotencyKeys = {
  claim: () => Promise.reject(new Error('No key is sent here')),
  keep: () => Promise.resolve(),
  release: () => Promise.resolve(),
};

/** The public server's edge (token, limits, zod, problem+json) in front of a module's controllers; `userId` is the student who calls. */
export async function ourServer(module: Type | DynamicModule, userId: string): Promise<BenchServer> {
  const keys = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  const pool = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })),
  );
  pool.listen(0, HOST);
  await once(pool, 'listening');
  const issuer = 'https://pool.bench';
  const token = await new SignJWT({ token_use: 'access', client_id: 'app', role: 'student', user_id: userId })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer(issuer)
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(keys.privateKey);

  const server = await createHttpServer(module, {
    source: 'command-api',
    authenticator: new AccessTokens({ issuer, clientId: 'app', jwksUrl: `http://${HOST}:${(pool.address() as AddressInfo).port}/` }),
    idempotencyKeys: unused,
    positions: { waitFor: () => Promise.resolve(true) },
    // Counted as in production, only never reached.
    rateLimits: { perIp: 1e9, perCaller: 1e9, strict: 1e9 },
    log: pino({ level: 'silent' }),
    corsOrigins: [],
    bodyLimit: 100_000,
    trustProxy: false,
  });
  const port = await server.listen(0, HOST);
  return {
    origin: `http://${HOST}:${port}`,
    headers: { authorization: `Bearer ${token}` },
    close: async () => {
      await server.close();
      pool.close();
    },
  };
}
