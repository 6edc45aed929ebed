import { randomInt, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../../http/json.ts';
import { CognitoError, noSuchUser, wrongCredentials } from './errors.ts';
import { hashPassword, passwordFits } from './passwords.ts';
import type { User, UserStatus, UserStore } from './store.ts';
import type { TokenIssuer } from './tokens.ts';

/** What the actions work with. */
export interface CognitoParts {
  store: UserStore;
  tokens: TokenIssuer;
  poolId: string;
  clientId: string;
  /** Sends a code to its user; awaited before the answer. */
  sendCode(email: string, code: string): Promise<void>;
}

/** An action on its JSON input. */
export type Action = (parts: CognitoParts, input: unknown) => Promise<JsonObject>;

const CODE_MS = 3600 * 1000;
const attributes = z.array(z.object({ Name: z.string(), Value: z.string() })).default([]);
const clientFields = { ClientId: z.string(), Username: z.string().min(1) };
const poolFields = { UserPoolId: z.string(), Username: z.string().min(1) };
const inPool = z.object(poolFields);

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (!result.success) throw new CognitoError('InvalidParameterException', z.prettifyError(result.error));
  return result.data;
}

function checkClient(parts: CognitoParts, clientId: string): void {
  if (clientId !== parts.clientId) throw new CognitoError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`);
}

/** The named user of our pool. */
function poolUser(parts: CognitoParts, input: { UserPoolId: string; Username: string }): User {
  if (input.UserPoolId !== parts.poolId)
    throw new CognitoError('ResourceNotFoundException', `User pool ${input.UserPoolId} does not exist.`);
  const user = parts.store.find(input.Username);
  if (!user) throw noSuchUser();
  return user;
}

function attributeMap(list: z.output<typeof attributes>): Record<string, string> {
  return Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]));
}

function newUser(
  parts: CognitoParts,
  username: string,
  given: Record<string, string>,
  passwordHash: string | null,
  status: UserStatus,
): User {
  const name = username.toLowerCase();
  if (parts.store.find(name)) throw new CognitoError('UsernameExistsException', 'User already exists');
  const email = (given['email'] ?? (name.includes('@') ? name : null))?.toLowerCase() ?? null;
  const now = Date.now();
  const user: User = {
    sub: randomUUID(),
    username: name,
    email,
    passwordHash,
    status,
    enabled: true,
    attributes: { ...given, ...(email ? { email } : {}) },
    created: now,
    modified: now,
  };
  parts.store.save(user);
  return user;
}

function shown(user: User): JsonObject {
  const listed = Object.entries({ sub: user.sub, ...user.attributes }).map(([Name, Value]) => ({ Name, Value }));
  return {
    Username: user.username,
    Attributes: listed,
    UserAttributes: listed,
    UserCreateDate: user.created / 1000,
    UserLastModifiedDate: user.modified / 1000,
    Enabled: user.enabled,
    UserStatus: user.status,
  };
}

const signUp: Action = async (parts, input) => {
  const given = parse(z.object({ ...clientFields, Password: z.string(), UserAttributes: attributes }), input);
  checkClient(parts, given.ClientId);
  const user = newUser(parts, given.Username, attributeMap(given.UserAttributes), await hashPassword(given.Password), 'UNCONFIRMED');
  return { UserConfirmed: false, UserSub: user.sub };
};

const signIn = async (parts: CognitoParts, username: string, password: string): Promise<JsonObject> => {
  const user = parts.store.find(username);
  if (user && parts.store.lockedUntil(user.sub) > Date.now())
    throw new CognitoError('NotAuthorizedException', 'Password attempts exceeded');
  if (!(await passwordFits(password, user?.passwordHash ?? undefined)) || !user) {
    if (user) parts.store.countFailure(user.sub);
    throw wrongCredentials();
  }
  parts.store.forgetFailures(user.sub);
  if (!user.enabled) throw new CognitoError('NotAuthorizedException', 'User is disabled.');
  if (user.status === 'UNCONFIRMED') throw new CognitoError('UserNotConfirmedException', 'User is not confirmed.');
  if (user.status === 'FORCE_CHANGE_PASSWORD') {
    return { ChallengeName: 'NEW_PASSWORD_REQUIRED', ChallengeParameters: { USER_ID_FOR_SRP: user.username }, Session: randomUUID() };
  }
  return { AuthenticationResult: parts.tokens.signIn(user), ChallengeParameters: {} };
};

const initiateAuth: Action = async (parts, input) => {
  const { AuthFlow, ClientId, AuthParameters } = parse(
    z.object({ AuthFlow: z.string(), ClientId: z.string(), AuthParameters: z.record(z.string(), z.string()) }),
    input,
  );
  checkClient(parts, ClientId);
  if (AuthFlow === 'USER_PASSWORD_AUTH') return signIn(parts, AuthParameters['USERNAME'] ?? '', AuthParameters['PASSWORD'] ?? '');
  if (AuthFlow === 'REFRESH_TOKEN_AUTH' || AuthFlow === 'REFRESH_TOKEN') {
    return { AuthenticationResult: parts.tokens.refresh(AuthParameters['REFRESH_TOKEN'] ?? ''), ChallengeParameters: {} };
  }
  throw new CognitoError('InvalidParameterException', `${AuthFlow} flow not enabled for this client`);
};

/** The answer is the same whether the user exists or not. */
const forgotPassword: Action = async (parts, input) => {
  const { ClientId, Username } = parse(z.object(clientFields), input);
  checkClient(parts, ClientId);
  const user = parts.store.find(Username);
  if (user?.email && user.enabled) {
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    parts.store.saveCode(user.sub, code, Date.now() + CODE_MS);
    await parts.sendCode(user.email, code);
  }
  return { CodeDeliveryDetails: { AttributeName: 'email', DeliveryMedium: 'EMAIL', Destination: `${Username.slice(0, 1)}***@***` } };
};

const confirmForgotPassword: Action = async (parts, input) => {
  const given = parse(z.object({ ...clientFields, ConfirmationCode: z.string(), Password: z.string() }), input);
  checkClient(parts, given.ClientId);
  const passwordHash = await hashPassword(given.Password);
  const user = parts.store.find(given.Username);
  const outcome = user ? parts.store.takeCode(user.sub, given.ConfirmationCode) : 'expired';
  if (outcome === 'expired') throw new CognitoError('ExpiredCodeException', 'Invalid code provided, please request a code again.');
  if (outcome === 'wrong' || !user)
    throw new CognitoError('CodeMismatchException', 'Invalid verification code provided, please try again.');
  parts.store.save({ ...user, passwordHash, status: user.status === 'UNCONFIRMED' ? 'UNCONFIRMED' : 'CONFIRMED' });
  parts.store.forgetFailures(user.sub);
  return {};
};

const adminCreateUser: Action = async (parts, input) => {
  const schema = z.object({
    ...poolFields,
    UserAttributes: attributes,
    TemporaryPassword: z.string().optional(),
    MessageAction: z.string().optional(),
  });
  const given = parse(schema, input);
  if (given.UserPoolId !== parts.poolId)
    throw new CognitoError('ResourceNotFoundException', `User pool ${given.UserPoolId} does not exist.`);
  const passwordHash = given.TemporaryPassword === undefined ? null : await hashPassword(given.TemporaryPassword);
  return { User: shown(newUser(parts, given.Username, attributeMap(given.UserAttributes), passwordHash, 'FORCE_CHANGE_PASSWORD')) };
};

const adminSetUserPassword: Action = async (parts, input) => {
  const given = parse(z.object({ ...poolFields, Password: z.string(), Permanent: z.boolean().optional() }), input);
  const passwordHash = await hashPassword(given.Password);
  const user = poolUser(parts, given);
  parts.store.save({ ...user, passwordHash, status: given.Permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD' });
  return {};
};

const adminConfirmSignUp: Action = async (parts, input) => {
  const user = poolUser(parts, parse(inPool, input));
  if (user.status === 'CONFIRMED')
    throw new CognitoError('NotAuthorizedException', 'User cannot be confirmed. Current status is CONFIRMED');
  parts.store.save({ ...user, status: 'CONFIRMED' });
  return {};
};

const adminUpdateUserAttributes: Action = async (parts, input) => {
  const given = parse(z.object({ ...poolFields, UserAttributes: attributes }), input);
  const user = poolUser(parts, given);
  const merged = { ...user.attributes, ...attributeMap(given.UserAttributes) };
  parts.store.save({ ...user, attributes: merged, email: merged['email']?.toLowerCase() ?? user.email });
  return {};
};

const setEnabled =
  (enabled: boolean): Action =>
  async (parts, input) => {
    parts.store.save({ ...poolUser(parts, parse(inPool, input)), enabled });
    return {};
  };

const adminDeleteUser: Action = async (parts, input) => {
  parts.store.remove(poolUser(parts, parse(inPool, input)).sub);
  return {};
};

const adminUserGlobalSignOut: Action = async (parts, input) => {
  parts.store.revokeSessions(poolUser(parts, parse(inPool, input)).sub);
  return {};
};

const globalSignOut: Action = async (parts, input) => {
  parts.store.revokeSessions(parts.tokens.userOf(parse(z.object({ AccessToken: z.string() }), input).AccessToken).sub);
  return {};
};

const revokeToken: Action = async (parts, input) => {
  const { Token, ClientId } = parse(z.object({ Token: z.string(), ClientId: z.string() }), input);
  checkClient(parts, ClientId);
  const session = parts.store.sessionOfToken(Token);
  if (session) parts.store.revokeSession(session.id);
  return {};
};

const getUser: Action = async (parts, input) => {
  const user = parts.tokens.userOf(parse(z.object({ AccessToken: z.string() }), input).AccessToken);
  return { Username: user.username, UserAttributes: shown(user)['UserAttributes'] };
};

/** The actions that anyone may call, as the real service lets them. */
export const openActions: Record<string, Action> = {
  SignUp: signUp,
  InitiateAuth: initiateAuth,
  ForgotPassword: forgotPassword,
  ConfirmForgotPassword: confirmForgotPassword,
  GlobalSignOut: globalSignOut,
  RevokeToken: revokeToken,
  GetUser: getUser,
};

/** The actions that need a signed request. */
export const signedActions: Record<string, Action> = {
  AdminConfirmSignUp: adminConfirmSignUp,
  AdminGetUser: async (parts, input) => shown(poolUser(parts, parse(inPool, input))),
  AdminDeleteUser: adminDeleteUser,
  AdminCreateUser: adminCreateUser,
  AdminSetUserPassword: adminSetUserPassword,
  AdminUserGlobalSignOut: adminUserGlobalSignOut,
  AdminUpdateUserAttributes: adminUpdateUserAttributes,
  AdminDisableUser: setEnabled(false),
  AdminEnableUser: setEnabled(true),
};
