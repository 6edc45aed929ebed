import { Controller, Delete, Inject, Post, Put } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { provideMoreInformation, withdrawReview } from '#domain/tutoring/admin-review-session.messages.ts';
import { removeQualification } from '#domain/tutoring/qualification-portfolio.ts';
import {
  createTutorProfile,
  pauseTutor,
  resumeTutor,
  submitForReview,
  updateTutorProfile,
} from '#domain/tutoring/tutor-profile.messages.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';
import { newQualifications, QualificationDocuments, uploadForm, wantedUpload } from './qualification-documents.ts';

const newProfile = createTutorProfile.data.omit({ tutorId: true });
const changes = updateTutorProfile.data.omit({ tutorId: true });

@Controller('tutors')
export class TutorsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(QualificationDocuments) private readonly documents: QualificationDocuments,
  ) {}

  @Post('profile')
  @Endpoint({ summary: 'Start the tutor profile.', actors: ['tutor'], body: newProfile, response: commandAnswer })
  create(@Body() profile: z.output<typeof newProfile>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(createTutorProfile, { tutorId: caller.actor.userId!, ...profile }), caller.commandContext());
  }

  @Put('profile')
  @Endpoint({ summary: 'Complete or change the tutor profile.', actors: ['tutor'], body: changes, response: commandAnswer })
  update(@Body() profile: z.output<typeof changes>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(updateTutorProfile, { tutorId: caller.actor.userId!, ...profile }), caller.commandContext());
  }

  @Post('qualifications/upload')
  @Endpoint({
    summary: 'Get a form to upload the document of a qualification with: PDF, JPEG or PNG, at most 10 MB, within 15 minutes.',
    actors: ['tutor'],
    body: wantedUpload,
    response: uploadForm,
    status: 201,
    secretAnswer: true,
  })
  upload(@Body() { contentType }: z.output<typeof wantedUpload>, @Caller() caller: Caller): Promise<z.output<typeof uploadForm>> {
    return this.documents.uploadForm(caller.actor.userId!, contentType, caller.newId('document'));
  }

  @Post('qualifications')
  @Endpoint({
    summary: 'Add qualifications with their uploaded documents.',
    actors: ['tutor'],
    body: newQualifications,
    response: commandAnswer,
  })
  async add(@Body() { qualifications }: z.output<typeof newQualifications>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(await this.documents.adding(caller.actor.userId!, qualifications), caller.commandContext());
  }

  @Delete('qualifications/:id')
  @Endpoint({ summary: 'Take a qualification back.', actors: ['tutor'], params: byId, response: commandAnswer })
  remove(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    const message = command(removeQualification, { tutorId: caller.actor.userId!, qualificationId: id });
    return this.commands.send(message, caller.commandContext());
  }

  @Post('submit-review')
  @Endpoint({ summary: 'Ask to be reviewed.', actors: ['tutor'], response: commandAnswer, status: 202 })
  submit(@Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(submitForReview, { tutorId: caller.actor.userId! }), caller.commandContext());
  }

  @Post('reviews/:id/answer')
  @Endpoint({
    summary: 'Say that what the reviewer asked for is there.',
    actors: ['tutor'],
    params: byId,
    response: commandAnswer,
    status: 200,
  })
  answer(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(provideMoreInformation, { reviewId: id }), caller.commandContext());
  }

  @Post('reviews/:id/withdraw')
  @Endpoint({ summary: 'Call the review off.', actors: ['tutor'], params: byId, response: commandAnswer, status: 200 })
  withdraw(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(withdrawReview, { reviewId: id }), caller.commandContext());
  }

  @Post('pause')
  @Endpoint({ summary: 'Take a break from new students.', actors: ['tutor'], response: commandAnswer, status: 200 })
  pause(@Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(pauseTutor, { tutorId: caller.actor.userId! }), caller.commandContext());
  }

  @Post('resume')
  @Endpoint({ summary: 'End the break.', actors: ['tutor'], response: commandAnswer, status: 200 })
  resume(@Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(resumeTutor, { tutorId: caller.actor.userId! }), caller.commandContext());
  }
}
