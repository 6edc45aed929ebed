import { Inject, Injectable } from '@nestjs/common';
import { UserPool, type SessionTokens } from '#infra/adapters/cognito/user-pool.ts';
import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { Problem } from '#infra/http/problems.ts';
import { EmailNotVerified, PasswordNotAccepted, ResetCodeInvalid, TooManyAttempts } from './refusals.ts';

/** What the exceptions of the user pool mean to whoever logs in. An unknown address reads like a wrong password or code. */
const MEANING: Readonly<Record<string, () => Error>> = {
  NotAuthorizedException: () => new Problem('unauthenticated'),
  UserNotFoundException: () => new Problem('unauthenticated'),
  UserNotConfirmedException: () => new EmailNotVerified(),
  InvalidPasswordException: () => new PasswordNotAccepted(),
  InvalidParameterException: () => new PasswordNotAccepted(),
  CodeMismatchException: () => new ResetCodeInvalid(),
  ExpiredCodeException: () => new ResetCodeInvalid(),
};
const PASSING = new Set(['TooManyRequestsException', 'LimitExceededException', 'TooManyFailedAttemptsException']);

/** What an error of the user pool is answered with. */
export function meaningOf(error: unknown): unknown {
  if (error instanceof UpstreamRefused) return PASSING.has(error.code) ? new TooManyAttempts() : (MEANING[error.code]?.() ?? error);
  if (error instanceof UpstreamUnsure) {
    return PASSING.has(error.code) ? new TooManyAttempts() : new Problem('upstream_unavailable', { headers: { 'retry-after': '5' } });
  }
  return error;
}

/** Logging in and out, and passwords: the user pool keeps them, events never hold them. */
@Injectable()
export class SignIn {
  constructor(@Inject(UserPool) private readonly pool: UserPool) {}

  logIn(email: string, password: string): Promise<SessionTokens> {
    return this.#translated(() => this.pool.signIn(email, password));
  }

  refresh(refreshToken: string): Promise<SessionTokens> {
    return this.#translated(() => this.pool.refresh(refreshToken));
  }

  async logOut(refreshToken: string): Promise<{ done: true }> {
    await this.#translated(() => this.pool.signOut(refreshToken));
    return { done: true };
  }

  /** Answers alike whether the address has a log-in or not. */
  async forgotPassword(email: string): Promise<{ accepted: true }> {
    try {
      await this.#translated(() => this.pool.forgotPassword(email));
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'unauthenticated')) throw error;
    }
    return { accepted: true };
  }

  /** Sets a new password and ends every session. */
  async resetPassword(reset: { email: string; code: string; password: string }): Promise<{ done: true }> {
    try {
      await this.#translated(() => this.pool.confirmForgotPassword(reset));
    } catch (error) {
      throw error instanceof Problem && error.code === 'unauthenticated' ? new ResetCodeInvalid() : error;
    }
    await this.#translated(() => this.pool.signOutEverywhere(reset.email));
    return { done: true };
  }

  async #translated<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw meaningOf(error);
    }
  }
}
