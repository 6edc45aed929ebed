import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { uuid } from '#domain/kernel/ids.ts';
import type { Authenticator, Identity } from '#infra/http/authenticator.ts';
import { Problem } from '#infra/http/problems.ts';
import type { Database } from '#infra/postgres/database.ts';
import { ALGORITHM, signatureOf } from './signature.ts';

/** How far a request's time may be from ours, either way. */
const SKEW_MS = 5 * 60_000;
/** The admin for whom an internal service acts. */
export const ACTING_ADMIN = 'x-acting-admin';
/** Headers that every signature must cover. */
const COVERED = ['host', 'x-amz-date'];

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([\w-]+)\/(\d{8})\/([\w-]+\/[\w-]+\/aws4_request), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;

/**
 * Checks requests of the internal API, signed in SigV4 form with the key of a service. The signature covers method, address, body and the
 * acting admin; its time may differ from ours by five minutes, and within them no signature is taken twice for a change.
 */
export class SignedRequests implements Authenticator {
  readonly needsBody = true;

  constructor(
    /** Secret by service name. */
    private readonly keys: ReadonlyMap<string, string>,
    private readonly database: Database,
  ) {}

  async identify(request: FastifyRequest): Promise<Identity | undefined> {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    const [, service = '', day, scope = '', names = '', signature = ''] = AUTHORIZATION.exec(authorization) ?? [];
    const secret = this.keys.get(service);
    const date = String(request.headers['x-amz-date'] ?? '');
    const time = timeOf(date);
    if (secret === undefined || time === undefined || day !== date.slice(0, 8)) throw notSigned();
    if (Math.abs(Date.now() - time) > SKEW_MS) throw notSigned();
    const signedHeaders = names.split(';');
    const mustBeCovered = request.headers[ACTING_ADMIN] === undefined ? COVERED : [...COVERED, ACTING_ADMIN];
    if (!mustBeCovered.every((name) => signedHeaders.includes(name))) throw notSigned();
    const headers = Object.fromEntries(signedHeaders.map((name) => [name, [request.headers[name] ?? ''].flat().join(',')]));
    const body = request.exchange.rawBody ?? '';
    const expected = signatureOf({ method: request.method, url: request.url, headers, signedHeaders, body, date, scope, secret });
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) throw notSigned();
    if (request.method !== 'GET' && request.method !== 'HEAD') await this.#takeOnce(signature);
    return internalIdentity(request);
  }

  async #takeOnce(signature: string): Promise<void> {
    const taken = await this.database.execute(
      `with forgotten as (delete from engine.seen_signatures where expires_at < now())
       insert into engine.seen_signatures (signature, expires_at) values ($1, now() + ${2 * SKEW_MS} * interval '1 millisecond')
       on conflict do nothing`,
      [signature],
      'seen_signature',
    );
    if (taken === 0) throw notSigned();
  }
}

/** Takes every request: for tests, where INTERNAL_AUTH=none asks for it by name. */
export class UnsignedRequests implements Authenticator {
  readonly needsBody = false;

  constructor() {
    if (process.env['NODE_ENV'] === 'production') throw new Error('The internal API is never open with NODE_ENV=production.');
  }

  identify(request: FastifyRequest): Identity {
    return internalIdentity(request);
  }
}

/** A service acts for itself, or as the admin whom it names. */
function internalIdentity(request: FastifyRequest): Identity {
  const admin = request.headers[ACTING_ADMIN];
  if (admin === undefined) return { actor: { role: 'internal' }, roles: ['internal'] };
  if (!uuid.safeParse(admin).success)
    throw new Problem('validation_failed', { errors: [{ path: `header.${ACTING_ADMIN}`, message: 'must be the user id of an admin' }] });
  return { actor: { role: 'admin', userId: String(admin) }, roles: ['internal', 'admin'] };
}

function timeOf(date: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

const notSigned = (): Problem => new Problem('unauthenticated', { headers: { 'www-authenticate': ALGORITHM } });
