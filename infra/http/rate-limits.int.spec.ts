import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { Problem } from './problems.ts';
import { rateLimiters } from './rate-limits.ts';

const LIMIT = 5;
const log = pino({ level: 'silent' });
const open: FastifyInstance[] = [];

afterAll(() => Promise.all(open.map((server) => server.close())));

/** A server that lets one address ask `LIMIT` times a minute; gives the way to ask. */
async function node(redisUrl: string | undefined): Promise<(address: string) => Promise<number>> {
  const server = Fastify({ trustProxy: true });
  open.push(server);
  const { ip } = await rateLimiters(server, { perIp: LIMIT, perCaller: 0, strict: 0 }, { redisUrl, log });
  if (ip === undefined) throw new Error('There is no limit by address.');
  server.addHook('onRequest', async (request, reply) => ip(request, reply));
  server.setErrorHandler((error, _request, reply) => reply.code(error instanceof Problem ? 429 : 500).send());
  server.get('/', () => ({}));
  return async (address) => (await server.inject({ url: '/', headers: { 'x-forwarded-for': address } })).statusCode;
}

async function ask(nodes: readonly ((address: string) => Promise<number>)[], address: string, times: number): Promise<number[]> {
  const answers: number[] = [];
  for (let nth = 0; nth < times; nth += 1) answers.push(await nodes[nth % nodes.length]!(address));
  return answers;
}

const within = Array.from({ length: LIMIT }, () => 200);

describe('Rate limits in memory', () => {
  it('count each address apart', async () => {
    const one = await node(undefined);
    expect(await ask([one], '10.0.0.1', LIMIT + 2)).toEqual([...within, 429, 429]);
    expect(await ask([one], '10.0.0.2', 1)).toEqual([200]);
  });
});

describe('Rate limits with Redis', () => {
  it('limit nobody while Redis is away', async () => {
    const one = await node('redis://127.0.0.1:1');
    expect(await ask([one], '10.0.0.1', LIMIT + 2)).toEqual([...within, 200, 200]);
  });

  const given = process.env['REDIS_URL'];
  if (given !== undefined) {
    it('count on all nodes together', async () => {
      const nodes = [await node(given), await node(given)];
      const address = randomUUID();
      expect(await ask(nodes, address, LIMIT + 2)).toEqual([...within, 429, 429]);
      expect(await ask(nodes, randomUUID(), 1)).toEqual([200]);
    });
  }
});
