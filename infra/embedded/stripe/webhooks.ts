import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { prepared } from '../http/database.ts';
import type { GroupCommit } from '../http/database.ts';
import type { Resource, StripeStore } from './store.ts';

/** The two endpoints and what signs their events. */
export type Endpoint = 'platform' | 'connect';

/** How events travel. The addresses are durable, the disturbances last until the next start. */
export const webhookSettings = z.strictObject({
  platformUrl: z.url().optional(),
  connectUrl: z.url().optional(),
  paused: z.boolean().optional(),
  /** Milliseconds by which each event is late. */
  delayMs: z.int().min(0).optional(),
  /** How often each event is sent besides the first time. */
  extraCopies: z.int().min(0).max(10).optional(),
  /** Whether the newest events go first, one after the other. */
  reversed: z.boolean().optional(),
});
type WebhookSettings = z.output<typeof webhookSettings>;

interface Delivery {
  seq: number;
  event: string;
  endpoint: Endpoint;
  attempts: number;
}

const IDLE_POLL_MS = 1000;
const IN_FLIGHT = 16;
const ANSWER_WITHIN_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

/** `Stripe-Signature`: the time in seconds, and the HMAC of time and body. */
export function signatureHeader(body: string, secret: string, timestamp = Math.floor(Date.now() / 1000)): string {
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/**
 * Sends the queued events to the two endpoints, again and again until each has been answered with 2xx. The queue is in the store: an event
 * committed with its object is sent even when the stand-in is killed in between, and so it may be sent twice.
 */
export class Webhooks {
  private settings: WebhookSettings = {};
  private readonly sending = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: StripeStore,
    private readonly commits: GroupCommit,
    private readonly secrets: Record<Endpoint, string>,
  ) {
    const kept = store.setting('webhook-addresses');
    if (kept) this.settings = webhookSettings.parse(kept);
  }

  configure(changes: WebhookSettings): WebhookSettings {
    this.settings = { ...this.settings, ...changes };
    const { platformUrl, connectUrl } = this.settings;
    this.store.setSetting('webhook-addresses', { platformUrl, connectUrl });
    this.pump();
    return this.settings;
  }

  /** Starts sending whatever is due. Call it after each commit. */
  pump(): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    const { paused, delayMs = 0, reversed, platformUrl, connectUrl } = this.settings;
    if (!paused && (platformUrl ?? connectUrl) !== undefined) {
      const order = reversed ? 'due DESC, seq DESC' : 'due, seq';
      const rows = prepared(
        this.store.database,
        `SELECT seq, event, endpoint, attempts FROM deliveries WHERE delivered IS NULL AND due <= ? ORDER BY ${order} LIMIT 100`,
      ).all(Date.now() - delayMs) as unknown as Delivery[];
      for (const delivery of rows) {
        if (this.sending.size >= (reversed ? 1 : IN_FLIGHT)) break;
        if (!this.sending.has(delivery.seq) && this.addressOf(delivery.endpoint)) void this.send(delivery);
      }
    }
    this.timer = setTimeout(() => this.pump(), this.millisecondsToNext(delayMs));
    this.timer.unref();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private millisecondsToNext(delayMs: number): number {
    const row = prepared(this.store.database, 'SELECT min(due) AS due FROM deliveries WHERE delivered IS NULL AND due > ?').get(
      Date.now() - delayMs,
    );
    const due = row?.['due'];
    return typeof due === 'number' ? Math.max(1, Math.min(IDLE_POLL_MS, due + delayMs - Date.now())) : IDLE_POLL_MS;
  }

  private addressOf(endpoint: Endpoint): string | undefined {
    return endpoint === 'platform' ? this.settings.platformUrl : this.settings.connectUrl;
  }

  private async send(delivery: Delivery): Promise<void> {
    this.sending.add(delivery.seq);
    const event = this.store.lookUp(delivery.event);
    const address = this.addressOf(delivery.endpoint);
    let delivered = false;
    if (event && address) {
      for (let copy = 0; copy <= (this.settings.extraCopies ?? 0); copy++)
        delivered = (await this.post(address, delivery.endpoint, event)) || delivered;
    }
    if (this.stopped) return;
    const attempts = delivery.attempts + 1;
    const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 10));
    await this.commits.run(() =>
      prepared(this.store.database, 'UPDATE deliveries SET attempts = ?, due = ?, delivered = ? WHERE seq = ?').run(
        attempts,
        Date.now() + retryMs,
        delivered ? Date.now() : null,
        delivery.seq,
      ),
    );
    this.sending.delete(delivery.seq);
    this.pump();
  }

  private async post(address: string, endpoint: Endpoint, event: Resource): Promise<boolean> {
    const body = JSON.stringify(event, null, 2);
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': signatureHeader(body, this.secrets[endpoint]),
    };
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      // Not reachable now: the queue tries again.
      return false;
    }
  }
}
