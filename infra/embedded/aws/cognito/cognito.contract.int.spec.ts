import {
  AdminConfirmSignUpCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminGetUserCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  CognitoIdentityProviderClient,
  ConfirmForgotPasswordCommand,
  ForgotPasswordCommand,
  GlobalSignOutCommand,
  InitiateAuthCommand,
  RevokeTokenCommand,
  SignUpCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { ELSEWHERE, awsUnderTest } from '../harness.ts';
import type { AwsUnderTest } from '../harness.ts';

let aws: AwsUnderTest;
let cognito: CognitoIdentityProviderClient;
beforeAll(async () => {
  aws = await awsUnderTest();
  cognito = new CognitoIdentityProviderClient({
    region: aws.region,
    endpoint: aws.endpoints.cognito,
    credentials: aws.credentials,
    maxAttempts: 1,
  });
});
afterAll(() => aws.stop());

const PASSWORD = 'Correct-horse-1';
let people = 0;
/** A name that nobody has yet. */
const somebody = () => `person-${++people}@example.com`;
const signUp = (Username: string, Password = PASSWORD) =>
  cognito.send(
    new SignUpCommand({
      ClientId: aws.clientId,
      Username,
      Password,
      UserAttributes: [
        { Name: 'email', Value: Username },
        { Name: 'custom:role', Value: 'student' },
        { Name: 'custom:user_id', Value: 'user-1' },
      ],
    }),
  );
const user = (Username: string) => ({ UserPoolId: aws.userPoolId, Username });
const signIn = async (USERNAME: string, password = PASSWORD) =>
  (
    await cognito.send(
      new InitiateAuthCommand({ ClientId: aws.clientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME, PASSWORD: password } }),
    )
  ).AuthenticationResult;
const refresh = async (token = '') =>
  (
    await cognito.send(
      new InitiateAuthCommand({ ClientId: aws.clientId, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters: { REFRESH_TOKEN: token } }),
    )
  ).AuthenticationResult;
const confirmed = async (): Promise<string> => {
  const name = somebody();
  await signUp(name);
  await cognito.send(new AdminConfirmSignUpCommand(user(name)));
  return name;
};
const failureName = (call: Promise<unknown>) =>
  call.then(
    () => 'nothing',
    (error: Error) => error.name,
  );

describe('Cognito', () => {
  it('signs somebody up, who can log in once confirmed', async () => {
    const name = somebody();
    expect(await signUp(name)).toMatchObject({ UserConfirmed: false, UserSub: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await failureName(signIn(name))).toBe('UserNotConfirmedException');
    await cognito.send(new AdminConfirmSignUpCommand(user(name)));
    expect(await signIn(name)).toMatchObject({ TokenType: 'Bearer', ExpiresIn: expect.any(Number), RefreshToken: expect.any(String) });
    expect(await cognito.send(new AdminGetUserCommand(user(name)))).toMatchObject({ UserStatus: 'CONFIRMED', Enabled: true });
  });

  it.each([
    ['a name that is taken', 'UsernameExistsException', async () => signUp(await confirmed())],
    ['a wrong password', 'NotAuthorizedException', async () => signIn(await confirmed(), 'Wrong-horse-1')],
    ['a weak password', 'InvalidPasswordException', () => signUp(somebody(), 'short')],
    [
      'an unknown user, to an administrator',
      'UserNotFoundException',
      () => cognito.send(new AdminGetUserCommand(user('nobody@example.com'))),
    ],
    [
      'an unknown pool',
      'ResourceNotFoundException',
      () => cognito.send(new AdminGetUserCommand({ UserPoolId: 'eu-central-1_none', Username: 'x' })),
    ],
    ['a made-up refresh token', 'NotAuthorizedException', () => refresh('made-up')],
  ])('names what is wrong: %s', async (_what, name, call) => {
    expect(await failureName(call())).toBe(name);
  });

  it('refreshes a session until it is ended', async () => {
    const name = await confirmed();
    const session = await signIn(name);
    expect(await refresh(session?.RefreshToken)).toMatchObject({ AccessToken: expect.any(String), IdToken: expect.any(String) });
    await cognito.send(new AdminUserGlobalSignOutCommand(user(name)));
    expect(await failureName(refresh(session?.RefreshToken))).toBe('NotAuthorizedException');
  });

  it('knows administrators that are set up with a password', async () => {
    const name = somebody();
    await cognito.send(
      new AdminCreateUserCommand({ ...user(name), MessageAction: 'SUPPRESS', UserAttributes: [{ Name: 'email', Value: name }] }),
    );
    await cognito.send(new AdminSetUserPasswordCommand({ ...user(name), Password: PASSWORD, Permanent: true }));
    await cognito.send(new AdminUpdateUserAttributesCommand({ ...user(name), UserAttributes: [{ Name: 'custom:role', Value: 'admin' }] }));
    expect(await signIn(name)).toMatchObject({ AccessToken: expect.any(String) });
    const { UserAttributes } = await cognito.send(new AdminGetUserCommand(user(name)));
    expect(UserAttributes).toEqual(expect.arrayContaining([{ Name: 'custom:role', Value: 'admin' }]));
  });

  it('lets nobody in who is disabled or deleted', async () => {
    const name = await confirmed();
    await cognito.send(new AdminDisableUserCommand(user(name)));
    expect(await failureName(signIn(name))).toBe('NotAuthorizedException');
    await cognito.send(new AdminDeleteUserCommand(user(name)));
    // The other implementation tells that the user is unknown, the service and the stand-in do not.
    expect(await failureName(signIn(name))).toBe(ELSEWHERE ? 'UserNotFoundException' : 'NotAuthorizedException');
    expect(await failureName(cognito.send(new AdminDeleteUserCommand(user(name))))).toBe('UserNotFoundException');
  });
});

if (!ELSEWHERE) {
  describe('the stand-in for Cognito', () => {
    it('signs tokens that its published keys verify, with role and user id', async () => {
      const name = await confirmed();
      const session = await signIn(name);
      const issuer = `${aws.endpoints.cognito}/${aws.userPoolId}`;
      const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
      const id = await jwtVerify(session?.IdToken ?? '', keys, { issuer, audience: aws.clientId });
      expect(id.payload).toMatchObject({ token_use: 'id', 'custom:role': 'student', 'custom:user_id': 'user-1', email: name });
      const access = await jwtVerify(session?.AccessToken ?? '', keys, { issuer });
      expect(access.payload).toMatchObject({
        token_use: 'access',
        client_id: aws.clientId,
        sub: id.payload.sub,
        'custom:role': 'student',
        'custom:user_id': 'user-1',
      });
    });

    it('ends one session or all of them', async () => {
      const name = await confirmed();
      const [one, two, three] = [await signIn(name), await signIn(name), await signIn(name)];
      await cognito.send(new RevokeTokenCommand({ ClientId: aws.clientId, Token: one?.RefreshToken }));
      expect(await failureName(refresh(one?.RefreshToken))).toBe('NotAuthorizedException');
      expect(await failureName(cognito.send(new GlobalSignOutCommand({ AccessToken: one?.AccessToken })))).toBe('NotAuthorizedException');
      expect(await refresh(two?.RefreshToken)).toMatchObject({ AccessToken: expect.any(String) });
      await cognito.send(new GlobalSignOutCommand({ AccessToken: two?.AccessToken }));
      expect(await failureName(refresh(three?.RefreshToken))).toBe('NotAuthorizedException');
    });

    it('resets a password with the code that it mails, and tells nobody who exists', async () => {
      const name = await confirmed();
      const forgot = (Username: string) => cognito.send(new ForgotPasswordCommand({ ClientId: aws.clientId, Username }));
      const reset = (ConfirmationCode: string) =>
        cognito.send(
          new ConfirmForgotPasswordCommand({ ClientId: aws.clientId, Username: name, ConfirmationCode, Password: 'New-horse-22' }),
        );
      const known = await forgot(name);
      const unknown = await forgot('nobody@example.com');
      expect(Object.keys(unknown.CodeDeliveryDetails ?? {})).toEqual(Object.keys(known.CodeDeliveryDetails ?? {}));
      const code = aws.codes.get(name) ?? '';
      expect(await failureName(reset(code === '000000' ? '000001' : '000000'))).toBe('CodeMismatchException');
      await reset(code);
      expect(await failureName(reset(code))).toBe('ExpiredCodeException');
      expect(await failureName(signIn(name))).toBe('NotAuthorizedException');
      expect(await signIn(name, 'New-horse-22')).toMatchObject({ AccessToken: expect.any(String) });
    });

    it('locks a log-in after five wrong passwords', async () => {
      const name = await confirmed();
      for (let attempt = 0; attempt < 5; attempt++) await failureName(signIn(name, 'Wrong-horse-1'));
      await expect(signIn(name)).rejects.toMatchObject({ name: 'NotAuthorizedException', message: 'Password attempts exceeded' });
    });

    it('answers administration only to signed requests', async () => {
      const forged = new CognitoIdentityProviderClient({
        region: aws.region,
        endpoint: aws.endpoints.cognito,
        credentials: { ...aws.credentials, secretAccessKey: 'wrong' },
        maxAttempts: 1,
      });
      expect(await failureName(forged.send(new AdminGetUserCommand(user('x'))))).toBe('InvalidSignatureException');
    });
  });
}
