import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import { healthRoutes, readiness, type Check } from './health.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';

const fine: Check = () => Promise.resolve({ ok: true });

describe('The log', () => {
  const written = (write: (log: ReturnType<typeof createLog>) => void) => {
    const lines: string[] = [];
    write(createLog('info', 'spec', { write: (line) => lines.push(line) }));
    return lines.join('');
  };

  it('keeps secrets and personal data out, even when somebody logs them', () => {
    const line = written((log) =>
      log.info({ correlationId: 'c-1', email: 'mia@example.com', user: { password: 'hunter2', phone: '555' } }, 'signed in'),
    );
    expect(line).not.toMatch(/mia@|hunter2|555/);
    expect(JSON.parse(line)).toMatchObject({ level: 'info', source: 'spec', correlationId: 'c-1', msg: 'signed in' });
  });

  it('writes an error without what its library hangs on it', () => {
    const error = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (email)=(mia@example.com) already exists.' });
    const line = written((log) => log.error({ err: error }));
    expect(line).not.toContain('mia@');
    expect(JSON.parse(line)).toMatchObject({ err: { type: 'Error', message: 'duplicate key', code: '23505' } });
  });
});

describe('Readiness', () => {
  it('is there when every part is', async () => {
    expect(await readiness({ postgres: fine, eventstore: () => Promise.resolve({ ok: true, lagSeconds: 0.2 }) })).toMatchObject({
      ready: true,
    });
  });
  it('is not when one part is not, or fails', async () => {
    const broken: Check = () => Promise.reject(new TypeError('password authentication failed for user mia'));
    expect(await readiness({ postgres: fine, eventstore: broken })).toEqual({
      ready: false,
      degraded: [],
      parts: { postgres: { ok: true }, eventstore: { ok: false, detail: 'TypeError' } },
    });
  });
});

describe('A part that is degraded', () => {
  it('is named, and leaves the process ready', async () => {
    const held: Check = () => Promise.resolve({ ok: true, degraded: true, detail: 'matching.matches 2' });
    expect(await readiness({ postgres: fine, heldBack: held })).toEqual({
      ready: true,
      degraded: ['heldBack'],
      parts: { postgres: { ok: true }, heldBack: { ok: true, degraded: true, detail: 'matching.matches 2' } },
    });
  });
});

describe('Health, readiness and metrics', () => {
  let server: FastifyInstance;
  let ok: boolean;
  const metrics = new Metrics();
  const checks = { postgres: () => Promise.resolve({ ok }) };
  const get = async (url: string) => {
    const { statusCode, body } = await server.inject({ url });
    return { status: statusCode, body };
  };

  beforeEach(() => {
    ok = true;
    server = fastify();
  });
  afterEach(() => server.close());

  it('tell the public no more than yes or no', async () => {
    healthRoutes(server, checks, undefined);
    expect(await get('/health')).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect(await get('/ready')).toEqual({ status: 200, body: '{"status":"ready"}' });
    ok = false;
    expect(await get('/ready')).toEqual({ status: 503, body: '{"status":"not ready"}' });
    expect((await get('/metrics')).status).toBe(404);
  });

  it('name the parts to operators, and count', async () => {
    metrics.gauge('consumer_lag_seconds', 'Lag.', ['consumer'], () => [[['matching.requests'], 1.5]]);
    let attempts = 3;
    metrics.counter('attempts_total', 'Attempts.', ['manager', 'outcome'], () => [[['greet', 'failed'], attempts]]);
    healthRoutes(server, checks, { metrics });
    expect((await get('/ready')).body).toBe('{"status":"ready","degraded":[],"parts":{"postgres":{"ok":true}}}');
    expect((await get('/metrics')).body).toContain('consumer_lag_seconds{consumer="matching.requests"} 1.5');
    attempts = 4;
    expect((await get('/metrics')).body).toMatch(/# TYPE attempts_total counter\nattempts_total\{manager="greet",outcome="failed"\} 4/);
  });
});
