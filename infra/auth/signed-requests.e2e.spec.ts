import { createHash, createHmac, randomUUID, type BinaryLike } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { SignatureV4 } from '@smithy/signature-v4';
import type { ChecksumConstructor } from '@smithy/types';
import pino from 'pino';
import { z } from 'zod';
import { Body, Caller, Endpoint } from '#infra/http/endpoint.ts';
import { createHttpServer, type HttpServer } from '#infra/http/server.ts';
import { StoredAnswers } from '#infra/http/stored-answers.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { SignedRequests, UnsignedRequests } from './signed-requests.ts';
import { signedHeaders } from './signing.ts';

const answer = z.object({ role: z.string(), userId: z.string().optional() });

@Controller('internal')
class Office {
  @Get('door')
  @Endpoint({ summary: 'Look.', actors: ['internal'], query: z.object({ who: z.string().optional() }), response: answer })
  look(@Caller() caller: Caller) {
    return caller.actor;
  }

  @Post('safe')
  @Endpoint({ summary: 'Open.', actors: ['admin'], body: z.object({ amount: z.number() }), response: answer })
  open(@Body() _body: { amount: number }, @Caller() caller: Caller) {
    return caller.actor;
  }
}

@Module({ controllers: [Office] })
class OfficeModule {}

/** The hash that AWS's signer asks for, on Node's own crypto. */
class Sha256 {
  readonly #hash;
  constructor(secret?: BinaryLike) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
  reset(): void {}
}

describe('Signed requests', () => {
  const key = { service: 'operations', secret: 'a-secret-of-more-than-32-characters' };
  const admin = randomUUID();
  let postgres: DisposableServer;
  let server: HttpServer;
  let origin: string;

  beforeAll(async () => {
    postgres = await disposableServer();
    const { database } = await postgres.create();
    server = await createHttpServer(OfficeModule, {
      source: 'internal-api',
      authenticator: new SignedRequests(new Map([[key.service, key.secret]]), database),
      idempotencyKeys: new StoredAnswers(database, () => undefined),
      positions: { waitFor: () => Promise.resolve(true) },
      rateLimits: { perIp: 0, perCaller: 0, strict: 0 },
      log: pino({ level: 'silent' }),
      corsOrigins: [],
      bodyLimit: 10_000,
      trustProxy: false,
    });
    origin = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  });
  afterAll(async () => {
    await server.close();
    await postgres.dispose();
  });

  const send = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const { host: _host, ...rest } = headers;
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { ...rest, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const signed = (method: string, path: string, options: { body?: string; actingAdmin?: string; at?: Date; with?: typeof key } = {}) => {
    const { with: other = key, ...rest } = options;
    return signedHeaders({ method, url: new URL(`${origin}${path}`), ...rest }, other);
  };
  const safe = JSON.stringify({ amount: 5 });

  it('are taken for the service', async () => {
    const path = '/internal/door?who=m%20x&b=%2F&a=1';
    expect(await send('GET', path, signed('GET', path))).toEqual({ status: 200, body: { role: 'internal' } });
  });

  it('are taken for the admin whom the service names', async () => {
    const headers = signed('POST', '/internal/safe', { body: safe, actingAdmin: admin });
    expect(await send('POST', '/internal/safe', headers, safe)).toEqual({ status: 201, body: { role: 'admin', userId: admin } });
  });

  it('need an admin where a person must answer for it', async () => {
    expect((await send('POST', '/internal/safe', signed('POST', '/internal/safe', { body: safe }), safe)).body['code']).toBe('forbidden');
  });

  it("of AWS's own signer are taken", async () => {
    const signer = new SignatureV4({
      service: 'execute-api',
      region: 'eu-west-1',
      credentials: { accessKeyId: key.service, secretAccessKey: key.secret },
      sha256: Sha256 as unknown as ChecksumConstructor,
    });
    const { port } = new URL(origin);
    const query = { who: 'a b/c', z: '1', a: "it's" };
    const { headers } = await signer.sign({
      method: 'GET',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: Number(port),
      path: '/internal/door',
      query,
      headers: { host: `127.0.0.1:${port}` },
    });
    expect((await send('GET', '/internal/door?who=a%20b%2Fc&z=1&a=it%27s', headers)).status).toBe(200);
    const post = await signer.sign({
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: Number(port),
      path: '/internal/safe',
      headers: { host: `127.0.0.1:${port}`, 'x-acting-admin': admin, 'content-type': 'application/json' },
      body: safe,
    });
    expect((await send('POST', '/internal/safe', post.headers, safe)).status).toBe(201);
  });

  it.each([
    ['none', () => ({})],
    ['another key', () => signed('GET', '/internal/door', { with: { ...key, secret: 'another-secret-of-the-same-length-ok' } })],
    ['an unknown service', () => signed('GET', '/internal/door', { with: { ...key, service: 'stranger' } })],
    ['another address', () => signed('GET', '/internal/door?who=me')],
    ['another method', () => signed('POST', '/internal/door')],
    ['an admin that was put in later', () => ({ ...signed('GET', '/internal/door'), 'x-acting-admin': admin })],
    ['another nonce than was signed', () => ({ ...signed('GET', '/internal/door'), 'x-nonce': 'x' })],
    ['a bearer token', () => ({ authorization: 'Bearer abc' })],
  ] as [string, () => Record<string, string>][])('with %s are refused', async (_name, headers) => {
    expect(await send('GET', '/internal/door', headers())).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  it('with another body than was signed are refused', async () => {
    const headers = signed('POST', '/internal/safe', { body: safe, actingAdmin: admin });
    expect((await send('POST', '/internal/safe', headers, JSON.stringify({ amount: 5_000 }))).status).toBe(401);
  });

  it('that change something are taken once', async () => {
    const headers = signed('POST', '/internal/safe', { body: safe, actingAdmin: admin });
    expect((await send('POST', '/internal/safe', headers, safe)).status).toBe(201);
    expect((await send('POST', '/internal/safe', headers, safe)).status).toBe(401);
  });

  it.each([-600_000, 600_000])('whose time is %i ms from ours are refused', async (distance) => {
    const headers = signed('GET', '/internal/door', { at: new Date(Date.now() + distance) });
    expect((await send('GET', '/internal/door', headers)).status).toBe(401);
  });

  it('may be left out in tests, and never in production', () => {
    expect(new UnsignedRequests().needsBody).toBe(false);
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      expect(() => new UnsignedRequests()).toThrow('never open');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});
