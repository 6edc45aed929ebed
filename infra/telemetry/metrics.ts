import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one process, in Prometheus text. Others add their own to `registry`. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['server', 'method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts an answer and logs it. Routes and not addresses: those hold ids without end. */
  answered(server: string, log: Logger): (request: FastifyRequest, reply: FastifyReply) => void {
    return (request, reply) => {
      const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
      this.#requests.observe({ server, method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
      if (!log.isLevelEnabled('info')) return;
      const { correlationId, caller } = request.exchange;
      log.info({
        correlationId,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        role: caller.actor.role,
        userId: caller.actor.userId,
      });
    };
  }

  /** A value that is looked up when it is asked for, such as the lag of each consumer by its name. */
  gauge(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    const gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [value, number] of read()) gauge.set({ [label]: value }, number);
      },
    });
  }
}
