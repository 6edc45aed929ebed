import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { reinstateTutor, suspendTutor } from '#domain/tutoring/tutor-profile.messages.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const suspension = suspendTutor.data.omit({ tutorId: true });

/** What administrators may do to tutors. */
@Controller('admin/tutors')
export class TutorsAdminController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/suspend')
  @Endpoint({
    summary: 'Stop a tutor from teaching.',
    actors: ['admin'],
    params: byId,
    body: suspension,
    response: commandAnswer,
    status: 200,
  })
  suspend(@Params() { id }: ById, @Body() { reason }: z.output<typeof suspension>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(suspendTutor, { tutorId: id, reason }), caller.commandContext());
  }

  @Post(':id/reinstate')
  @Endpoint({ summary: 'Lift the suspension of a tutor.', actors: ['admin'], params: byId, response: commandAnswer, status: 200 })
  reinstate(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(reinstateTutor, { tutorId: id }), caller.commandContext());
  }
}
