import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The values of the labels, in their order, and the number. */
export type Sample = readonly [values: readonly string[], number: number];

function fill(metric: Gauge | Counter, labels: readonly string[], samples: Iterable<Sample>): void {
  metric.reset();
  for (const [values, number] of samples) metric.inc(Object.fromEntries(labels.map((label, nth) => [label, values[nth] ?? ''])), number);
}

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

  /** Values that are looked up when they are asked for, such as the lag of each consumer by its name: the values of the labels, and the number. */
  gauge(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void {
    const gauge: Gauge = new Gauge({ ...this.#options(name, help, labels), collect: () => fill(gauge, labels, read()) });
  }

  /** The same for numbers that only grow for as long as the process lives. */
  counter(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void {
    const counter: Counter = new Counter({ ...this.#options(name, help, labels), collect: () => fill(counter, labels, read()) });
  }

  #options(name: string, help: string, labels: readonly string[]) {
    return { name, help, labelNames: labels, registers: [this.registry] };
  }
}
