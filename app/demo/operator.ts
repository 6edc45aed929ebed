import { setTimeout as wait } from 'node:timers/promises';
import { signedHeaders } from '#infra/auth/signing.ts';
import type { EmbeddedAddresses } from '../embedded/embedded.ts';
import { patiently } from './api.ts';

/** What an operator of the embedded system can do that no client can: move the clock, read the outbox, and make Stripe misbehave. */
export class Operator {
  constructor(private readonly addresses: () => Pick<EmbeddedAddresses, 'internalUrl' | 'internalKey' | 'outboxUrl' | 'stripe'>) {}

  /** Moves the business clock forward to a moment. */
  async moveClockTo(instant: string): Promise<void> {
    await this.#internal('POST', '/internal/clock', { to: instant });
  }

  async now(): Promise<string> {
    return (await this.#internal<{ now: string }>('GET', '/internal/clock')).now;
  }

  /** The newest mail to an address whose subject or text holds `words`; waits for it, 60 s at most. */
  async mailTo(address: string, words: string): Promise<string> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const mails = await this.mailsTo(address).catch(() => []);
      const found = mails.findLast(({ subject, text }) => `${subject}\n${text}`.includes(words));
      if (found !== undefined) return found.text;
      if (Date.now() > deadline) throw new Error(`no mail about "${words}" came to ${address}`);
      await wait(100);
    }
  }

  async mailsTo(address: string): Promise<readonly { subject: string; text: string }[]> {
    const response = await fetch(`${this.addresses().outboxUrl}?to=${encodeURIComponent(address)}`, { signal: AbortSignal.timeout(5_000) });
    return (await response.json()) as { subject: string; text: string }[];
  }

  /** Does at Stripe's page what a tutor does there: fills in everything and sends it off. */
  async finishOnboarding(link: string): Promise<void> {
    const { status, text } = await patiently('the onboarding page', link, { method: 'POST', redirect: 'manual' });
    if (status >= 400) throw new Error(`Stripe's onboarding page answered ${status} ${text}`);
  }

  /** From now on Stripe holds its webhooks back. */
  async silenceStripe(): Promise<void> {
    await this.stripe('PUT', 'webhooks', { paused: true });
  }

  /** From now on Stripe has no answer to questions about a payment, nor to calling one off. */
  async overloadStripe(): Promise<void> {
    await this.stripe('POST', 'faults', { method: 'GET', path: '/v1/payment_intents/*', kind: 'rate-limit', times: 100_000 });
    await this.stripe('POST', 'faults', { method: 'POST', path: '/v1/payment_intents/*/cancel', kind: 'rate-limit', times: 100_000 });
  }

  async stripeIsBack(): Promise<void> {
    await this.stripe('DELETE', 'faults');
    await this.stripe('PUT', 'webhooks', { paused: false });
  }

  /** Calls the control panel of the embedded Stripe: what happens there without a call of ours, and what goes wrong there. */
  async stripe<T>(method: string, path: string, body?: object): Promise<T> {
    const { stripe } = this.addresses();
    const response = await fetch(`${stripe.url}/_control/${path}`, {
      method,
      headers: { authorization: `Bearer ${stripe.secretKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    if (!response.ok) throw new Error(`Stripe's ${method} ${path} answered ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async #internal<T>(method: string, path: string, body?: object): Promise<T> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { internalUrl, internalKey } = this.addresses();
      const url = new URL(path, internalUrl);
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = signedHeaders({ method, url, ...(text === undefined ? {} : { body: text }) }, internalKey);
      try {
        const response = await fetch(url, {
          method,
          headers: { ...headers, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(text === undefined ? {} : { body: text }),
          signal: AbortSignal.timeout(5_000),
        });
        if (response.ok) return (await response.json()) as T;
        throw new Error(`${method} ${path} answered ${response.status} ${await response.text()}`);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await wait(100);
      }
    }
  }
}
