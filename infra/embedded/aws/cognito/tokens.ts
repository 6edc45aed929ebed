import { createPrivateKey, createPublicKey, randomBytes, randomUUID, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Json, JsonObject } from '../../http/json.ts';
import { CognitoError } from './errors.ts';
import type { Session, User, UserStore } from './store.ts';

const TOKEN_SECONDS = 3600;
const REFRESH_MS = 30 * 24 * 3600 * 1000;

const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Makes and reads the tokens of a pool. */
export class TokenIssuer {
  private readonly privateKey: KeyObject;
  private readonly publicKey: KeyObject;
  private readonly kid: string;

  constructor(
    private readonly store: UserStore,
    private readonly pool: { issuer: () => string; clientId: string },
  ) {
    const { kid, pem } = store.signingKey();
    this.kid = kid;
    this.privateKey = createPrivateKey(pem);
    this.publicKey = createPublicKey(this.privateKey);
  }

  /** The public keys, as the pool publishes them. */
  jwks(): JsonObject {
    const { n, e } = this.publicKey.export({ format: 'jwk' });
    return { keys: [{ alg: 'RS256', e, kid: this.kid, kty: 'RSA', n, use: 'sig' }] };
  }

  /** Opens a session and gives its tokens. */
  signIn(user: User): JsonObject {
    const session: Session = { id: randomUUID(), sub: user.sub, authTime: nowSeconds(), expires: Date.now() + REFRESH_MS, revoked: false };
    const refreshToken = randomBytes(48).toString('base64url');
    this.store.openSession(session, refreshToken);
    return { ...this.tokens(user, session), RefreshToken: refreshToken };
  }

  /** New tokens of a session; the refresh token stays. */
  refresh(refreshToken: string): JsonObject {
    const session = this.store.sessionOfToken(refreshToken);
    const user = session && this.store.find(session.sub);
    if (!session || !user || session.expires < Date.now()) throw new CognitoError('NotAuthorizedException', 'Invalid Refresh Token.');
    if (session.revoked) throw new CognitoError('NotAuthorizedException', 'Refresh Token has been revoked');
    if (!user.enabled) throw new CognitoError('NotAuthorizedException', 'User is disabled.');
    return this.tokens(user, session);
  }

  /** The user of an access token of ours that has not run out and was not revoked. */
  userOf(accessToken: string): User {
    const [head = '', body = '', signature = ''] = accessToken.split('.');
    const genuine = verify('RSA-SHA256', Buffer.from(`${head}.${body}`), this.publicKey, Buffer.from(signature, 'base64url'));
    if (!genuine) throw new CognitoError('NotAuthorizedException', 'Invalid Access Token');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as {
      token_use: string;
      exp: number;
      origin_jti: string;
      sub: string;
    };
    if (claims.token_use !== 'access') throw new CognitoError('NotAuthorizedException', 'Invalid Access Token');
    if (claims.exp < nowSeconds()) throw new CognitoError('NotAuthorizedException', 'Access Token has expired');
    const session = this.store.session(claims.origin_jti);
    const user = this.store.find(claims.sub);
    if (!session || session.revoked || !user) throw new CognitoError('NotAuthorizedException', 'Access Token has been revoked');
    return user;
  }

  private jwt(claims: JsonObject): string {
    const content = `${encode({ alg: 'RS256', kid: this.kid })}.${encode(claims)}`;
    return `${content}.${sign('RSA-SHA256', Buffer.from(content), this.privateKey).toString('base64url')}`;
  }

  private tokens(user: User, session: Session): JsonObject {
    const iat = nowSeconds();
    const shared = {
      sub: user.sub,
      iss: this.pool.issuer(),
      origin_jti: session.id,
      event_id: randomUUID(),
      auth_time: session.authTime,
      exp: iat + TOKEN_SECONDS,
      iat,
    };
    const { email_verified: verified, ...attributes } = user.attributes;
    const id = {
      ...attributes,
      ...shared,
      aud: this.pool.clientId,
      token_use: 'id',
      'cognito:username': user.username,
      ...(verified === undefined ? {} : { email_verified: verified === 'true' }),
      jti: randomUUID(),
    };
    // The real pool adds the custom attributes to access tokens by a pre-token-generation trigger (version 2).
    const custom = Object.fromEntries(Object.entries(attributes).filter(([name]) => name.startsWith('custom:')));
    const access = {
      ...custom,
      ...shared,
      client_id: this.pool.clientId,
      token_use: 'access',
      scope: 'aws.cognito.signin.user.admin',
      jti: randomUUID(),
      username: user.username,
    };
    return { AccessToken: this.jwt(access), IdToken: this.jwt(id), ExpiresIn: TOKEN_SECONDS, TokenType: 'Bearer' };
  }
}
