import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { approveTutor, rejectTutor } from '#domain/tutoring/tutor-profile.messages.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const rejection = rejectTutor.data.pick({ reasons: true });

/** Decisions about tutors without the review; an administrator must be named. */
@Controller('internal/tutors')
export class TutoringInternalController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/approve')
  @Endpoint({
    summary: 'Approve a tutor who is in review, as a named administrator.',
    actors: ['internal', 'admin'],
    params: byId,
    response: commandAnswer,
    status: 200,
  })
  approve(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(approveTutor, { tutorId: id }), caller.commandContext());
  }

  @Post(':id/reject')
  @Endpoint({
    summary: 'Reject a tutor who is in review, as a named administrator, with reasons.',
    actors: ['internal', 'admin'],
    params: byId,
    body: rejection,
    response: commandAnswer,
    status: 200,
  })
  reject(@Params() { id }: ById, @Body() { reasons }: z.output<typeof rejection>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(rejectTutor, { tutorId: id, reasons }), caller.commandContext());
  }
}
