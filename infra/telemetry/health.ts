import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

/** What one part says of itself. `detail` is for operators and holds no addresses or secrets. */
export interface PartReport {
  /** Whether the process can serve: a part that says no makes it not ready. */
  readonly ok: boolean;
  /** It can, but somebody should look: another process would do no better. */
  readonly degraded?: boolean;
  readonly detail?: string;
  readonly lagSeconds?: number;
}

/** Asks one part whether it can do its work. A rejection counts as no. */
export type Check = () => Promise<PartReport>;

export interface Readiness {
  readonly ready: boolean;
  /** Names of the parts that somebody should look at although all can serve. */
  readonly degraded: readonly string[];
  readonly parts: Readonly<Record<string, PartReport>>;
}

const PATIENCE_MS = 2_000;

/** Asks every part at once; one that does not answer within two seconds is not ready. */
export async function readiness(checks: Readonly<Record<string, Check>>): Promise<Readiness> {
  const reports = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await reportOf(check)] as const));
  return {
    ready: reports.every(([, { ok }]) => ok),
    degraded: reports.filter(([, { degraded }]) => degraded === true).map(([name]) => name),
    parts: Object.fromEntries(reports),
  };
}

async function reportOf(check: Check): Promise<PartReport> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<PartReport>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: 'does not answer' }), PATIENCE_MS);
  });
  try {
    return await Promise.race([check(), silence]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.name : 'failed' };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `/health` (the process answers) and `/ready` (its parts can work: 200 or 503). The public server says no more than that;
 * the internal one names the parts and has `/metrics`.
 */
export function healthRoutes(
  fastify: FastifyInstance,
  checks: Readonly<Record<string, Check>>,
  internal: { metrics: Metrics } | undefined,
): void {
  fastify.get('/health', () => ({ status: 'ok' }));
  fastify.get('/ready', async (_request, reply) => {
    const { ready, degraded, parts } = await readiness(checks);
    reply.code(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not ready', ...(internal === undefined ? {} : { degraded, parts }) };
  });
  if (internal === undefined) return;
  const { registry } = internal.metrics;
  fastify.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}
