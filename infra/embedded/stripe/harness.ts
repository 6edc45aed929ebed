import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { LOOPBACK } from '../loopback.ts';
import { serveStripe } from './serve.ts';
import type { StripeOptions } from './serve.ts';

const SECRETS = {
  secretKey: 'sk_test_contract',
  publishableKey: 'pk_test_contract',
  webhookSecret: 'whsec_platform',
  connectWebhookSecret: 'whsec_connect',
};

/** A client of the real SDK for an address, without retries of its own. */
export function stripeAt(address: string, key: string): Stripe {
  const { hostname, port, protocol } = new URL(address);
  return new Stripe(key, {
    host: hostname,
    port,
    protocol: protocol === 'https:' ? 'https' : 'http',
    maxNetworkRetries: 0,
    timeout: 5000,
    telemetry: false,
  });
}

/** A stand-in in this process on a folder of its own, with clients for the platform and for a customer. */
export async function startStripeHarness() {
  const dir = mkdtempSync(join(tmpdir(), 'stripe-spec-'));
  const options: StripeOptions = { dir, port: 0, ...SECRETS };
  let running = await serveStripe(options);
  const address = `http://${LOOPBACK}:${running.port}`;
  /** Calls the control API. */
  const control = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${address}/_control/${path}`, {
      method,
      headers: { authorization: `Bearer ${SECRETS.secretKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T;
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  };
  return {
    address,
    secrets: SECRETS,
    stripe: stripeAt(address, SECRETS.secretKey),
    customerSide: stripeAt(address, SECRETS.publishableKey),
    control,
    restart: async () => {
      await running.stop();
      running = await serveStripe({ ...options, port: Number(new URL(address).port) });
    },
    stop: async () => {
      await running.stop();
      rmSync(dir, { recursive: true });
    },
  };
}

/** A webhook that was received. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A webhook endpoint that keeps what it receives and answers with the status set. */
export async function startReceiver() {
  const received: Received[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const state = { status: 200 };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(state.status).end();
      for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  return {
    url: `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`,
    received,
    state,
    /** Resolves once so many webhooks have come. */
    count: (count: number): Promise<void> =>
      received.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    stop: (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
