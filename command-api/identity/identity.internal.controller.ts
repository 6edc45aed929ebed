import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { grantParentConsent } from '#domain/identity/parent-consent.messages.ts';
import { activateUser } from '#domain/identity/user-account.messages.ts';
import { command } from '#domain/kernel/command.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const evidence = grantParentConsent.data.pick({ method: true, scopes: true, evidenceRef: true });

@Controller('internal')
export class IdentityInternalController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post('users/:id/activate')
  @Endpoint({
    summary: 'Activate an account on behalf of its owner.',
    actors: ['internal', 'admin'],
    params: byId,
    response: commandAnswer,
    status: 200,
  })
  activate(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(activateUser, { userId: id }), caller.commandContext());
  }

  @Post('students/:id/consent-granted')
  @Endpoint({
    summary: 'Record a parent’s consent that was verified in another way than by mail, with a reference to its evidence.',
    actors: ['internal', 'admin'],
    params: byId,
    body: evidence,
    response: commandAnswer,
    status: 200,
  })
  consent(@Params() { id }: ById, @Body() given: z.output<typeof evidence>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(grantParentConsent, { studentId: id, ...given }), caller.commandContext());
  }
}
