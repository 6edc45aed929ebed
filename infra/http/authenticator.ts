import type { FastifyRequest } from 'fastify';
import type { Actor, Role } from '#domain/kernel/command.ts';

/** Who a request comes from: the actor that is recorded, and every role under which it may pass an endpoint's list. */
export interface Identity {
  readonly actor: Actor;
  readonly roles: readonly Role[];
}

export const ANONYMOUS: Identity = { actor: { role: 'anonymous' }, roles: ['anonymous'] };

/** Reads the credentials of a request. Public: access tokens; internal: signatures. */
export interface Authenticator {
  /** A signature covers the body, so it can only be checked once that has been read. */
  readonly needsBody: boolean;
  /** `undefined` when the request brings no credentials; throws `Problem('unauthenticated')` when they are wrong. */
  identify(request: FastifyRequest): Identity | undefined | Promise<Identity | undefined>;
}
