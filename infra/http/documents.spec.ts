import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import pino from 'pino';
import { z } from 'zod';
import { defineEvent } from '#domain/kernel/event.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { documentRoutes } from './documents.ts';
import { commandAnswer, Endpoint } from './endpoint.ts';
import { createHttpServer, type HttpServer } from './server.ts';

class TeapotEmpty extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The teapot is empty.';
}

@Controller('teapots')
class Teapots {
  @Get(':id')
  @Endpoint({
    summary: 'Look at a teapot.',
    actors: ['student'],
    params: z.object({ id: z.uuid() }),
    query: z.object({ lid: z.enum(['on', 'off']).default('on') }),
    response: z.object({ full: z.boolean() }),
    reads: ['teapots'],
  })
  look() {
    return { full: true };
  }

  @Post(':id/pour')
  @Endpoint({
    summary: 'Pour.',
    actors: 'anyone',
    body: z.object({ cups: z.number().int() }),
    response: commandAnswer,
    status: 202,
    rate: 'strict',
  })
  pour() {
    return { id: 'x', revision: 0, position: '0' };
  }
}

@Module({ controllers: [Teapots] })
class TeapotModule {}

describe('The documents', () => {
  let server: HttpServer;
  const get = async (url: string) => {
    const { statusCode, body, headers } = await server.app.inject({ url });
    return { status: statusCode, body, headers };
  };
  const json = async (url: string) => JSON.parse((await get(url)).body) as Record<string, Record<string, Record<string, unknown>>>;

  beforeAll(async () => {
    server = await createHttpServer(TeapotModule, {
      source: 'command-api',
      authenticator: { needsBody: false, identify: () => undefined },
      idempotencyKeys: { claim: () => Promise.resolve({ kind: 'first' }), keep: () => Promise.resolve(), release: () => Promise.resolve() },
      positions: { waitFor: () => Promise.resolve(true) },
      rateLimits: { perIp: 0, perCaller: 0, strict: 0 },
      log: pino({ level: 'silent' }),
      corsOrigins: [],
      bodyLimit: 1_000,
      trustProxy: false,
      routes: (fastify, endpoints) =>
        documentRoutes(
          fastify,
          endpoints,
          { title: 'Tea', version: '1', description: 'Tea.', url: 'http://localhost', security: 'bearer', refusals: [TeapotEmpty] },
          {
            title: 'Tea',
            version: '1',
            description: 'Tea.',
            socketUrl: 'ws://localhost/ws',
            events: [
              {
                stream: 'Teapot',
                definition: defineEvent('TeaPoured', {
                  sentence: 'Tea was poured.',
                  schema: z.object({ guest: z.string(), id: z.string() }),
                  personal: { guest: 'id' },
                }),
              },
            ],
            toClients: [{ type: 'tea:ready', sentence: 'Tea is ready.', schema: z.object({ cups: z.number() }) }],
            fromClients: [{ type: 'sip', sentence: 'A sip.', schema: z.object({ type: z.literal('sip') }) }],
            closings: [{ code: 4000, reason: 'the pot is empty' }],
          },
        ),
    });
  });
  afterAll(() => server.close());

  it('describe an endpoint as it is declared', async () => {
    const { paths } = await json('/docs/openapi.json');
    const look = paths!['/teapots/{id}']!['get'];
    expect(look).toMatchObject({
      operationId: 'getTeapotsById',
      summary: 'Look at a teapot.',
      security: [{ bearer: [] }],
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
        { name: 'lid', in: 'query', required: false, schema: { enum: ['on', 'off'] } },
        { name: 'X-Correlation-ID' },
        { name: 'X-Min-Position' },
      ],
      responses: {
        '200': { content: { 'application/json': { schema: { properties: { full: { type: 'boolean' } } } } } },
        '401': {},
        '404': {},
      },
    });
    const pour = paths!['/teapots/{id}/pour']!['post'];
    expect(pour).toMatchObject({
      security: [],
      'x-rate-limit': 'strict',
      requestBody: { required: true },
      responses: { '202': {}, '422': {} },
    });
  });

  it('list every code that an answer may carry', async () => {
    expect((await json('/docs/openapi.json'))['x-problem-codes']).toMatchObject({
      teapot_empty: { status: 409, title: 'The teapot is empty.' },
      validation_failed: { status: 400 },
    });
  });

  it('describe events and frames', async () => {
    const document = await json('/docs/asyncapi.json');
    expect(document).toMatchObject({
      asyncapi: '3.0.0',
      channels: {
        Teapot: { address: 'Teapot-{id}' },
        socket: { messages: { 'tea.ready': {}, sip: {} }, 'x-close-codes': { 4000: 'the pot is empty' } },
      },
      components: {
        messages: { TeaPoured: { summary: 'Tea was poured.', 'x-personal-fields': ['guest'] }, 'tea.ready': { name: 'tea:ready' } },
      },
    });
  });

  it('can be read in a browser', async () => {
    const page = await get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect((await json('/docs/json'))['openapi']).toBe('3.1.0');
  });
});
