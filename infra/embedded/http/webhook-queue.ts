import type { DatabaseSync } from 'node:sqlite';

const schema = `
  CREATE TABLE IF NOT EXISTS webhook_queue (
    seq INTEGER PRIMARY KEY, body TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, delivered INTEGER);
  CREATE INDEX IF NOT EXISTS webhook_queue_waiting ON webhook_queue (due, seq) WHERE delivered IS NULL;
  CREATE TABLE IF NOT EXISTS webhook_target (only INTEGER PRIMARY KEY CHECK (only = 1), url TEXT NOT NULL);`;

const IDLE_POLL_MS = 1000;
const IN_FLIGHT = 8;
const ANSWER_WITHIN_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

interface Row {
  seq: number;
  body: string;
  attempts: number;
}

/** Notices that are posted to one address until it answers with 2xx. Queue and address are durable; a notice may arrive twice. */
export class WebhookQueue {
  private readonly sending = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly database: DatabaseSync,
    /** The headers of a notice, made anew for each attempt. */
    private readonly headersOf: (body: string) => Record<string, string>,
  ) {
    database.exec(schema);
  }

  /** Where notices go from now on; those that wait are sent there too. */
  setTarget(url: string): void {
    this.database.prepare('INSERT OR REPLACE INTO webhook_target (only, url) VALUES (1, ?)').run(url);
    this.pump();
  }

  /** Queues a notice; call `pump` after the transaction that it belongs to. `delayMs` holds it back at first. */
  add(body: string, delayMs = 0): void {
    this.database.prepare('INSERT INTO webhook_queue (body, attempts, due) VALUES (?, 0, ?)').run(body, Date.now() + delayMs);
  }

  pump(): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    const target = this.database.prepare('SELECT url FROM webhook_target').get()?.['url'];
    let wait = IDLE_POLL_MS;
    if (typeof target === 'string') {
      const rows = this.database
        .prepare('SELECT seq, body, attempts FROM webhook_queue WHERE delivered IS NULL AND due <= ? ORDER BY due, seq LIMIT 50')
        .all(Date.now()) as unknown as Row[];
      for (const row of rows) {
        if (this.sending.size >= IN_FLIGHT) break;
        if (!this.sending.has(row.seq)) void this.send(target, row);
      }
      const next = this.database.prepare('SELECT min(due) AS due FROM webhook_queue WHERE delivered IS NULL AND due > ?').get(Date.now())?.[
        'due'
      ];
      if (typeof next === 'number') wait = Math.min(wait, Math.max(1, next - Date.now()));
    }
    this.timer = setTimeout(() => this.pump(), wait);
    this.timer.unref();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async send(target: string, row: Row): Promise<void> {
    this.sending.add(row.seq);
    const delivered = await this.post(target, row.body);
    this.sending.delete(row.seq);
    if (this.stopped) return;
    const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(row.attempts, 10));
    this.database
      .prepare('UPDATE webhook_queue SET attempts = ?, due = ?, delivered = ? WHERE seq = ?')
      .run(row.attempts + 1, Date.now() + retryMs, delivered ? Date.now() : null, row.seq);
    this.pump();
  }

  private async post(target: string, body: string): Promise<boolean> {
    try {
      const init = {
        method: 'POST',
        headers: this.headersOf(body),
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      } as const;
      const response = await fetch(target, init);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      // Not reachable now: the queue tries again.
      return false;
    }
  }
}
