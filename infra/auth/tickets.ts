import { createHash, randomBytes } from 'node:crypto';
import type { Actor } from '#domain/kernel/command.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { Database } from '#infra/postgres/database.ts';

const VALID_FOR_SECONDS = 30;

/** One-use tickets to open a WebSocket with: an access token must never stand in an address. Kept as hashes. */
export class Tickets {
  constructor(private readonly database: Database) {}

  /** A ticket for a person, good once and for 30 seconds of real time. */
  async issue(actor: Actor): Promise<{ ticket: string; expiresAt: Instant }> {
    const ticket = randomBytes(32).toString('base64url');
    const [row] = await this.database.query<{ expiresAt: Instant }>(
      `with forgotten as (delete from engine.tickets where expires_at < now())
       insert into engine.tickets (hash, actor, expires_at) values ($1, $2, now() + ${VALID_FOR_SECONDS} * interval '1 second')
       returning expires_at as "expiresAt"`,
      [hashOf(ticket), JSON.stringify(actor)],
    );
    return { ticket, expiresAt: row!.expiresAt };
  }

  /** Whose ticket it is; undefined when it is unknown, used or too old. It is used up with this. */
  async redeem(ticket: string): Promise<Actor | undefined> {
    const [row] = await this.database.query<{ actor: Actor; valid: boolean }>(
      `delete from engine.tickets where hash = $1 returning actor, expires_at > now() as valid`,
      [hashOf(ticket)],
    );
    return row?.valid === true ? row.actor : undefined;
  }
}

const hashOf = (ticket: string): string => createHash('sha256').update(ticket).digest('hex');
