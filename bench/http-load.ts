/** The load on an HTTP server, in a process of its own: started by a benchmark with {@link Job}, answers with {@link Outcome}. */
import autocannon from 'autocannon';
import { randomUUID } from 'node:crypto';

export interface Job {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Addresses that each connection goes round, so that no two connections post to one aggregate at once. */
  readonly paths: readonly (readonly string[])[];
  /** The body of every request, beside a fresh `clientMessageId`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly seconds: number;
}

export interface Outcome {
  readonly perSecond: number;
  readonly answered: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly failed: number;
}

async function load({ origin, headers, paths, body, seconds }: Job): Promise<Outcome> {
  let connection = 0;
  const result = await autocannon({
    url: origin,
    connections: paths.length,
    duration: seconds,
    headers: { ...headers, 'content-type': 'application/json' },
    setupClient: (client) => {
      const mine = paths[connection++ % paths.length] ?? [];
      client.setRequests(
        mine.map((path) => ({
          method: 'POST',
          path,
          setupRequest: (request) => ({ ...request, body: JSON.stringify({ ...body, clientMessageId: randomUUID() }) }),
        })),
      );
    },
  });
  return {
    perSecond: result.requests.total / result.duration,
    answered: result.requests.total,
    p50: result.latency.p50,
    p99: result.latency.p99,
    p999: result.latency.p99_9,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

if (process.send !== undefined)
  process.on('message', (job) => {
    load(job as Job).then(
      (outcome) => process.send?.(outcome),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
