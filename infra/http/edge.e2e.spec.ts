import { fail } from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import pino from 'pino';
import { z } from 'zod';
import { Refusal } from '#domain/kernel/refusal.ts';
import { EventStoreUnavailable, WrongRevision } from '#infra/event-store/errors.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { Body, Caller, Endpoint, Params, Query, RawBody } from './endpoint.ts';
import { Problem } from './problems.ts';
import { createHttpServer, type HttpServer } from './server.ts';
import { StoredAnswers } from './stored-answers.ts';

class KettleTooHot extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The kettle is too hot.';
}

const orderSchema = z.object({ cups: z.number().int().min(1).max(10), tea: z.string().min(1) });

/** What the handlers below have been through, for the specs to look at. */
const brewed: string[] = [];
let holding: Promise<void> | undefined;
const arrivedOrders = new EventEmitter();

@Controller('teas')
class Teas {
  @Post()
  @Endpoint({
    summary: 'Brew tea.',
    actors: ['student'],
    body: orderSchema,
    response: z.object({ id: z.string(), cups: z.number() }),
    status: 202,
  })
  async brew(@Body() order: z.output<typeof orderSchema>, @Caller() caller: Caller) {
    if (order.tea === 'lapsang') throw new KettleTooHot({ degrees: 120 });
    if (order.tea === 'poison') throw new Error('secret: the vault is behind the painting');
    if (order.tea === 'sold out') throw new EventStoreUnavailable('append to Tea-1', new Error('secret'));
    if (order.tea === 'fought over') throw new WrongRevision('Tea-1', 3, 4);
    arrivedOrders.emit('order');
    await holding;
    const context = caller.commandContext();
    brewed.push(context.commandId);
    return { id: caller.newId('tea'), cups: order.cups, internal: 'recipe', context: context.by.userId };
  }

  @Get(':id')
  @Endpoint({
    summary: 'Look at a tea.',
    actors: ['student', 'admin'],
    params: z.object({ id: z.uuid() }),
    query: z.object({ sugar: z.coerce.number().int().default(0) }),
    response: z.object({ id: z.string(), sugar: z.number(), who: z.string() }),
    reads: ['teas'],
  })
  look(@Params() { id }: { id: string }, @Query() { sugar }: { sugar: number }, @Caller() caller: Caller) {
    return { id, sugar, who: caller.actor.userId };
  }

  @Get()
  @Endpoint({ summary: 'The menu.', actors: 'anyone', response: z.object({ who: z.string(), correlationId: z.string() }) })
  menu(@Caller() caller: Caller) {
    return { who: caller.actor.role, correlationId: caller.correlationId };
  }

  @Get('broken/answer')
  @Endpoint({ summary: 'Answers wrongly.', actors: 'anyone', response: z.object({ cups: z.number() }) })
  broken() {
    return { cups: 'many' };
  }

  @Post('hook')
  @Endpoint({ summary: 'A webhook.', actors: 'anyone', rawBody: true, response: z.object({ bytes: z.string() }), status: 200 })
  hook(@RawBody() body: Buffer) {
    return { bytes: body.toString('hex') };
  }

  @Post('secret')
  @Endpoint({ summary: 'A token.', actors: ['student'], secretAnswer: true, response: z.object({ token: z.string() }), status: 200 })
  secret() {
    return { token: crypto.randomUUID() };
  }

  @Post('guess')
  @Endpoint({ summary: 'Guess.', actors: 'anyone', rate: 'strict', response: z.object({}), status: 200 })
  guess() {
    return {};
  }
}

@Module({ controllers: [Teas] })
class TeaHouse {}

describe('the edge', () => {
  let postgres: DisposableServer;
  let database: Database;
  let answers: StoredAnswers;
  let server: HttpServer;
  let origin: string;
  let arrived: bigint;

  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database } = await postgres.create());
    answers = new StoredAnswers(database, (error) => fail(String(error)));
    answers.open();
    server = await createHttpServer(TeaHouse, {
      source: 'command-api',
      // Tokens of this tea house are `role:userId`; real ones have their own spec.
      authenticator: {
        needsBody: false,
        identify: ({ headers }) => {
          const [, role, userId] = /^Bearer (student|tutor|admin):(.+)$/.exec(headers.authorization ?? '') ?? [];
          if (headers.authorization === undefined) return undefined;
          if (role === undefined || userId === undefined) throw new Problem('unauthenticated');
          return { actor: { role: role as 'student', userId }, roles: [role as 'student'] };
        },
      },
      idempotencyKeys: answers,
      positions: { waitFor: (_names, position) => Promise.resolve(position <= arrived) },
      rateLimits: { perIp: 0, perCaller: 0, strict: 3 },
      log: pino({ level: 'silent' }),
      corsOrigins: ['https://shop.example'],
      bodyLimit: 2_000,
      trustProxy: false,
    });
    origin = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  });
  afterAll(async () => {
    await server.close();
    answers.close();
    await postgres.dispose();
  });
  beforeEach(() => {
    brewed.length = 0;
    holding = undefined;
    arrived = 0n;
  });

  const mia = { authorization: 'Bearer student:mia' };
  const send = async (method: string, path: string, options: { headers?: Record<string, string>; body?: unknown } = {}) => {
    const { headers = {}, body } = options;
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (text === '' ? undefined : JSON.parse(text)) as Record<string, unknown>,
    };
  };
  const order = (headers: Record<string, string> = {}, body: unknown = { cups: 2, tea: 'assam' }) =>
    send('POST', '/teas', { headers: { ...mia, ...headers }, body });

  it('answers with what the schema names and nothing else', async () => {
    const answer = await order();
    expect(answer.status).toBe(202);
    expect(Object.keys(answer.body)).toEqual(['id', 'cups']);
  });

  it('says of a wrong body which values are wrong, and not what they were', async () => {
    const answer = await order({}, { cups: 99, tea: 4711 });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'validation_failed', status: 400, errors: [{ path: 'body.cups' }, { path: 'body.tea' }] });
    expect(answer.text).not.toContain('4711');
  });

  it.each([
    ['text that is no JSON', '{"cups": 2', 400, 'malformed_json'],
    ['a prototype in disguise', '{"__proto__": {"admin": true}, "cups": 2, "tea": "assam"}', 400, 'malformed_json'],
    ['too many bytes', `{"tea": "${'x'.repeat(3_000)}"}`, 413, 'payload_too_large'],
    ['no object', '[]', 400, 'validation_failed'],
  ])('answers %s with a problem', async (_name, body, status, code) => {
    const answer = await order({}, body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it('takes JSON only, except where a webhook is signed over its bytes', async () => {
    const form = { headers: { ...mia, 'content-type': 'text/plain; charset=utf-8' }, body: 'cups=2' };
    expect((await send('POST', '/teas', form)).body['code']).toBe('unsupported_media_type');
    expect((await send('POST', '/teas/hook', form)).body).toEqual({ bytes: Buffer.from('cups=2').toString('hex') });
    expect((await send('POST', '/teas/hook', { body: '{"not": json' })).body).toEqual({
      bytes: Buffer.from('{"not": json').toString('hex'),
    });
  });

  it('wants a token where roles are named, and the right role', async () => {
    const missing = await send('POST', '/teas', { body: { cups: 2, tea: 'assam' } });
    expect([missing.status, missing.body['code'], missing.headers.get('www-authenticate')]).toEqual([401, 'unauthenticated', 'Bearer']);
    expect((await order({ authorization: 'Bearer forged' })).status).toBe(401);
    const tutor = await order({ authorization: 'Bearer tutor:okafor' });
    expect([tutor.status, tutor.body['code']]).toEqual([403, 'forbidden']);
  });

  it('knows who calls where no token is needed, and minds a spent one there no more than none', async () => {
    expect((await send('GET', '/teas')).body['who']).toBe('anonymous');
    expect((await send('GET', '/teas', { headers: mia })).body['who']).toBe('student');
    expect((await send('GET', '/teas', { headers: { authorization: 'Bearer forged' } })).body['who']).toBe('anonymous');
  });

  it('answers a refusal by its code, with its details', async () => {
    const answer = await order({}, { cups: 1, tea: 'lapsang' });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: 'kettle_too_hot', title: 'The kettle is too hot.', details: { degrees: 120 } });
  });

  it('says nothing of the cause when the fault is ours', async () => {
    const thrown = await order({}, { cups: 1, tea: 'poison' });
    expect([thrown.status, thrown.body['code']]).toEqual([500, 'internal_error']);
    expect(thrown.text).not.toMatch(/secret|vault|stack|\.ts/);
    const broken = await send('GET', '/teas/broken/answer');
    expect([broken.status, broken.body['code']]).toEqual([500, 'internal_error']);
    expect(broken.text).not.toContain('many');
  });

  it.each([
    ['sold out', 'upstream_unavailable'],
    ['fought over', 'contended'],
  ])('asks to come back when the event store could not take %s tea', async (tea, code) => {
    const answer = await order({}, { cups: 1, tea });
    expect([answer.status, answer.body['code'], answer.headers.get('retry-after')]).toEqual([503, code, '1']);
    expect(answer.text).not.toMatch(/secret|Tea-1/);
  });

  it('keeps no timer for a client that has gone away', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    let open: () => void = () => undefined;
    holding = new Promise((resolve) => (open = resolve));
    const connected = once(server.app.getHttpServer(), 'connection');
    const arrived = once(arrivedOrders, 'order');
    const before = timers();
    const body = '{"cups":1,"tea":"assam"}';
    const head = `host: tea\r\nauthorization: ${mia.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    const client = createConnection(Number(new URL(origin).port), '127.0.0.1');
    client.write(`POST /teas HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    const [[socket]] = (await Promise.all([connected, arrived])) as [[Socket], unknown];
    expect(timers()).toBe(before + 1);
    const closed = once(socket, 'close');
    client.destroy();
    await closed;
    await nextTurn();
    expect(timers()).toBe(before);
    open();
  });

  it.each(['/nowhere', '/teas/%E0%A4%A', `/teas/${'x'.repeat(300)}`])('answers the unknown address %s with a problem', async (path) => {
    const answer = await send('GET', path);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body['code']).toMatch(/not_found|malformed_request/);
  });

  it('checks ids and queries', async () => {
    expect((await send('GET', '/teas/soup', { headers: mia })).body).toMatchObject({ errors: [{ path: 'path.id' }] });
    const id = crypto.randomUUID();
    expect((await send('GET', `/teas/${id}?sugar=lots`, { headers: mia })).body).toMatchObject({ errors: [{ path: 'query.sugar' }] });
    expect((await send('GET', `/teas/${id}?sugar=2`, { headers: mia })).body).toEqual({ id, sugar: 2, who: 'mia' });
  });

  it('hands a correlation id through, and mints one for none or a bad one', async () => {
    const given = await send('GET', '/teas', { headers: { 'x-correlation-id': 'from-the-app-42' } });
    expect([given.headers.get('x-correlation-id'), given.body['correlationId']]).toEqual(['from-the-app-42', 'from-the-app-42']);
    const bad = await send('GET', '/teas', { headers: { 'x-correlation-id': 'a"b' } });
    expect(bad.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    const lost = await send('GET', '/nowhere', { headers: { 'x-correlation-id': 'from-the-app-42' } });
    expect(lost.body['correlationId']).toBe('from-the-app-42');
  });

  it('waits for a position, or says that the data is not there yet', async () => {
    arrived = 100n;
    const look = (position: string) => send('GET', `/teas/${crypto.randomUUID()}`, { headers: { ...mia, 'x-min-position': position } });
    expect((await look('100')).status).toBe(200);
    const stale = await look('101');
    expect([stale.status, stale.body['code'], stale.headers.get('retry-after')]).toEqual([503, 'stale_read', '1']);
    expect((await look('soon')).body).toMatchObject({ errors: [{ path: 'header.X-Min-Position' }] });
  });

  describe('with an Idempotency-Key', () => {
    it('gives the same answer to the same request, and runs it once', async () => {
      const key = { 'idempotency-key': 'order-1' };
      const [first, second] = [await order(key), await order(key)];
      expect([second.status, second.text, second.headers.get('idempotency-replayed')]).toEqual([202, first.text, 'true']);
      expect(brewed).toHaveLength(1);
    });

    it('refuses another body under the same key', async () => {
      const key = { 'idempotency-key': 'order-2' };
      await order(key);
      const other = await order(key, { cups: 3, tea: 'assam' });
      expect([other.status, other.body['code']]).toEqual([422, 'idempotency_key_reused']);
    });

    it('keeps the keys of two people apart', async () => {
      const key = { 'idempotency-key': 'order-3' };
      await order(key);
      expect((await order({ ...key, authorization: 'Bearer student:noah' }, { cups: 3, tea: 'assam' })).status).toBe(202);
    });

    it('repeats command id and new id after the answers were lost', async () => {
      const key = { 'idempotency-key': 'order-4' };
      const first = await order(key);
      await database.execute('truncate engine.idempotency_keys');
      const again = await order(key);
      expect(again.text).toBe(first.text);
      expect(brewed).toEqual([brewed[0], brewed[0]]);
    });

    it('makes concurrent requests wait for the first, which alone runs', async () => {
      let open: () => void = () => undefined;
      holding = new Promise((resolve) => (open = resolve));
      const key = { 'idempotency-key': 'order-5' };
      const all = [order(key), order(key), order(key)];
      setTimeout(open, 100);
      const texts = (await Promise.all(all)).map(({ text }) => text);
      expect(new Set(texts).size).toBe(1);
      expect(brewed).toHaveLength(1);
    });

    it('keeps a refusal too, but not a fault of ours', async () => {
      const refused = { 'idempotency-key': 'order-6' };
      await order(refused, { cups: 1, tea: 'lapsang' });
      expect((await order(refused, { cups: 1, tea: 'lapsang' })).headers.get('idempotency-replayed')).toBe('true');
      const faulty = { 'idempotency-key': 'order-7' };
      await order(faulty, { cups: 1, tea: 'poison' });
      expect((await order(faulty, { cups: 1, tea: 'poison' })).headers.get('idempotency-replayed')).toBeNull();
    });

    it('never keeps an answer that is a secret', async () => {
      const headers = { ...mia, 'idempotency-key': 'order-8' };
      const [first, second] = [await send('POST', '/teas/secret', { headers }), await send('POST', '/teas/secret', { headers })];
      expect(first.body['token']).not.toBe(second.body['token']);
      expect(first.headers.get('cache-control')).toBe('no-store');
    });

    it('refuses a key that is none', async () => {
      expect((await order({ 'idempotency-key': 'a b' })).body).toMatchObject({ errors: [{ path: 'header.Idempotency-Key' }] });
    });
  });

  it('limits guessing, and says when to come back', async () => {
    for (let i = 0; i < 3; i += 1) expect((await send('POST', '/teas/guess')).status).toBe(200);
    const fourth = await send('POST', '/teas/guess');
    expect([fourth.status, fourth.body['code']]).toEqual([429, 'rate_limited']);
    expect(Number(fourth.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await send('POST', '/teas/guess', { headers: mia })).status).toBe(200);
  });

  it('lets the named origins in, and no other', async () => {
    const preflight = (from: string) => send('OPTIONS', '/teas', { headers: { origin: from, 'access-control-request-method': 'POST' } });
    expect((await preflight('https://shop.example')).headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('answers what is no HTTP with a problem too', async () => {
    const socket = createConnection(Number(new URL(origin).port), '127.0.0.1');
    const answer = new Promise<string>((resolve) => socket.once('data', (data: Buffer) => resolve(data.toString())));
    socket.write('BREW /pot HTCPCP/1.0\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"malformed_request"/);
    socket.destroy();
  });

  it('knows its endpoints', () => {
    expect(server.endpoints.map(({ method, path }) => `${method} ${path}`)).toContain('GET /teas/:id');
  });
});
