import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { FastifyRequest } from 'fastify';
import type { Role } from '#domain/kernel/command.ts';
import type { Authenticator, Identity } from '#infra/http/authenticator.ts';
import { Problem } from '#infra/http/problems.ts';

/** The user pool whose access tokens are taken. */
export interface UserPool {
  readonly issuer: string;
  readonly clientId: string;
  readonly jwksUrl: string;
}

/** Clocks may differ by this much. */
const CLOCK_SKEW_SECONDS = 5;
/** A token that was found good is not checked again for this long, so that a busy client costs one signature check a minute. */
const TRUSTED_FOR_MS = 60_000;
const MOST_TRUSTED = 10_000;

const PEOPLE: readonly Role[] = ['student', 'tutor', 'parent', 'admin'];

interface Trusted {
  readonly identity: Identity;
  readonly until: number;
}

/**
 * Checks access tokens (`Authorization: Bearer ...`) against the keys of a user pool. Keys are fetched when an unknown one is named, at most
 * once in 30 seconds, so a rotation needs no restart.
 */
export class AccessTokens implements Authenticator {
  readonly needsBody = false;
  readonly #keys: JWTVerifyGetKey;
  readonly #trusted = new Map<string, Trusted>();

  constructor(private readonly pool: UserPool) {
    this.#keys = createRemoteJWKSet(new URL(pool.jwksUrl), { cooldownDuration: 30_000, cacheMaxAge: 600_000, timeoutDuration: 5_000 });
  }

  identify(request: FastifyRequest): Identity | undefined | Promise<Identity> {
    const token = bearerOf(request);
    return token === undefined ? undefined : this.verify(token);
  }

  /** The person a token speaks for. Throws `unauthenticated`, or `upstream_unavailable` when the keys cannot be fetched. */
  verify(token: string): Identity | Promise<Identity> {
    const known = this.#trusted.get(token);
    if (known === undefined) return this.#check(token);
    if (known.until > Date.now()) return known.identity;
    this.#trusted.delete(token);
    return this.#check(token);
  }

  async #check(token: string): Promise<Identity> {
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.#keys, {
        issuer: this.pool.issuer,
        algorithms: ['RS256'],
        clockTolerance: CLOCK_SKEW_SECONDS,
        requiredClaims: ['exp', 'iat', 'sub'],
      }));
    } catch (error) {
      throw refusedOrUnreachable(error);
    }
    const identity = this.#identityOf(payload);
    this.#trust(token, identity, payload.exp ?? 0);
    return identity;
  }

  #identityOf(claims: JWTPayload): Identity {
    // An id token has the same keys and issuer: only the use and the client tell it from an access token.
    if (claims['token_use'] !== 'access' || claims['client_id'] !== this.pool.clientId) throw notValid();
    const role = PEOPLE.find((known) => known === (claims['role'] ?? claims['custom:role']));
    const userId = claims['user_id'] ?? claims['custom:user_id'];
    if (role === undefined || typeof userId !== 'string' || userId === '') throw notValid();
    return { actor: { role, userId }, roles: [role] };
  }

  #trust(token: string, identity: Identity, expires: number): void {
    if (this.#trusted.size >= MOST_TRUSTED) this.#trusted.delete(this.#trusted.keys().next().value ?? '');
    this.#trusted.set(token, { identity, until: Math.min(expires * 1_000, Date.now() + TRUSTED_FOR_MS) });
  }
}

function bearerOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const token = /^Bearer +([\w.~+/=-]+)$/i.exec(header)?.[1];
  if (token === undefined) throw notValid();
  return token;
}

const notValid = (): Problem => new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } });

/** A bad token is the caller's; keys that cannot be fetched are not. */
function refusedOrUnreachable(error: unknown): Problem {
  const ours =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC';
  return ours ? new Problem('upstream_unavailable', { headers: { 'retry-after': '5' } }) : notValid();
}
