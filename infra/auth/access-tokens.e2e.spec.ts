import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import { Problem } from '#infra/http/problems.ts';
import { AccessTokens } from './access-tokens.ts';

describe('Access tokens', () => {
  const issuer = 'https://pool.example';
  let pool: Server;
  let jwksUrl: string;
  let published: JWK[] = [];
  let down = false;
  let fetches = 0;
  let key: CryptoKey;
  let tokens: AccessTokens;

  const newKey = async (kid: string) => {
    const pair = await generateKeyPair('RS256');
    return { kid, privateKey: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' } };
  };
  const claims = { token_use: 'access', client_id: 'app', role: 'student', user_id: 'mia' };
  const mint = (payload: JWTPayload = claims, options: { kid?: string; key?: CryptoKey; expires?: string; from?: string } = {}) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: options.kid ?? 'first' })
      .setIssuer(options.from ?? issuer)
      .setSubject('subject')
      .setIssuedAt()
      .setExpirationTime(options.expires ?? '5m')
      .sign(options.key ?? key);
  const outcome = async (token: string) => {
    try {
      return await tokens.verify(token);
    } catch (error) {
      if (error instanceof Problem) return error.code;
      throw error;
    }
  };

  beforeAll(async () => {
    pool = createServer((_request, response) => {
      fetches += 1;
      response.statusCode = down ? 500 : 200;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
    });
    await new Promise<void>((resolve) => pool.listen(0, '127.0.0.1', resolve));
    jwksUrl = `http://127.0.0.1:${(pool.address() as AddressInfo).port}/jwks.json`;
    const first = await newKey('first');
    key = first.privateKey;
    published = [first.jwk];
  });
  afterAll(() => new Promise((resolve) => pool.close(resolve)));
  beforeEach(() => {
    down = false;
    fetches = 0;
    tokens = new AccessTokens({ issuer, clientId: 'app', jwksUrl });
  });

  it('give the person and role, under either name of the claims', async () => {
    const mia = { actor: { role: 'student', userId: 'mia' }, roles: ['student'] };
    expect(await outcome(await mint())).toEqual(mia);
    const { role, user_id, ...rest } = claims;
    expect(await outcome(await mint({ ...rest, 'custom:role': role, 'custom:user_id': user_id }))).toEqual(mia);
  });

  it.each([
    ['of another pool', () => mint(claims, { from: 'https://elsewhere.example' })],
    ['that are over', () => mint(claims, { expires: '-10s' })],
    ['for signing in, not for calling', () => mint({ ...claims, token_use: 'id' })],
    ['of another client', () => mint({ ...claims, client_id: 'other' })],
    ['without a person', () => mint({ ...claims, user_id: '' })],
    ['with a role that no person has', () => mint({ ...claims, role: 'system' })],
    ['that are no tokens', () => Promise.resolve('a.b.c')],
    ['signed by a stranger', async () => mint(claims, { key: (await newKey('x')).privateKey })],
    [
      'that sign themselves with the public key',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: 'first' })
          .setIssuer(issuer)
          .setSubject('s')
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(Buffer.from(published[0]!.n!)),
    ],
    ['that are not signed', async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await mint()).split('.')[1]}.`],
  ])('%s are refused', async (_name, token) => {
    expect(await outcome(await token())).toBe('unauthenticated');
  });

  it('survive a few seconds of difference between clocks', async () => {
    expect(await outcome(await mint(claims, { expires: '-2s' }))).toMatchObject({ roles: ['student'] });
  });

  it('cost one fetch of keys, and none when seen again', async () => {
    const token = await mint();
    await outcome(token);
    await outcome(token);
    await outcome(await mint({ ...claims, user_id: 'noah' }));
    expect(fetches).toBe(1);
  });

  it('of a key that came later are taken without a restart', async () => {
    const second = await newKey('second');
    published = [...published, second.jwk];
    expect(await outcome(await mint(claims, { kid: 'second', key: second.privateKey }))).toMatchObject({ roles: ['student'] });
  });

  it('are not blamed when the keys cannot be fetched', async () => {
    down = true;
    expect(await outcome(await mint())).toBe('upstream_unavailable');
  });
});
