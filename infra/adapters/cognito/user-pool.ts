import {
  AdminConfirmSignUpCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  CognitoIdentityProviderClient,
  ConfirmForgotPasswordCommand,
  ForgotPasswordCommand,
  InitiateAuthCommand,
  RevokeTokenCommand,
  SignUpCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { AuthenticationResultType } from '@aws-sdk/client-cognito-identity-provider';
import { callAws, clientSettings } from '../aws-errors.ts';
import type { AwsOptions } from '../aws-errors.ts';
import { UpstreamRefused } from '../upstream-errors.ts';

/** Who somebody is in the product. */
export interface ProductUser {
  userId: string;
  role: string;
}

/** The tokens of a session. */
export interface SessionTokens {
  accessToken: string;
  idToken: string;
  /** Absent after a refresh: the old one goes on. */
  refreshToken: string | undefined;
  expiresInSeconds: number;
}

const attributes = (email: string, { userId, role }: ProductUser, verified: boolean) => [
  { Name: 'email', Value: email },
  { Name: 'email_verified', Value: String(verified) },
  { Name: 'custom:user_id', Value: userId },
  { Name: 'custom:role', Value: role },
];

function tokensOf(result: AuthenticationResultType | undefined): SessionTokens {
  const { AccessToken, IdToken, RefreshToken, ExpiresIn } = result ?? {};
  // A challenge, such as a password that must be changed first: the product sets no such users up.
  if (AccessToken === undefined || IdToken === undefined) throw new UpstreamRefused('cognito', 'NewPasswordRequired', 400);
  return { accessToken: AccessToken, idToken: IdToken, refreshToken: RefreshToken, expiresInSeconds: ExpiresIn ?? 0 };
}

/**
 * The log-ins of all people, in one user pool under their e-mail addresses. Every call throws `UpstreamRefused` with the name of Cognito's
 * exception as its code (`UsernameExistsException`, `NotAuthorizedException` …) or `UpstreamUnsure`.
 */
export class UserPool {
  private readonly client: CognitoIdentityProviderClient;
  private readonly pool: { UserPoolId: string };
  private readonly app: { ClientId: string };

  constructor(options: AwsOptions & { userPoolId: string; clientId: string }) {
    this.client = new CognitoIdentityProviderClient(clientSettings(options));
    this.pool = { UserPoolId: options.userPoolId };
    this.app = { ClientId: options.clientId };
  }

  /** Makes a log-in that cannot be used until it is confirmed; the pool's own id of it. */
  async signUp(options: ProductUser & { email: string; password: string }): Promise<string> {
    const { email, password } = options;
    // Nobody may call their own address verified: that comes with the confirmation.
    const UserAttributes = attributes(email, options, false).filter(({ Name }) => Name !== 'email_verified');
    const command = new SignUpCommand({ ...this.app, Username: email, Password: password, UserAttributes });
    const { UserSub } = await callAws('cognito', () => this.client.send(command));
    return UserSub ?? '';
  }

  /** The e-mail address is theirs: from now on the log-in works. Confirming twice is confirming once. */
  async confirm(email: string): Promise<void> {
    const user = { ...this.pool, Username: email };
    const UserAttributes = [{ Name: 'email_verified', Value: 'true' }];
    await callAws('cognito', () => this.client.send(new AdminUpdateUserAttributesCommand({ ...user, UserAttributes })));
    await this.unless('NotAuthorizedException', () => this.client.send(new AdminConfirmSignUpCommand(user)));
  }

  async signIn(email: string, password: string): Promise<SessionTokens> {
    const command = new InitiateAuthCommand({
      ...this.app,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: email, PASSWORD: password },
    });
    const { AuthenticationResult } = await callAws('cognito', () => this.client.send(command));
    return tokensOf(AuthenticationResult);
  }

  async refresh(refreshToken: string): Promise<SessionTokens> {
    const command = new InitiateAuthCommand({
      ...this.app,
      AuthFlow: 'REFRESH_TOKEN_AUTH',
      AuthParameters: { REFRESH_TOKEN: refreshToken },
    });
    const { AuthenticationResult } = await callAws('cognito', () => this.client.send(command));
    return tokensOf(AuthenticationResult);
  }

  /** Ends the session of a refresh token. */
  async signOut(refreshToken: string): Promise<void> {
    await callAws('cognito', () => this.client.send(new RevokeTokenCommand({ ...this.app, Token: refreshToken })));
  }

  /** Ends all sessions of a person. */
  async signOutEverywhere(email: string): Promise<void> {
    await callAws('cognito', () => this.client.send(new AdminUserGlobalSignOutCommand({ ...this.pool, Username: email })));
  }

  /** Mails a code to the address if it has a log-in; nothing tells whether it has. */
  async forgotPassword(email: string): Promise<void> {
    await callAws('cognito', () => this.client.send(new ForgotPasswordCommand({ ...this.app, Username: email })));
  }

  /** Sets a new password with the code that was mailed. Sessions go on until they are ended. */
  async confirmForgotPassword(options: { email: string; code: string; password: string }): Promise<void> {
    const { email, code, password } = options;
    const command = new ConfirmForgotPasswordCommand({ ...this.app, Username: email, ConfirmationCode: code, Password: password });
    await callAws('cognito', () => this.client.send(command));
  }

  /** Removes a log-in; one that is not there is removed already. */
  async deleteUser(email: string): Promise<void> {
    await this.unless('UserNotFoundException', () => this.client.send(new AdminDeleteUserCommand({ ...this.pool, Username: email })));
  }

  /** A suspended person cannot log in or refresh; their access tokens live on until they run out. */
  async setEnabled(email: string, enabled: boolean): Promise<void> {
    const user = { ...this.pool, Username: email };
    await callAws<unknown>('cognito', () =>
      enabled ? this.client.send(new AdminEnableUserCommand(user)) : this.client.send(new AdminDisableUserCommand(user)),
    );
  }

  /** Makes, or completes, the log-in of an administrator, which works at once. It may be repeated. */
  async createAdmin(options: { email: string; password: string; userId: string }): Promise<void> {
    const { email, password, userId } = options;
    const user = { ...this.pool, Username: email };
    const UserAttributes = attributes(email, { userId, role: 'admin' }, true);
    await this.unless('UsernameExistsException', () =>
      this.client.send(new AdminCreateUserCommand({ ...user, UserAttributes, MessageAction: 'SUPPRESS' })),
    );
    await callAws('cognito', () => this.client.send(new AdminUpdateUserAttributesCommand({ ...user, UserAttributes })));
    await callAws('cognito', () => this.client.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true })));
  }

  close(): void {
    this.client.destroy();
  }

  /** Runs a call for which one refusal means that it has been done before. */
  private async unless(code: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await callAws('cognito', call);
    } catch (error) {
      if (!(error instanceof UpstreamRefused && error.code === code)) throw error;
    }
  }
}
