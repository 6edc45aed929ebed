import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../http/database.ts';

/** The states of a user that are reached here. */
export type UserStatus = 'UNCONFIRMED' | 'CONFIRMED' | 'FORCE_CHANGE_PASSWORD';

/** A user of the pool. */
export interface User {
  sub: string;
  /** In lower case: names are not told apart by case. */
  username: string;
  email: string | null;
  passwordHash: string | null;
  status: UserStatus;
  enabled: boolean;
  attributes: Record<string, string>;
  created: number;
  modified: number;
}

/** A session that a refresh token continues. */
export interface Session {
  id: string;
  sub: string;
  authTime: number;
  expires: number;
  revoked: boolean;
}

const schema = `
  CREATE TABLE IF NOT EXISTS users (
    sub TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT, password_hash TEXT, status TEXT NOT NULL, enabled INTEGER NOT NULL,
    attributes TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0, locked_until INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS users_by_email ON users (email);
  CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, sub TEXT NOT NULL REFERENCES users ON DELETE CASCADE, token_hash TEXT NOT NULL UNIQUE, auth_time INTEGER NOT NULL,
    expires INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS codes (
    sub TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE, code_hash TEXT NOT NULL, expires INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS signing_keys (kid TEXT PRIMARY KEY, private_pem TEXT NOT NULL);`;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function toUser(row: Record<string, unknown>): User {
  return {
    sub: row['sub'] as string,
    username: row['username'] as string,
    email: row['email'] as string | null,
    passwordHash: row['password_hash'] as string | null,
    status: row['status'] as UserStatus,
    enabled: row['enabled'] === 1,
    attributes: JSON.parse(row['attributes'] as string) as Record<string, string>,
    created: row['created'] as number,
    modified: row['modified'] as number,
  };
}

/** Users, sessions and codes, durable. Refresh tokens and codes are kept as hashes only. */
export class UserStore {
  private readonly database: DatabaseSync;

  constructor(dir: string) {
    this.database = openDatabase(join(dir, 'cognito.sqlite'), schema);
  }

  /** The pool's signing key, minted on the first start. */
  signingKey(): { kid: string; pem: string } {
    const row = this.database.prepare('SELECT kid, private_pem FROM signing_keys').get();
    if (row) return { kid: row['kid'] as string, pem: row['private_pem'] as string };
    const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const kid = randomUUID();
    this.database.prepare('INSERT INTO signing_keys (kid, private_pem) VALUES (?, ?)').run(kid, pem);
    return { kid, pem };
  }

  /** The user of that name, subject id or e-mail address. */
  find(name: string): User | undefined {
    const wanted = name.toLowerCase();
    const row = this.database.prepare('SELECT * FROM users WHERE username = ? OR sub = ? OR email = ? LIMIT 1').get(wanted, wanted, wanted);
    return row && toUser(row);
  }

  save(user: User): void {
    this.database
      .prepare(
        `INSERT INTO users (sub, username, email, password_hash, status, enabled, attributes, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (sub) DO UPDATE SET email = excluded.email, password_hash = excluded.password_hash, status = excluded.status,
           enabled = excluded.enabled, attributes = excluded.attributes, modified = excluded.modified`,
      )
      .run(
        user.sub,
        user.username,
        user.email,
        user.passwordHash,
        user.status,
        user.enabled ? 1 : 0,
        JSON.stringify(user.attributes),
        user.created,
        Date.now(),
      );
  }

  remove(sub: string): void {
    this.database.prepare('DELETE FROM users WHERE sub = ?').run(sub);
  }

  lockedUntil(sub: string): number {
    return Number(this.database.prepare('SELECT locked_until FROM users WHERE sub = ?').get(sub)?.['locked_until'] ?? 0);
  }

  /** Counts a wrong password; from the fifth on the user is locked for a second, then two, then four … up to fifteen minutes. */
  countFailure(sub: string): void {
    const failures = Number(this.database.prepare('SELECT failures FROM users WHERE sub = ?').get(sub)?.['failures'] ?? 0) + 1;
    const lockedMs = failures < 5 ? 0 : Math.min(1000 * 2 ** (failures - 5), 15 * 60 * 1000);
    this.database.prepare('UPDATE users SET failures = ?, locked_until = ? WHERE sub = ?').run(failures, Date.now() + lockedMs, sub);
  }

  forgetFailures(sub: string): void {
    this.database.prepare('UPDATE users SET failures = 0, locked_until = 0 WHERE sub = ?').run(sub);
  }

  openSession(session: Session, refreshToken: string): void {
    this.database
      .prepare('INSERT INTO sessions (id, sub, token_hash, auth_time, expires) VALUES (?, ?, ?, ?, ?)')
      .run(session.id, session.sub, hash(refreshToken), session.authTime, session.expires);
  }

  private toSession(row: Record<string, unknown> | undefined): Session | undefined {
    if (!row) return undefined;
    const { id, sub, auth_time, expires, revoked } = row;
    return { id: id as string, sub: sub as string, authTime: auth_time as number, expires: expires as number, revoked: revoked === 1 };
  }

  sessionOfToken(refreshToken: string): Session | undefined {
    return this.toSession(this.database.prepare('SELECT * FROM sessions WHERE token_hash = ?').get(hash(refreshToken)));
  }

  session(id: string): Session | undefined {
    return this.toSession(this.database.prepare('SELECT * FROM sessions WHERE id = ?').get(id));
  }

  revokeSession(id: string): void {
    this.database.prepare('UPDATE sessions SET revoked = 1 WHERE id = ?').run(id);
  }

  revokeSessions(sub: string): void {
    this.database.prepare('UPDATE sessions SET revoked = 1 WHERE sub = ?').run(sub);
  }

  saveCode(sub: string, code: string, expires: number): void {
    this.database
      .prepare('INSERT OR REPLACE INTO codes (sub, code_hash, expires, attempts) VALUES (?, ?, ?, 0)')
      .run(sub, hash(`${sub}:${code}`), expires);
  }

  /** Compares a code; a right one is spent, five wrong ones spend it as well. */
  takeCode(sub: string, code: string): 'right' | 'wrong' | 'expired' {
    const row = this.database.prepare('SELECT * FROM codes WHERE sub = ?').get(sub);
    if (!row || (row['expires'] as number) < Date.now() || (row['attempts'] as number) >= 5) return 'expired';
    if (row['code_hash'] !== hash(`${sub}:${code}`)) {
      this.database.prepare('UPDATE codes SET attempts = attempts + 1 WHERE sub = ?').run(sub);
      return 'wrong';
    }
    this.database.prepare('DELETE FROM codes WHERE sub = ?').run(sub);
    return 'right';
  }

  close(): void {
    this.database.close();
  }
}
