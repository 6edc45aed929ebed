import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { correctDateOfBirth } from '#domain/identity/student-profile.ts';
import { reinstateAccount, suspendAccount } from '#domain/identity/user-account.messages.ts';
import { command } from '#domain/kernel/command.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const suspension = suspendAccount.data.omit({ userId: true });
const correction = correctDateOfBirth.data.omit({ studentId: true });

/** What administrators may do to accounts. */
@Controller('admin')
export class AccountsAdminController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post('users/:id/suspend')
  @Endpoint({
    summary: 'Stop all use of an account.',
    actors: ['admin'],
    params: byId,
    body: suspension,
    response: commandAnswer,
    status: 200,
  })
  suspend(@Params() { id }: ById, @Body() { reason }: z.output<typeof suspension>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(suspendAccount, { userId: id, reason }), caller.commandContext());
  }

  @Post('users/:id/reinstate')
  @Endpoint({ summary: 'Lift the suspension of an account.', actors: ['admin'], params: byId, response: commandAnswer, status: 200 })
  reinstate(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(reinstateAccount, { userId: id }), caller.commandContext());
  }

  @Post('students/:id/date-of-birth')
  @Endpoint({
    summary: 'Correct a student’s date of birth; what depends on age is decided again.',
    actors: ['admin'],
    params: byId,
    body: correction,
    response: commandAnswer,
    status: 200,
  })
  correct(@Params() { id }: ById, @Body() corrected: z.output<typeof correction>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(correctDateOfBirth, { studentId: id, ...corrected }), caller.commandContext());
  }
}
