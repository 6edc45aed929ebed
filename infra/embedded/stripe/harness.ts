import { mkdtempSync, rmSync } from 'node:fs';
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

/** The error with which a call of the SDK fails. Throws when it does not, or fails otherwise. */
export async function stripeFailure(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Stripe.errors.StripeError)) throw new Error(`expected a Stripe error, got ${String(error)}`);
  return error;
}
