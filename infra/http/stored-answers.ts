import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '#infra/postgres/database.ts';
import type { Admission, IdempotencyKeys, KeptAnswer } from './idempotency.ts';

/** A claim older than this belongs to a process that died; its command recognises itself when it is sent again. */
const CLAIM_LASTS_MS = 10_000;
/** How long a second request waits for the first one's answer, and how often it looks. */
const WAIT_MS = 2_000;
const LOOK_EVERY_MS = 40;
const PRUNE_EVERY_MS = 600_000;

interface Row {
  readonly bodyHash: string;
  readonly status: number | null;
  readonly contentType: string | null;
  readonly body: string | null;
}

/** Idempotency-Keys in Postgres, for 24 hours. The table may be dropped at any time. */
export class StoredAnswers implements IdempotencyKeys {
  #pruning: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    /** Told of a round of forgetting that failed; the next one makes up for it. */
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Starts to forget, every ten minutes, what is older than a day. */
  open(): void {
    this.#pruning = setInterval(() => void this.prune().catch(this.failed), PRUNE_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#pruning);
  }

  /** Forgets answers older than a day; how many. */
  async prune(): Promise<number> {
    return this.database.execute(`delete from engine.idempotency_keys where claimed_at < now() - interval '24 hours'`);
  }

  async claim(id: string, bodyHash: string): Promise<Admission> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const claimed = await this.database.execute(
        `insert into engine.idempotency_keys (id, body_hash) values ($1, $2)
         on conflict (id) do update set claimed_at = now()
         where idempotency_keys.body_hash = excluded.body_hash and idempotency_keys.status is null
           and idempotency_keys.claimed_at < now() - ${CLAIM_LASTS_MS} * interval '1 millisecond'`,
        [id, bodyHash],
        'idempotency_claim',
      );
      if (claimed === 1) return { kind: 'first' };
      const [row] = await this.database.query<Row>(
        `select body_hash as "bodyHash", status, content_type as "contentType", body from engine.idempotency_keys where id = $1`,
        [id],
        'idempotency_look',
      );
      const admission = row === undefined ? undefined : admissionOf(row, bodyHash);
      if (admission !== undefined) return admission;
      if (Date.now() >= deadline) return { kind: 'in_use' };
      await wait(LOOK_EVERY_MS);
    }
  }

  async keep(id: string, answer: KeptAnswer): Promise<void> {
    await this.database.execute(
      `update engine.idempotency_keys set status = $2, content_type = $3, body = $4 where id = $1`,
      [id, answer.status, answer.contentType, answer.body],
      'idempotency_keep',
    );
  }

  async release(id: string): Promise<void> {
    await this.database.execute(`delete from engine.idempotency_keys where id = $1 and status is null`, [id], 'idempotency_release');
  }
}

/** What a row says to a second request; undefined: wait. */
function admissionOf(row: Row, bodyHash: string): Admission | undefined {
  if (row.bodyHash !== bodyHash) return { kind: 'reused' };
  if (row.status === null) return undefined;
  return { kind: 'answered', answer: { status: row.status, contentType: row.contentType ?? '', body: row.body ?? '' } };
}
