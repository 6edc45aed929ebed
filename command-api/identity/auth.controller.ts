import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { emailAddress, verifyEmail, VerificationTokenInvalid } from '#domain/identity/user-account.messages.ts';
import { command } from '#domain/kernel/command.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, Caller, commandAnswer, Endpoint } from '#infra/http/endpoint.ts';
import { registration, Registrations } from './registration.ts';
import { SignIn } from './sign-in.ts';

const password = z.string().min(10).max(256);
const byEmail = z.object({ email: emailAddress });
const registrationBody = registration.extend({ role: z.enum(['student', 'tutor', 'parent']), password });
const verificationBody = z.object({ token: z.string().max(200).describe('From the link of the verification mail.') });
const logInBody = byEmail.extend({ password: z.string().max(256) });
const refreshBody = z.object({ refreshToken: z.string().min(1).max(8192) });
const resetBody = byEmail.extend({ code: z.string().trim().min(1).max(64), password });

const accepted = z.object({ accepted: z.literal(true) });
const done = z.object({ done: z.literal(true) });
const tokens = z.object({
  accessToken: z.string().describe('Send it as Authorization: Bearer.'),
  idToken: z.string(),
  refreshToken: z.string().optional().describe('Absent after a refresh: the old one goes on.'),
  expiresInSeconds: z.number().int(),
});

@Controller('auth')
export class AuthController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Registrations) private readonly registrations: Registrations,
    @Inject(SignIn) private readonly signIn: SignIn,
  ) {}

  @Post('register')
  @Endpoint({
    summary: 'Register; a mail with a verification link follows. The answer is the same for a known address.',
    actors: 'anyone',
    body: registrationBody,
    response: accepted,
    status: 202,
    rate: 'strict',
    // Of a request with a password nothing is kept, not even a hash of it; a retry finds what the first attempt made.
    secretAnswer: true,
  })
  register(@Body() { password, ...wanted }: z.output<typeof registrationBody>, @Caller() caller: Caller): Promise<{ accepted: true }> {
    return this.registrations.register(wanted, password, caller);
  }

  @Post('verify-email')
  @Endpoint({
    summary: 'Verify an e-mail address with the token of the mail.',
    actors: 'anyone',
    body: verificationBody,
    response: commandAnswer,
    status: 200,
    rate: 'strict',
  })
  verify(@Body() { token }: z.output<typeof verificationBody>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(verification(token), caller.commandContext());
  }

  @Post('resend-verification')
  @Endpoint({
    summary: 'Ask for another verification mail; the answer is always the same.',
    actors: 'anyone',
    body: byEmail,
    response: accepted,
    status: 202,
    rate: 'strict',
  })
  resend(@Body() { email }: z.output<typeof byEmail>, @Caller() caller: Caller): Promise<{ accepted: true }> {
    return this.registrations.resendVerification(email, caller);
  }

  @Post('login')
  @Endpoint({
    summary: 'Log in.',
    actors: 'anyone',
    body: logInBody,
    response: tokens,
    status: 200,
    rate: 'strict',
    secretAnswer: true,
  })
  logIn(@Body() { email, password }: z.output<typeof logInBody>): Promise<z.output<typeof tokens>> {
    return this.signIn.logIn(email, password);
  }

  @Post('refresh')
  @Endpoint({
    summary: 'Get a new access token.',
    actors: 'anyone',
    body: refreshBody,
    response: tokens,
    status: 200,
    secretAnswer: true,
  })
  refresh(@Body() { refreshToken }: z.output<typeof refreshBody>): Promise<z.output<typeof tokens>> {
    return this.signIn.refresh(refreshToken);
  }

  @Post('logout')
  @Endpoint({
    summary: 'End the session of a refresh token.',
    actors: 'anyone',
    body: refreshBody,
    response: done,
    status: 200,
    secretAnswer: true,
  })
  logOut(@Body() { refreshToken }: z.output<typeof refreshBody>): Promise<{ done: true }> {
    return this.signIn.logOut(refreshToken);
  }

  @Post('forgot-password')
  @Endpoint({
    summary: 'Ask for a code to set a new password; the answer is always the same.',
    actors: 'anyone',
    body: byEmail,
    response: accepted,
    status: 202,
    rate: 'strict',
  })
  forgot(@Body() { email }: z.output<typeof byEmail>): Promise<{ accepted: true }> {
    return this.signIn.forgotPassword(email);
  }

  @Post('reset-password')
  @Endpoint({
    summary: 'Set a new password with the code of the mail; every session ends.',
    actors: 'anyone',
    body: resetBody,
    response: done,
    status: 200,
    rate: 'strict',
    secretAnswer: true,
  })
  reset(@Body() reset: z.output<typeof resetBody>): Promise<{ done: true }> {
    return this.signIn.resetPassword(reset);
  }
}

/** The command that a verification token stands for. Throws VerificationTokenInvalid for what is none. */
export function verification(token: string) {
  const read = MailTokens.read(token);
  if (read === undefined) throw new VerificationTokenInvalid();
  return command(verifyEmail, { userId: read.subjectId, tokenHash: read.hash });
}
