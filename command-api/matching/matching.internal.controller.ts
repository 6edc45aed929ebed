import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { pairId, uuid } from '#domain/kernel/ids.ts';
import { establishMatch } from '#domain/matching/student-tutor-match.ts';
import { publishTutor } from '#domain/tutoring/tutor-profile.messages.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, Caller, commandAnswer, Endpoint } from '#infra/http/endpoint.ts';

const pair = z.object({ studentId: uuid, tutorId: uuid });
const tutor = z.object({ tutorId: uuid });

@Controller('internal')
export class InternalMatchingController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post('matches/establish')
  @Endpoint({ summary: 'Connect a student and a tutor.', actors: ['internal', 'admin'], body: pair, response: commandAnswer, status: 200 })
  establish(@Body() { studentId, tutorId }: z.output<typeof pair>, @Caller() caller: Caller): Promise<CommandResult> {
    const match = { matchId: pairId(studentId, tutorId), studentId, tutorId };
    return this.commands.send(command(establishMatch, match), caller.commandContext());
  }

  @Post('search/reindex-tutor')
  @Endpoint({
    summary: 'Publish again what search shows of a tutor; when nothing has changed, nothing happens.',
    actors: ['internal', 'admin'],
    body: tutor,
    response: commandAnswer,
    status: 202,
  })
  reindex(@Body() { tutorId }: z.output<typeof tutor>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(publishTutor, { tutorId }), caller.commandContext());
  }
}
