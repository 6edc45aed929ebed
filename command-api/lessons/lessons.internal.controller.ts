import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { BookingNotFound } from '#domain/lessons/lesson-booking.refusals.ts';
import { confirmLesson, endLesson } from '#domain/lessons/lesson-booking.messages.ts';
import { lessonBooking } from '#domain/lessons/lesson-booking.ts';
import { confirmSlot } from '#domain/lessons/tutor-calendar.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { Body, Caller, commandAnswer, Endpoint } from '#infra/http/endpoint.ts';

const booking = z.object({ bookingId: uuid });

/** Operators' overrides: the same commands that policies send, so whichever comes second finds it done. */
@Controller('internal/lessons')
export class InternalLessonsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
  ) {}

  @Post('confirm-payment')
  @Endpoint({
    summary: 'Confirm a booking whose payment was captured; refused while nothing was.',
    actors: ['internal', 'admin'],
    body: booking,
    response: commandAnswer,
    status: 200,
  })
  async confirm(@Body() { bookingId }: z.output<typeof booking>, @Caller() caller: Caller): Promise<CommandResult> {
    const { state } = await this.aggregates.load(lessonBooking, bookingId);
    if (state.lesson === undefined) throw new BookingNotFound();
    await this.commands.send(command(confirmSlot, { tutorId: state.lesson.tutorId, bookingId }), caller.commandContext({ step: 'slot' }));
    return this.commands.send(command(confirmLesson, { bookingId }), caller.commandContext());
  }

  @Post('complete')
  @Endpoint({
    summary: 'End a lesson that is going on.',
    actors: ['internal', 'admin'],
    body: booking,
    response: commandAnswer,
    status: 200,
  })
  complete(@Body() { bookingId }: z.output<typeof booking>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(endLesson, { bookingId, because: 'asked' }), caller.commandContext());
  }
}
