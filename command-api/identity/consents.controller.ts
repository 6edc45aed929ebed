import { Controller, Get, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import {
  ConsentNotRequested,
  ConsentTokenInvalid,
  denyParentConsent,
  grantParentConsent,
  revokeParentConsent,
  scopes,
} from '#domain/identity/parent-consent.messages.ts';
import { parentConsent } from '#domain/identity/parent-consent.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { command } from '#domain/kernel/command.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { Body, Caller, commandAnswer, Endpoint, Params, RawBody } from '#infra/http/endpoint.ts';
import { HTML, pageOf } from '#infra/http/page.ts';
import { consentNotice, noticeOf, type ConsentNotice } from './consent-notice.ts';
import { consentForm, consentThanks } from './pages.ts';

const byToken = z.object({ token: z.string().max(200).describe('From the link of the mail to the parent.') });
const decision = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('grant'), scopes: scopes.min(1).describe('What is allowed, each on its own.') }),
  z.object({ decision: z.literal('deny') }),
  z.object({ decision: z.literal('revoke'), scopes: scopes.optional().describe('Absent: all of them.') }),
]);
type Decision = z.output<typeof decision>;
/** The same as the page's form sends it: boxes that are ticked, also to take consent back. */
const formDecision = z.discriminatedUnion('decision', [
  z.object({ decision: z.enum(['grant', 'revoke']), scopes: scopes.min(1) }),
  z.object({ decision: z.literal('deny') }),
]);

/** The parent's side, by the token of a mail. GET only shows: scanners of mails follow every link. */
@Controller('consents')
export class ConsentsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
  ) {}

  @Get(':token')
  @Endpoint({
    summary: 'What a parent is asked to consent to, and how the request stands.',
    actors: 'anyone',
    params: byToken,
    response: consentNotice,
    rate: 'strict',
    secretAnswer: true,
  })
  async show(@Params() { token }: z.output<typeof byToken>): Promise<ConsentNotice> {
    const { subjectId, hash } = readToken(token);
    const { state } = await this.aggregates.load(parentConsent, subjectId);
    if (state.request === undefined || state.status === 'None') throw new ConsentNotRequested();
    if (state.request.tokenHash !== hash) throw new ConsentTokenInvalid();
    const { state: child } = await this.aggregates.load(userAccount, subjectId);
    return noticeOf({
      studentId: subjectId,
      child: child.account?.displayName ?? null,
      status: state.status,
      expiresAt: state.request.expiresAt,
      asked: state.request.scopes,
      granted: state.scopes,
    });
  }

  @Post(':token')
  @Endpoint({
    summary: 'Consent, decline, or take consent back.',
    actors: 'anyone',
    params: byToken,
    body: decision,
    response: commandAnswer,
    status: 200,
    rate: 'strict',
  })
  decide(@Params() { token }: z.output<typeof byToken>, @Body() wanted: Decision, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(commandFor(token, wanted), caller.commandContext());
  }

  @Get(':token/page')
  @Endpoint({
    summary: 'The same as a page for people, with a form.',
    actors: 'anyone',
    params: byToken,
    response: z.string(),
    produces: HTML,
    rate: 'strict',
    secretAnswer: true,
  })
  async page(@Params() { token }: z.output<typeof byToken>): Promise<string> {
    return consentForm(token, await this.show({ token }));
  }

  @Post(':token/form')
  @Endpoint({
    summary: 'Takes the form of the page.',
    actors: 'anyone',
    params: byToken,
    response: z.string(),
    status: 200,
    produces: HTML,
    rawBody: true,
    rate: 'strict',
    secretAnswer: true,
  })
  async decideByForm(@Params() { token }: z.output<typeof byToken>, @RawBody() body: Buffer, @Caller() caller: Caller): Promise<string> {
    const form = new URLSearchParams(body.toString('utf8'));
    const wanted = formDecision.safeParse({ decision: form.get('decision'), scopes: form.getAll('scope') });
    if (!wanted.success) return pageOf('Please go back', ['Nothing was ticked, so nothing has changed.']);
    await this.commands.send(commandFor(token, wanted.data), caller.commandContext());
    return consentThanks(wanted.data.decision);
  }
}

function readToken(token: string) {
  const read = MailTokens.read(token);
  if (read === undefined) throw new ConsentTokenInvalid();
  return read;
}

function commandFor(token: string, wanted: Decision) {
  const { subjectId: studentId, hash: tokenHash } = readToken(token);
  switch (wanted.decision) {
    case 'grant':
      return command(grantParentConsent, { studentId, tokenHash, method: 'email_link', scopes: wanted.scopes });
    case 'deny':
      return command(denyParentConsent, { studentId, tokenHash });
    case 'revoke':
      return command(revokeParentConsent, { studentId, tokenHash, scopes: wanted.scopes });
  }
}
