/** An error answer of Cognito: its code is the name of the SDK's exception. */
export class CognitoError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const wrongCredentials = (): CognitoError => new CognitoError('NotAuthorizedException', 'Incorrect username or password.');
export const noSuchUser = (): CognitoError => new CognitoError('UserNotFoundException', 'User does not exist.');
