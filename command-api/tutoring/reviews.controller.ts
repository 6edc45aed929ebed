import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import {
  askMoreInformation,
  assessQualifications,
  claimReview,
  decideReview,
  releaseReview,
} from '#domain/tutoring/admin-review-session.messages.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const assessments = assessQualifications.data.omit({ reviewId: true });
const questions = askMoreInformation.data.omit({ reviewId: true });
const decision = decideReview.data.omit({ reviewId: true });

/** The administrators' review queue. */
@Controller('admin/reviews')
export class ReviewsController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/claim')
  @Endpoint({ summary: 'Take a review for two hours.', actors: ['admin'], params: byId, response: commandAnswer, status: 200 })
  claim(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(claimReview, { reviewId: id }), caller.commandContext());
  }

  @Post(':id/release')
  @Endpoint({ summary: 'Give a claimed review back.', actors: ['admin'], params: byId, response: commandAnswer, status: 200 })
  release(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(releaseReview, { reviewId: id }), caller.commandContext());
  }

  @Post(':id/assess')
  @Endpoint({
    summary: 'Judge qualifications of a claimed review.',
    actors: ['admin'],
    params: byId,
    body: assessments,
    response: commandAnswer,
    status: 200,
  })
  assess(@Params() { id }: ById, @Body() judged: z.output<typeof assessments>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(assessQualifications, { reviewId: id, ...judged }), caller.commandContext());
  }

  @Post(':id/more-info')
  @Endpoint({
    summary: 'Ask the tutor for more; the clock stands still meanwhile.',
    actors: ['admin'],
    params: byId,
    body: questions,
    response: commandAnswer,
    status: 200,
  })
  ask(@Params() { id }: ById, @Body() asked: z.output<typeof questions>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(askMoreInformation, { reviewId: id, ...asked }), caller.commandContext());
  }

  @Post(':id/decide')
  @Endpoint({
    summary: 'Approve, or reject with reasons.',
    actors: ['admin'],
    params: byId,
    body: decision,
    response: commandAnswer,
    status: 200,
  })
  decide(@Params() { id }: ById, @Body() decided: z.output<typeof decision>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(decideReview, { reviewId: id, ...decided }), caller.commandContext());
  }
}
