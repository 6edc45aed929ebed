import { Controller, Inject, Post, Put } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { dateException } from '#domain/lessons/availability.ts';
import { addAvailabilityException, setAvailability } from '#domain/lessons/tutor-calendar.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, Caller, commandAnswer, Endpoint } from '#infra/http/endpoint.ts';

const hours = setAvailability.data.omit({ tutorId: true });

@Controller('tutors/availability')
export class AvailabilityController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Put()
  @Endpoint({
    summary: 'Set weekly hours by the wall clock of a zone, and the terms of booking.',
    actors: ['tutor'],
    body: hours,
    response: commandAnswer,
  })
  set(@Body() body: z.output<typeof hours>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(setAvailability, { tutorId: caller.actor.userId!, ...body }), caller.commandContext());
  }

  @Post('exceptions')
  @Endpoint({
    summary: 'Set other hours, or a day off, for one date.',
    actors: ['tutor'],
    body: dateException,
    response: commandAnswer,
  })
  except(@Body() body: z.output<typeof dateException>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(addAvailabilityException, { tutorId: caller.actor.userId!, ...body }), caller.commandContext());
  }
}
