import { prepared } from '../http/database.ts';
import { createHash } from 'node:crypto';
import type { JsonObject } from '../http/json.ts';
import { StripeRefusal } from './errors.ts';
import type { StripeStore } from './store.ts';

/** An answer kept under a key. */
export interface KeptAnswer {
  status: number;
  body: JsonObject;
  /** The id of the request that made it. */
  request: string;
}

const KEEP_MS = 24 * 3600 * 1000;

/** What makes two requests the same: method, path and the body as sent. */
export function fingerprint(method: string, path: string, body: string): string {
  return createHash('sha256').update(`${method} ${path}\n${body}`).digest('hex');
}

/**
 * Stripe's rules for idempotency keys: the first answer is kept for a day, 500s included, and given again to the same request; another request
 * with the key is an error; while the first has not been answered a second is turned away.
 */
export class IdempotencyKeys {
  private readonly inFlight = new Set<string>();

  constructor(private readonly store: StripeStore) {
    store.database.prepare('DELETE FROM kept_answers WHERE created < ?').run(Date.now() - KEEP_MS);
  }

  /** The answer to repeat, if the key has one. Refuses a key that is busy or was used for something else. */
  find(key: string, account: string, print: string): KeptAnswer | undefined {
    if (key.length > 255)
      throw new StripeRefusal(400, 'invalid_request_error', 'Idempotency keys must be 255 characters or less.', {}, false);
    if (this.inFlight.has(`${account} ${key}`)) {
      const message = `There is currently another in-progress request using this Idempotency Key (${key}).`;
      throw new StripeRefusal(409, 'idempotency_error', message, { code: 'idempotency_key_in_use' }, false);
    }
    const row = prepared(this.store.database, 'SELECT * FROM kept_answers WHERE key = ? AND account = ?').get(key, account);
    if (!row) return undefined;
    if (row['fingerprint'] !== print) {
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
      throw new StripeRefusal(400, 'idempotency_error', message, {}, false);
    }
    return { status: row['status'] as number, body: JSON.parse(row['body'] as string) as JsonObject, request: row['request'] as string };
  }

  keep(key: string, account: string, print: string, answer: KeptAnswer): void {
    prepared(
      this.store.database,
      'INSERT INTO kept_answers (key, account, fingerprint, request, status, body, created) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ).run(key, account, print, answer.request, answer.status, JSON.stringify(answer.body), Date.now());
  }

  /** Marks a key as busy until the function that is returned is called. */
  occupy(key: string, account: string): () => void {
    const entry = `${account} ${key}`;
    this.inFlight.add(entry);
    return () => this.inFlight.delete(entry);
  }
}
