import { createHash, createHmac } from 'node:crypto';

/** What a token in a mail is good for. One for one thing is worth nothing for another. */
export type MailTokenPurpose = 'verify-email' | 'parent-consent';

/** A token as it goes into a mail, and the hash that may be stored of it. */
export interface MailToken {
  readonly token: string;
  /** Lower-case hex SHA-256. */
  readonly hash: string;
}

const UUID_BYTES = 16;
const SECRET_BYTES = 32;
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * Mints the tokens of mail links from the master key. The same purpose, subject and cause give the same token, so a mail that is sent again
 * after a crash holds the link that is on record. Also makes the keyed hash under which an e-mail address is reserved.
 */
export class MailTokens {
  readonly #tokenKey: Buffer;
  readonly #emailKey: Buffer;

  constructor(masterKey: Buffer) {
    this.#tokenKey = createHmac('sha256', masterKey).update('mail-tokens').digest();
    this.#emailKey = createHmac('sha256', masterKey).update('email-hashes').digest();
  }

  /** `subjectId` is a UUID; it can be read from the token. `causeId` tells several tokens of one subject apart. */
  mint(purpose: MailTokenPurpose, subjectId: string, causeId: string): MailToken {
    const secret = createHmac('sha256', this.#tokenKey).update([purpose, subjectId, causeId].join('\u0000')).digest();
    const token = Buffer.concat([Buffer.from(subjectId.replaceAll('-', ''), 'hex'), secret]).toString('base64url');
    return { token, hash: hashOf(token) };
  }

  /** Whom a token is about and its hash, whether it is good or not; undefined for what cannot be a token. */
  static read(token: string): { readonly subjectId: string; readonly hash: string } | undefined {
    if (!/^[\w-]{64}$/.test(token)) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== UUID_BYTES + SECRET_BYTES) return undefined;
    const hex = bytes.toString('hex', 0, UUID_BYTES);
    const subjectId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    return { subjectId, hash: hashOf(token) };
  }

  /** The keyed hash of a normalised e-mail address: lower-case hex, of no use without the master key. */
  emailHash(email: string): string {
    return createHmac('sha256', this.#emailKey).update(email).digest('hex');
  }
}
