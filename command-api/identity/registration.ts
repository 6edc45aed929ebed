import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { EmailAlreadyRegistered, emailReservation, releaseEmail, reserveEmail } from '#domain/identity/email-reservation.ts';
import { noteRegistrationAttempt, registerUser, requestVerification } from '#domain/identity/user-account.messages.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { command, SYSTEM } from '#domain/kernel/command.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { UserPool } from '#infra/adapters/cognito/user-pool.ts';
import { UpstreamRefused } from '#infra/adapters/upstream-errors.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { meaningOf } from './sign-in.ts';

export const registration = registerUser.data.omit({ userId: true, emailHash: true });
type Registration = z.output<typeof registration>;

/**
 * Registers people. A password may never reach an event or a policy, so the log-in is made within the request: address, log-in, account, in
 * this order, and back again when the account cannot be created. What a crash leaves behind is an address without an account, which
 * the next registration may take over after a minute together with the log-in under it.
 */
@Injectable()
export class Registrations {
  readonly #tokens: MailTokens;

  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
    @Inject(UserPool) private readonly pool: UserPool,
    @Inject(CONFIG) config: Pick<Config, 'masterKey'>,
  ) {
    this.#tokens = new MailTokens(config.masterKey);
  }

  /** Answers alike whether the address is known or not; the owner of a known one is told by mail. */
  async register(wanted: Registration, password: string, caller: Caller): Promise<{ accepted: true }> {
    const emailHash = this.#tokens.emailHash(wanted.email);
    // A retry with the same key is the same user; another address under that key is another one.
    const userId = caller.newId(`user ${emailHash}`);
    try {
      await this.commands.send(command(reserveEmail, { emailHash, userId }), caller.commandContext({ step: 'reserve' }));
    } catch (refusal) {
      if (!(refusal instanceof EmailAlreadyRegistered)) throw refusal;
      await this.#tellOwner(emailHash, caller);
      return { accepted: true };
    }
    if (await this.#hasAccount(userId)) return { accepted: true };
    try {
      await this.#makeLogIn({ ...wanted, userId, password });
      await this.commands.send(command(registerUser, { ...wanted, userId, emailHash }), caller.commandContext({ step: 'register' }));
    } catch (error) {
      // The answer may be lost and the account created: then there is nothing to take back.
      if (!(await this.#hasAccount(userId))) await this.#takeBack(wanted.email, { emailHash, userId }, caller);
      throw meaningOf(error);
    }
    return { accepted: true };
  }

  /** Asks for another verification mail. Answers alike whatever the address is and whatever the rules say. */
  async resendVerification(email: string, caller: Caller): Promise<{ accepted: true }> {
    const { state } = await this.aggregates.load(emailReservation, this.#tokens.emailHash(email));
    if (state.heldBy !== undefined) {
      await unlessRefused(() => this.commands.send(command(requestVerification, { userId: state.heldBy! }), caller.commandContext()));
    }
    return { accepted: true };
  }

  async #makeLogIn(user: Registration & { userId: string; password: string }): Promise<void> {
    if (await this.#signsUp(user)) return;
    // A retry that runs beside this one has come to the end.
    if (await this.#hasAccount(user.userId)) return;
    // The address is ours and has no account: this log-in is what an abandoned registration left behind, or a retry beside this one just made.
    await this.pool.deleteUser(user.email);
    // When it is there again already, such a retry has made it anew: for the same person, so it serves this one too.
    await this.#signsUp(user);
  }

  /** False when there is a log-in of this address. */
  async #signsUp(user: Registration & { userId: string; password: string }): Promise<boolean> {
    try {
      await this.pool.signUp(user);
      return true;
    } catch (error) {
      if (error instanceof UpstreamRefused && error.code === 'UsernameExistsException') return false;
      throw error;
    }
  }

  async #takeBack(email: string, reserved: { emailHash: string; userId: string }, caller: Caller): Promise<void> {
    await this.pool.deleteUser(email);
    await this.commands.send(command(releaseEmail, reserved), caller.commandContext({ step: 'release', by: SYSTEM }));
  }

  async #tellOwner(emailHash: string, caller: Caller): Promise<void> {
    const { state } = await this.aggregates.load(emailReservation, emailHash);
    const userId = state.heldBy;
    if (userId === undefined) return;
    const context = caller.commandContext({ step: 'tell owner' });
    await unlessRefused(() => this.commands.send(command(noteRegistrationAttempt, { userId }), context));
  }

  async #hasAccount(userId: string): Promise<boolean> {
    return (await this.aggregates.load(userAccount, userId)).state.account !== undefined;
  }
}

/** For steps whose refusal must not show in the answer, because it would tell who has an account. */
async function unlessRefused(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}
